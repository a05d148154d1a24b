// Reads the primitive types of Kafka's protocol, in the old and in the flexible form, from bytes that nobody vouches for.
//
//  type            old form                         flexible ("compact") form, KIP-482
//  int8..int64     big-endian, two's complement     the same
//  boolean         one byte, 0 is false             the same
//  uuid            16 bytes                         the same
//  string          int16 length, UTF-8; -1 null     unsigned varint length + 1, UTF-8; 0 null
//  bytes, records  int32 length; -1 null            unsigned varint length + 1; 0 null
//  array           int32 count; -1 null             unsigned varint count + 1; 0 null
//  tagged fields   none                             at the end of every structure: unsigned varint count, and for each
//                                                   unsigned varint tag, unsigned varint length, bytes
//  An unsigned varint has seven bits a byte, the lowest first; the top bit says that another byte follows.
package import NIOCore

/// Reads a frame from its first byte on; whatever the bytes are, a read returns a value or throws.
///
/// Lengths and counts are compared with what is left, and with `Limits`, before anything is read or allocated. Strings are copied; bytes are
/// slices that share the frame's storage: who keeps one keeps the whole frame.
package struct WireReader {
    private var buffer: ByteBuffer
    private let origin: Int
    private var elementsLeft = Limits.elementsMax
    /// Whether strings, bytes and arrays are compact and structures end with tagged fields.
    package var isFlexible: Bool

    package init(_ buffer: ByteBuffer, isFlexible: Bool = false) {
        self.buffer = buffer
        self.isFlexible = isFlexible
        origin = buffer.readerIndex
    }

    /// In bytes from where the reader began.
    package var position: Int { buffer.readerIndex - origin }

    package var byteCountRemaining: Int { buffer.readableBytes }

    private func error(_ code: WireError.Code) -> WireError { WireError(code, at: position) }

    /// Throws `trailingBytes` unless everything has been read.
    package func expectEnd() throws(WireError) {
        guard buffer.readableBytes == 0 else { throw error(.trailingBytes) }
    }

    // MARK: Plain values

    private mutating func integer<Value: FixedWidthInteger>() throws(WireError) -> Value {
        guard let value = buffer.readInteger(as: Value.self) else { throw error(.truncated) }
        return value
    }

    /// One byte.
    package mutating func int8() throws(WireError) -> Int8 { try integer() }

    /// Two bytes.
    package mutating func int16() throws(WireError) -> Int16 { try integer() }

    /// Four bytes.
    package mutating func int32() throws(WireError) -> Int32 { try integer() }

    /// Eight bytes.
    package mutating func int64() throws(WireError) -> Int64 { try integer() }

    /// Four bytes.
    package mutating func uint32() throws(WireError) -> UInt32 { try integer() }

    /// Any byte but 0 is true, as with Kafka.
    package mutating func boolean() throws(WireError) -> Bool { try int8() != 0 }

    /// Sixteen bytes.
    package mutating func uuid() throws(WireError) -> KafkaUUID {
        guard buffer.readableBytes >= 16 else { throw error(.truncated) }
        return KafkaUUID(high: try integer(), low: try integer())
    }

    /// One to five bytes; whatever does not fit 32 bits is an error, not cut.
    package mutating func unsignedVarint() throws(WireError) -> UInt32 {
        var value: UInt32 = 0
        for shift in stride(from: UInt32(0), through: 28, by: 7) {
            let byte: UInt8 = try integer()
            let bits = UInt32(byte & 0x7f)
            guard shift < 28 || bits <= 0x0f else { throw error(.varintTooLong) }
            value |= bits << shift
            if byte & 0x80 == 0 { return value }
        }
        throw error(.varintTooLong)
    }

    // MARK: Lengths

    /// Nil is null.
    private mutating func compactLength() throws(WireError) -> Int? {
        let value = try unsignedVarint()
        return value == 0 ? nil : Int(value) - 1
    }

    private func length(_ value: some FixedWidthInteger & SignedInteger) throws(WireError) -> Int? {
        guard value >= -1 else { throw error(.negativeLength) }
        return value == -1 ? nil : Int(value)
    }

    private func required<Value>(_ value: Value?) throws(WireError) -> Value {
        guard let value else { throw error(.unexpectedNull) }
        return value
    }

    // MARK: Strings

    /// At most `Limits.stringBytesMax` bytes.
    package mutating func string() throws(WireError) -> String {
        try required(nullableString())
    }

    /// At most `Limits.stringBytesMax` bytes.
    package mutating func nullableString() throws(WireError) -> String? {
        guard isFlexible else { return try nonCompactNullableString() }
        guard let count = try compactLength() else { return nil }
        return try text(count)
    }

    /// The old form in every version: the client id of a request header.
    package mutating func nonCompactNullableString() throws(WireError) -> String? {
        guard let count = try length(int16()) else { return nil }
        return try text(count)
    }

    private mutating func text(_ byteCount: Int) throws(WireError) -> String {
        guard byteCount <= Limits.stringBytesMax else { throw error(.tooLong) }
        guard let bytes = buffer.readSlice(length: byteCount) else { throw error(.truncated) }
        guard let text = String(validating: bytes.readableBytesView, as: UTF8.self) else { throw error(.notUTF8) }
        return text
    }

    // MARK: Bytes

    /// A slice of the frame.
    package mutating func bytes() throws(WireError) -> ByteBuffer {
        try required(nullableBytes())
    }

    /// A slice of the frame.
    package mutating func nullableBytes() throws(WireError) -> ByteBuffer? {
        guard let count = try isFlexible ? compactLength() : length(int32()) else { return nil }
        guard let bytes = buffer.readSlice(length: count) else { throw error(.truncated) }
        return bytes
    }

    // MARK: Arrays

    /// An array that the version does not allow to be null.
    package mutating func array<Element: WireReadable>(
        of type: Element.Type = Element.self,
        version: Int16
    ) throws(WireError) -> [Element] {
        try required(nullableArray(version: version))
    }

    /// Nil for null, which is not the same as empty.
    package mutating func nullableArray<Element: WireReadable>(
        of type: Element.Type = Element.self,
        version: Int16
    ) throws(WireError) -> [Element]? {
        guard let count = try isFlexible ? compactLength() : length(int32()) else { return nil }
        guard count <= buffer.readableBytes / Element.byteCountMin else { throw error(.truncated) }
        guard count <= elementsLeft else { throw error(.tooLong) }
        elementsLeft -= count
        var elements: [Element] = []
        elements.reserveCapacity(min(count, Limits.arrayReserveMax))
        for _ in 0..<count {
            try elements.append(Element(from: &self, version: version))
        }
        return elements
    }

    // MARK: Tagged fields

    /// Reads over the tagged fields at the end of a structure; nothing where the version has none.
    package mutating func skipTaggedFields() throws(WireError) {
        try taggedFields { (_, _) throws(WireError) in }
    }

    /// Hands every tagged field to `read`, with a reader of just its bytes; what `read` leaves unread is skipped.
    package mutating func taggedFields(
        _ read: (_ tag: UInt32, _ field: inout WireReader) throws(WireError) -> Void
    ) throws(WireError) {
        guard isFlexible else { return }
        let count = try unsignedVarint()
        guard count <= Limits.taggedFieldsMax else { throw error(.tooManyTaggedFields) }
        for _ in 0..<count {
            let tag = try unsignedVarint()
            let byteCount = try Int(unsignedVarint())
            guard let bytes = buffer.readSlice(length: byteCount) else { throw error(.truncated) }
            var field = WireReader(bytes, isFlexible: true)
            try read(tag, &field)
        }
    }
}
