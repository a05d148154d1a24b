// The headers of a record, encoded: what came with every payload of the input, and what is new with this one.
internal import CommitLog
internal import EventModel

/// Header entries under construction. The `input` entry is encoded once and kept. One owner.
struct PayloadHeaders: ~Copyable {
    private var buffer: ByteBuilder
    private let fixedByteCount: Int
    private(set) var count = 1

    init(input: String) {
        var fixed = ByteBuilder(capacity: 512)
        var input = input
        input.withUTF8 { PayloadHeaders.append("input", UnsafeRawBufferPointer($0), to: &fixed) }
        fixedByteCount = fixed.count
        buffer = fixed
    }

    /// All entries, without their leading count. Valid until the next change.
    var bytes: UnsafeRawBufferPointer { buffer.bytes }

    /// Begins the headers of a record that came `from` there; only a reject's can be longer than what is kept of it.
    mutating func begin(from: UnsafeRawBufferPointer) {
        buffer.truncate(to: fixedByteCount)
        count = 1
        append("from", UnsafeRawBufferPointer(rebasing: from.prefix(InputLimits.topicBytesMax)))
    }

    mutating func append(_ key: StaticString, _ value: UnsafeRawBufferPointer) {
        PayloadHeaders.append(key, value, to: &buffer)
        count += 1
    }

    mutating func append(_ key: StaticString, _ value: StaticString) {
        append(key, UnsafeRawBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
    }

    mutating func append(_ key: StaticString, integer: Int64, scratch: inout ByteBuilder) {
        scratch.removeAll()
        scratch.append(integer: integer)
        append(key, scratch.bytes)
    }

    /// Two lengths as varints.
    private static let lengthBytesMax = 20

    private static func append(_ key: StaticString, _ value: UnsafeRawBufferPointer, to buffer: inout ByteBuilder) {
        let keyBytes = UnsafeRawBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
        buffer.append(upTo: keyBytes.count + value.count + PayloadHeaders.lengthBytesMax) { space in
            RecordHeader.write(key: keyBytes, value: value, into: space) ?? 0
        }
    }
}
