// Records of topic `gaps`: what was lost, where and how much of it, as JSON (docs/schema/gaps.json).
package import Platform

/// A way to lose something. The raw value is the record's `kind` and the label of the metric.
package enum GapKind: String, CaseIterable, Sendable {
    /// Datagrams that the kernel dropped because the socket's buffer was full.
    case kernelBuffer = "kernel_buffer"
    /// Sequence numbers of a device that were passed over.
    case sequence
    /// Sequence numbers that were passed over and came after all: to be taken off those.
    case sequenceLate = "sequence_late"
    /// Characters of a serial line with a framing error, with a parity error, and those that were overrun.
    case serialFraming = "serial_framing"
    case serialParity = "serial_parity"
    case serialOverrun = "serial_overrun"
    /// Refused payloads whose bytes were not kept: beyond the byte rate of topic `rejected`.
    case rejectNotKept = "reject_not_kept"
    /// Messages that the broker says it dropped, for whichever client.
    case brokerDropped = "broker_dropped"
    /// Records that retention removed before their consumer had read them.
    case retention
    /// Records that a consumer could not read because they are damaged; without a consumer, those that the log has lost.
    case damage
}

/// One record of topic `gaps`. Counts of one kind and place add up to what was lost there.
package struct GapRecord: Hashable, Sendable {
    package var kind: GapKind
    /// The input that lost it; nil where a consumer of the log did, or the log.
    package var input: String?
    package var device: String?
    /// `rules`, or `hook-NAME`.
    package var consumer: String?
    /// What the consumer reads, or what has lost them, e.g. `alerts-0`.
    package var partition: String?
    /// The first and the last sequence number or offset; what lies between is not all lost where `count` is smaller.
    package var from: Int64?
    package var to: Int64?
    package var count: UInt64
    /// When the first and the last loss were noticed.
    package var first: Timestamp
    package var last: Timestamp

    package init(kind: GapKind, count: UInt64, first: Timestamp, last: Timestamp) {
        self.kind = kind
        self.count = count
        self.first = first
        self.last = last
    }

    /// The device, the input, the consumer or the partition.
    package var key: [UInt8] { Array((device ?? input ?? consumer ?? partition ?? "").utf8) }

    /// The record's value, one JSON object.
    package func encode() -> [UInt8] {
        var builder = ByteBuilder(capacity: 256)
        var formatter = TimestampFormatter()
        builder.append("{\"kind\":\"")
        builder.append(text: kind.rawValue)
        builder.append(0x22)
        GapRecord.append("input", input, to: &builder)
        GapRecord.append("device", device, to: &builder)
        GapRecord.append("consumer", consumer, to: &builder)
        GapRecord.append("partition", partition, to: &builder)
        GapRecord.append("from", from, to: &builder)
        GapRecord.append("to", to, to: &builder)
        GapRecord.append("count", Int64(clamping: count), to: &builder)
        builder.append(",\"first\":\"")
        builder.append(first, with: &formatter)
        builder.append("\",\"last\":\"")
        builder.append(last, with: &formatter)
        builder.append("\"}")
        return Array(builder.bytes)
    }

    private static func append(_ key: StaticString, _ text: String?, to builder: inout ByteBuilder) {
        guard var text else { return }
        builder.append(",\"")
        builder.append(key)
        builder.append("\":\"")
        text.withUTF8 { builder.append(escaping: UnsafeRawBufferPointer($0)) }
        builder.append(0x22)
    }

    private static func append(_ key: StaticString, _ number: Int64?, to builder: inout ByteBuilder) {
        guard let number else { return }
        builder.append(",\"")
        builder.append(key)
        builder.append("\":")
        builder.append(integer: number)
    }
}
