// Writes the primitive types of Kafka's protocol, in the old and in the flexible form; `WireReader.swift` has the layout.
package import NIOCore

/// Appends to a buffer of its own; the counterpart of `WireReader`.
package struct WireWriter {
    /// What has been written so far.
    package private(set) var buffer: ByteBuffer
    /// Whether strings, bytes and arrays are compact and structures end with tagged fields.
    package let isFlexible: Bool

    package init(isFlexible: Bool, capacity: Int = 256) {
        buffer = ByteBufferAllocator().buffer(capacity: capacity)
        self.isFlexible = isFlexible
    }

    // MARK: Plain values

    /// One byte.
    package mutating func int8(_ value: Int8) { buffer.writeInteger(value) }

    /// Two bytes.
    package mutating func int16(_ value: Int16) { buffer.writeInteger(value) }

    /// Four bytes.
    package mutating func int32(_ value: Int32) { buffer.writeInteger(value) }

    /// Four bytes in place of those at `position`, which must have been written.
    package mutating func setInt32(_ value: Int32, at position: Int) {
        precondition(position >= 0 && position + 4 <= buffer.writerIndex, "only what has been written can be replaced")
        buffer.setInteger(value, at: position)
    }

    /// Eight bytes.
    package mutating func int64(_ value: Int64) { buffer.writeInteger(value) }

    /// Four bytes.
    package mutating func uint32(_ value: UInt32) { buffer.writeInteger(value) }

    /// One byte.
    package mutating func boolean(_ value: Bool) { int8(value ? 1 : 0) }

    /// Two bytes.
    package mutating func errorCode(_ value: ErrorCode) { int16(value.rawValue) }

    /// Sixteen bytes.
    package mutating func uuid(_ value: KafkaUUID) {
        buffer.writeInteger(value.high)
        buffer.writeInteger(value.low)
    }

    /// One to five bytes.
    package mutating func unsignedVarint(_ value: UInt32) {
        var rest = value
        while rest > 0x7f {
            buffer.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        buffer.writeInteger(UInt8(truncatingIfNeeded: rest))
    }

    // MARK: Lengths

    /// The length of bytes and arrays; nil is null.
    private mutating func length(_ count: Int?) {
        precondition(count ?? 0 < Int32.max, "a response is shorter than 2 GiB")
        if isFlexible {
            unsignedVarint(count.map { UInt32($0) + 1 } ?? 0)
        } else {
            int32(count.map(Int32.init) ?? -1)
        }
    }

    // MARK: Strings

    /// Cut at `Limits.stringBytesMax` bytes, at the border of a character, since no client could read more.
    package mutating func string(_ value: String) { nullableString(value) }

    /// Cut as by `string`.
    package mutating func nullableString(_ value: String?) {
        guard let value else {
            if isFlexible { unsignedVarint(0) } else { int16(-1) }
            return
        }
        let text = value.utf8.count <= Limits.stringBytesMax ? value : Self.cut(value)
        let byteCount = text.utf8.count
        if isFlexible { unsignedVarint(UInt32(byteCount) + 1) } else { int16(Int16(byteCount)) }
        buffer.writeString(text)
    }

    private static func cut(_ value: String) -> String {
        var byteCount = 0
        let scalars = value.unicodeScalars.prefix { scalar in
            byteCount += UTF8.width(scalar)
            return byteCount <= Limits.stringBytesMax
        }
        return String(scalars)
    }

    // MARK: Bytes

    /// The readable bytes of `value`, copied.
    package mutating func bytes(_ value: ByteBuffer) { nullableBytes(value) }

    /// The readable bytes of `value`, copied.
    package mutating func nullableBytes(_ value: ByteBuffer?) {
        length(value?.readableBytes)
        if let value { buffer.writeImmutableBuffer(value) }
    }

    /// Only the length of bytes that somebody else writes behind what has been written.
    package mutating func bytesLength(_ byteCount: Int) { length(byteCount) }

    // MARK: Arrays

    /// Never null.
    package mutating func array(_ elements: [some WireWritable], version: Int16) {
        arrayLength(elements.count)
        for element in elements { element.write(to: &self, version: version) }
    }

    /// Nil as null, which is not the same as empty.
    package mutating func nullableArray(_ elements: [some WireWritable]?, version: Int16) {
        guard let elements else { return length(nil) }
        array(elements, version: version)
    }

    /// Only the count of an array whose elements the caller writes.
    package mutating func arrayLength(_ count: Int) { length(count) }

    // MARK: Tagged fields

    /// The end of a structure without tagged fields; nothing where the version has none.
    package mutating func emptyTaggedFields() {
        if isFlexible { unsignedVarint(0) }
    }

    /// The end of a structure; nothing where the version has no tagged fields.
    package mutating func taggedFields(_ fields: [TaggedField]) {
        guard isFlexible else { return }
        unsignedVarint(UInt32(fields.count))
        for field in fields {
            unsignedVarint(field.tag)
            unsignedVarint(UInt32(field.content.readableBytes))
            buffer.writeImmutableBuffer(field.content)
        }
    }
}

/// A field that older clients skip. They stand in ascending order of their tags.
package struct TaggedField {
    package var tag: UInt32
    /// In the flexible form.
    package var content: ByteBuffer

    package init(tag: UInt32, _ write: (inout WireWriter) -> Void) {
        var writer = WireWriter(isFlexible: true, capacity: 32)
        write(&writer)
        self.tag = tag
        content = writer.buffer
    }
}
