// A stored record as one line of JSON: what `tail`, the API and `forebay-sim verify` speak.
internal import CommitLog
internal import EventModel
internal import Platform

/// Writes `{"topic","partition","offset","timestamp","key","headers":{},"value"}` without a newline.
///
/// `timestamp` is in milliseconds since 1970. A key or header is a string, or `{"base64":"…"}` where it is not UTF-8;
/// `value` is JSON where the bytes are JSON, else a string, else `{"base64":"…"}`. One owner; the buffer is reused.
struct RecordLine: ~Copyable {
    private var line = ByteBuilder(capacity: 4096)

    /// The last line. Valid until the next call.
    var bytes: UnsafeRawBufferPointer { line.bytes }

    mutating func encode(_ record: Record, of partition: TopicPartition) {
        line.removeAll()
        line.append("{\"topic\":\"")
        line.append(text: partition.topic.text)
        line.append("\",\"partition\":")
        line.append(integer: Int64(partition.partition.value))
        line.append(",\"offset\":")
        line.append(integer: record.offset.value)
        line.append(",\"timestamp\":")
        line.append(integer: record.timestamp.milliseconds)
        line.append(",\"key\":")
        appendText(record.key)
        line.append(",\"headers\":{")
        var headers = RecordHeaders(record)
        var isFirst = true
        while let header = headers.next() {
            if !isFirst { line.append(0x2C) }
            isFirst = false
            appendText(header.key)
            line.append(0x3A)
            appendText(header.value)
        }
        line.append("},\"value\":")
        if let value = record.value, RecordLine.isJSON(value) {
            line.append(value)
        } else {
            appendText(record.value)
        }
        line.append(0x7D)
    }

    private mutating func appendText(_ bytes: UnsafeRawBufferPointer?) {
        guard let bytes else { return line.append("null") }
        if UTF8Text.isValid(bytes.bytes, start: 0, count: bytes.count) {
            EventEncoder.appendString(bytes, to: &line)
        } else {
            line.append("{\"base64\":\"")
            appendBase64(bytes)
            line.append("\"}")
        }
    }

    /// RFC 4648 section 4, with padding.
    private mutating func appendBase64(_ bytes: UnsafeRawBufferPointer) {
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let first = UInt32(bytes[index]) << 16
            let second = left > 1 ? UInt32(bytes[index + 1]) << 8 : 0
            let third = left > 2 ? UInt32(bytes[index + 2]) : 0
            let group = first | second | third
            line.append(RecordLine.base64Digit(group >> 18))
            line.append(RecordLine.base64Digit(group >> 12))
            line.append(left > 1 ? RecordLine.base64Digit(group >> 6) : 0x3D)
            line.append(left > 2 ? RecordLine.base64Digit(group) : 0x3D)
            index += 3
        }
    }

    private static func base64Digit(_ bits: UInt32) -> UInt8 {
        switch UInt8(truncatingIfNeeded: bits & 0x3F) {
        case let digit where digit < 26: 0x41 + digit
        case let digit where digit < 52: 0x61 + digit - 26
        case let digit where digit < 62: 0x30 + digit - 52
        case 62: 0x2B
        default: 0x2F
        }
    }

    /// Whether the bytes are one JSON value and nothing else, on one line, and valid UTF-8.
    static func isJSON(_ value: UnsafeRawBufferPointer) -> Bool {
        let bytes = value.bytes
        var scanner = JSONScanner()
        scanner.skipWhitespace(bytes)
        guard scanner.skipValue(bytes) else { return false }
        scanner.skipWhitespace(bytes)
        return scanner.position == value.count && !value.contains(0x0A) && !value.contains(0x0D)
            && UTF8Text.isValid(bytes, start: 0, count: value.count)
    }
}
