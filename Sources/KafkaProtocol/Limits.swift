// Every bound of the codec, with its reason. What a client sends makes nothing grow beyond a number that stands here.

package enum Limits {
    /// The longest string, in bytes of UTF-8. The old form has an Int16 for it; Kafka holds the compact form to the same,
    /// and so must we: what came in by the one form may have to go out by the other.
    package static let stringBytesMax = Int(Int16.max)

    /// Tagged fields of one structure. Kafka's largest structure has four; a loop over more is somebody's joke.
    package static let taggedFieldsMax = 256

    /// For how many elements an array has room before its first element has been read. A count is checked against the
    /// bytes that are left, but an element in memory is up to sixteen times what it is at least on the wire.
    package static let arrayReserveMax = 1_024

    /// Elements of all arrays of a frame together, nested ones included. A box has a thousand partitions, so that no client has
    /// so much to say; whoever does makes work, and an answer, many times as large as the request.
    package static let elementsMax = 20_000

    /// One SASL message. The longest that is sane, a SCRAM message with a long name and extensions, has some hundred
    /// bytes; OAuth tokens, which need more, are not spoken here.
    package static let saslMessageBytesMax = 16 << 10

    /// A user name or a password of SASL, in bytes.
    package static let saslNameBytesMax = 1_024
}
