// What a bench is made with and gives: settings, a clock set by hand, the way of a payload, copies of records.
import CommitLog
import EventModel
import Ingest
import Platform
import Synchronization

/// What a bench is made with.
struct BenchSettings {
    var input = "plant"
    var format = "json"
    var decoder = DecoderOptions()
    var normaliser = NormaliserOptions()
    var payloadBytesMax = InputLimits.payloadBytesMax
    /// What the registry knows at first.
    var devices: [DeviceEntry] = []
    /// The budget of devices; several benches may share it as inputs do.
    var sightings = DeviceSightings(automaticMax: 1000)
    /// Of topic `readings`.
    var partitions = 1
    var inboxBytesMax = 64 << 20
    var commitInterval = Duration.milliseconds(10)
}

/// A clock that a test sets. Its wall clock stands at the `received` of CONTRACT section 4.
final class BenchClock: Clock {
    /// 2026-11-23T19:10:00.131Z
    static let start = Timestamp(milliseconds: 1_795_461_000_131)

    private struct State {
        var monotonic = MonotonicInstant(nanoseconds: 1_000_000_000_000)
        var quality = ClockQuality.synchronised
    }

    private let state = Mutex(State())
    let bootID = "00000000-0000-4000-8000-000000000001"

    func now() -> Timestamp { BenchClock.start }
    func monotonic() -> MonotonicInstant { state.withLock { $0.monotonic } }
    func quality() -> ClockQuality { state.withLock { $0.quality } }

    /// Moves the monotonic clock alone.
    func advance(by duration: Duration) {
        state.withLock { $0.monotonic = $0.monotonic.advanced(by: duration) }
    }

    func set(_ quality: ClockQuality) {
        state.withLock { $0.quality = quality }
    }
}

/// How a payload came.
struct PayloadWay {
    var from = "192.0.2.7:5000"
    /// Of the topic `from`; nil where it is no topic.
    var pattern: String?
    var isRetained = false
    var messageID: UInt16?

    static let datagram = PayloadWay()

    static func topic(
        _ topic: String,
        _ pattern: String,
        isRetained: Bool = false,
        messageID: UInt16? = nil
    ) -> PayloadWay {
        PayloadWay(from: topic, pattern: pattern, isRetained: isRetained, messageID: messageID)
    }
}

/// A record of the log, copied.
struct BenchRecord {
    var partition: Int32
    var timestamp: Timestamp
    var key: String
    var value: [UInt8]
    var headers: [String: String] = [:]

    init(_ record: Record, partition: Int32) {
        func text(_ bytes: UnsafeRawBufferPointer?) -> String {
            bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        self.partition = partition
        timestamp = record.timestamp
        key = text(record.key)
        value = record.value.map { Array($0) } ?? []
        var entries = RecordHeaders(record)
        while let entry = entries.next() { headers[text(entry.key)] = text(entry.value) }
    }

    var text: String { String(decoding: value, as: UTF8.self) }

    func json() throws -> JSONValue { try JSONValue(parsing: value) }
}

/// What became of payloads.
struct Taken {
    /// Of topic `readings`.
    var events: [BenchRecord]
    /// Of topic `rejected`.
    var rejects: [BenchRecord]
}

extension HandOver {
    /// The case's name, so that a test can compare it.
    var word: String {
        switch self {
        case .nothing: "nothing"
        case .accepted: "accepted"
        case .full: "full"
        case .closed: "closed"
        }
    }
}

extension InputCounts {
    var rejectedTotal: UInt64 { rejected.values.reduce(0, +) }
    var droppedTotal: UInt64 { dropped.values.reduce(0, +) }
    /// `received = appended + rejected + dropped`
    var isConserved: Bool { received == appended + rejectedTotal + droppedTotal }
}
