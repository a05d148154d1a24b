// Records of topic `system`: a daemon's start and stop, the passing of time, and steps of the clock, as JSON.
package import Platform

/// One record of topic `system`. What rules depend on beside readings: the recorded order and the log's own time.
///
/// Every kind carries `end`, the offsets at which the partitions of `readings` end with the record's own commit: rules
/// read up to there, then the record. So it is built as a deferred batch of the commit, never from an earlier look.
package struct SystemRecord: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case start, stop, tick
        case clockStep = "clock_step"
    }

    package var kind: Kind
    /// New at each start of the daemon.
    package var run: String
    /// Wall clock, and milliseconds on the monotonic clock of the boot.
    package var wall: Timestamp
    package var monotonicMilliseconds: Int64
    /// Whether the wall clock could be believed.
    package var clock: ClockQuality
    /// By `topic-partition`, e.g. `readings-0`.
    package var ends: [String: Int64]
    /// Of a start: the kernel's identifier of the boot, the configuration's hash, this program's version.
    package var boot: String?
    package var configurationHash: String?
    package var version: String?
    /// Of a clock step: by how much the wall clock moved against the monotonic one, in milliseconds.
    package var stepMilliseconds: Int64?

    package init(
        kind: Kind,
        run: String,
        wall: Timestamp,
        monotonicMilliseconds: Int64,
        clock: ClockQuality,
        ends: [String: Int64] = [:],
        boot: String? = nil,
        configurationHash: String? = nil,
        version: String? = nil,
        stepMilliseconds: Int64? = nil
    ) {
        self.kind = kind
        self.run = run
        self.wall = wall
        self.monotonicMilliseconds = monotonicMilliseconds
        self.clock = clock
        self.ends = ends
        self.boot = boot
        self.configurationHash = configurationHash
        self.version = version
        self.stepMilliseconds = stepMilliseconds
    }
}

extension SystemRecord {
    /// Longest text of a key or value that is read back; what Forebay writes is far shorter.
    private static let textBytesMax = 1024
    /// More partitions than any log has.
    private static let endsMax = 10_000

    /// The record's value, one JSON object.
    package func encode() -> [UInt8] {
        var builder = ByteBuilder(capacity: 256)
        builder.append("{\"type\":\"")
        builder.append(text: kind.rawValue)
        builder.append(0x22)
        SystemRecord.append("boot", boot, to: &builder)
        SystemRecord.append("run", run, to: &builder)
        SystemRecord.append("wall", wall.milliseconds, to: &builder)
        SystemRecord.append("mono", monotonicMilliseconds, to: &builder)
        SystemRecord.append("clock", clock.rawValue, to: &builder)
        SystemRecord.append("config", configurationHash, to: &builder)
        SystemRecord.append("version", version, to: &builder)
        if let stepMilliseconds { SystemRecord.append("step", stepMilliseconds, to: &builder) }
        if !ends.isEmpty {
            builder.append(",\"end\":{")
            for (index, end) in ends.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { builder.append(0x2C) }
                builder.append(0x22)
                SystemRecord.append(escaping: end.key, to: &builder)
                builder.append("\":")
                builder.append(integer: end.value)
            }
            builder.append(0x7D)
        }
        builder.append(0x7D)
        return Array(builder.bytes)
    }

    private static func append(_ key: StaticString, _ text: String?, to builder: inout ByteBuilder) {
        guard let text else { return }
        builder.append(",\"")
        builder.append(key)
        builder.append("\":\"")
        append(escaping: text, to: &builder)
        builder.append(0x22)
    }

    private static func append(_ key: StaticString, _ number: Int64, to builder: inout ByteBuilder) {
        builder.append(",\"")
        builder.append(key)
        builder.append("\":")
        builder.append(integer: number)
    }

    private static func append(escaping text: String, to builder: inout ByteBuilder) {
        var text = text
        text.withUTF8 { builder.append(escaping: UnsafeRawBufferPointer($0)) }
    }

    /// Reads a record's value; nil where it is not one of these kinds with its run and clocks. Unknown keys are stepped
    /// over. Total on any bytes.
    package init?(_ value: RawSpan) {
        self.init(
            kind: .tick,
            run: "",
            wall: Timestamp(milliseconds: 0),
            monotonicMilliseconds: 0,
            clock: .unsynchronised
        )
        var scanner = JSONScanner()
        var found: Set<String> = []
        scanner.skipWhitespace(value)
        guard scanner.consume(0x7B, value) else { return nil }
        repeat {
            scanner.skipWhitespace(value)
            guard let key = SystemRecord.text(value, &scanner) else { return nil }
            scanner.skipWhitespace(value)
            guard scanner.consume(0x3A, value) else { return nil }
            scanner.skipWhitespace(value)
            guard read(key, value, &scanner) else { return nil }
            found.insert(key)
            scanner.skipWhitespace(value)
        } while scanner.consume(0x2C, value)
        guard scanner.consume(0x7D, value), found.isSuperset(of: ["type", "run", "wall", "mono"]) else { return nil }
        scanner.skipWhitespace(value)
        guard scanner.position == value.byteCount else { return nil }
    }

    /// Takes in one member; false where its value is of the wrong kind.
    private mutating func read(_ key: String, _ value: RawSpan, _ scanner: inout JSONScanner) -> Bool {
        switch key {
        case "wall", "mono", "step":
            guard let number = SystemRecord.integer(value, &scanner) else { return false }
            switch key {
            case "wall": wall = Timestamp(milliseconds: number)
            case "mono": monotonicMilliseconds = number
            default: stepMilliseconds = number
            }
        case "end":
            return readEnds(value, &scanner)
        case "type", "boot", "run", "clock", "config", "version":
            guard let text = SystemRecord.text(value, &scanner) else { return false }
            switch key {
            case "type":
                guard let known = Kind(rawValue: text) else { return false }
                kind = known
            case "boot": boot = text
            case "run": run = text
            case "clock": clock = ClockQuality(rawValue: text) ?? .unsynchronised
            case "config": configurationHash = text
            default: version = text
            }
        default:
            return scanner.skipValue(value)
        }
        return true
    }

    private mutating func readEnds(_ value: RawSpan, _ scanner: inout JSONScanner) -> Bool {
        guard scanner.consume(0x7B, value) else { return false }
        scanner.skipWhitespace(value)
        if scanner.consume(0x7D, value) { return true }
        repeat {
            scanner.skipWhitespace(value)
            guard let name = SystemRecord.text(value, &scanner) else { return false }
            scanner.skipWhitespace(value)
            guard scanner.consume(0x3A, value) else { return false }
            scanner.skipWhitespace(value)
            guard let end = SystemRecord.integer(value, &scanner), ends.count < SystemRecord.endsMax else {
                return false
            }
            ends[name] = end
            scanner.skipWhitespace(value)
        } while scanner.consume(0x2C, value)
        return scanner.consume(0x7D, value)
    }

    private static func integer(_ value: RawSpan, _ scanner: inout JSONScanner) -> Int64? {
        scanner.number(value)?.integer(value)
    }

    private static func text(_ value: RawSpan, _ scanner: inout JSONScanner) -> String? {
        guard let string = scanner.string(value), string.count <= textBytesMax else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: max(1, string.count), alignment: 1) { output in
            guard case .written(let count) = JSONScanner.unescape(string, value, into: output) else { return nil }
            return String(decoding: output[..<count], as: UTF8.self)
        }
    }
}
