// The header in front of every request, and what a body must do to be one.
//
// A request, behind the int32 length that the listener takes off:
//
//  field            type              note
//  api key          int16             `APIKey`
//  api version      int16
//  correlation id   int32             the response begins with the same
//  client id        nullable string   never compact, not even in a flexible version
//  tagged fields    tagged fields     only in a flexible version (header version 2)
//  body             by key, version   to the end of the frame

/// The header of a request, of whatever key and version: its first eight bytes mean the same in all of them.
package struct RequestHeader: Equatable, Sendable {
    /// What can be done with the body.
    package enum Support: Equatable, Sendable {
        /// The reader stands at its first byte, and is set to its form.
        case decodable(APIKey)
        /// The rest of the header, and the body, were not read.
        ///
        /// For `.apiVersions` the answer is `ApiVersionsResponse.unsupportedVersion` in version 0; for anything else a
        /// broker closes the connection.
        case unsupportedVersion(APIKey)
        /// No API of ours; the rest of the header was not read.
        case unknownKey
    }

    /// As sent.
    package var key: Int16
    package var version: Int16
    package var correlationID: Int32
    /// Nil where the client sent none, and where the header was not read to its end.
    package var clientID: String?
    package var support: Support

    /// Reads the header of a frame whose first byte is the reader's next.
    package init(from reader: inout WireReader) throws(WireError) {
        key = try reader.int16()
        version = try reader.int16()
        correlationID = try reader.int32()
        guard let api = APIKey(rawValue: key).map(APITable.entry) else {
            support = .unknownKey
            return
        }
        guard api.decoded.contains(version) else {
            support = .unsupportedVersion(api.key)
            return
        }
        support = .decodable(api.key)
        clientID = try reader.nonCompactNullableString()
        reader.isFlexible = api.isFlexible(version)
        try reader.skipTaggedFields()
    }
}

/// The body of a request.
package protocol KafkaRequest: Sendable {
    static var key: APIKey { get }

    /// Reads the body behind a header, in the form that `RequestHeader.init(from:)` has set; buffers are slices of the
    /// frame. Fields that `version` has not are what Kafka's schema says they are by default.
    ///
    /// Bytes may be left behind it, which Kafka ignores and so must we: librdkafka 2.16 leaves three behind a Metadata
    /// request for all topics.
    ///
    /// - Throws: `WireError` for anything that is not a body of that version.
    init(from reader: inout WireReader, version: Int16) throws(WireError)
}
