// A consumer of topic `alerts` with a cursor, as hooks are: the delivery is stored, made, and then stored as made.
import CommitLog
import Platform

/// The receiver's end: what arrived, for good, whatever becomes of the box.
struct Deliveries {
    private(set) var counts: [Int64: Int] = [:]

    mutating func add(_ offset: Int64) { counts[offset, default: 0] += 1 }

    /// Deliveries beyond the first of each alert: a crash between a delivery and its note costs one.
    var repeated: Int { counts.values.reduce(0) { $0 + $1 - 1 } }
}

/// What the cursor file holds: the next offset to look at, and the one that is being delivered, -1 for none.
struct ConsumerCursor: Equatable {
    var position: Int64
    var delivery: Int64 = -1

    var encoded: [UInt8] {
        [position, delivery].flatMap { number in withUnsafeBytes(of: number.bigEndian) { Array($0) } }
    }

    init(position: Int64) {
        self.position = position
    }

    init?(_ bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        (position, delivery) = bytes.withUnsafeBytes {
            (
                Int64(bigEndian: $0.loadUnaligned(as: Int64.self)),
                Int64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: Int64.self))
            )
        }
    }
}

final class Consumer {
    static let cursorName = "hook-pager"

    private let alerts: Partition
    private let log: CommitLog
    private let reader: LogReader
    private let decoder = RecordDecoder()
    private var buffer = ReadBuffer()
    private let file: CursorFile
    private(set) var cursor: ConsumerCursor
    private let storesFirst: Bool

    /// `storesFirst`: the planted bug.
    init(log: CommitLog, alerts: Partition, disk: any Disk, directory: String, storesFirst: Bool) throws(LogError) {
        self.log = log
        self.alerts = alerts
        self.storesFirst = storesFirst
        reader = LogReader(log: log)
        file = try CursorFile(dataDirectory: directory, name: Consumer.cursorName, disk: disk)
        // A damaged cursor begins anew: told twice is better than never.
        if case .value(let bytes) = try file.load(), let stored = ConsumerCursor(bytes) {
            cursor = stored
        } else {
            cursor = ConsumerCursor(position: alerts.logStartOffset.value)
        }
    }

    /// Whether everything visible was delivered.
    var isSettled: Bool { cursor.delivery < 0 && cursor.position >= alerts.logEndOffset.value }

    /// One move: takes the next alert, or delivers the one taken. `succeeds`: whether the receiver answers.
    func step(_ deliveries: inout Deliveries, succeeds: Bool) throws(LogError) {
        guard cursor.delivery < 0 else {
            guard succeeds else { return }
            let delivered = cursor.delivery
            if !storesFirst { deliveries.add(delivered) }
            cursor.delivery = -1
            try file.store(cursor.encoded)
            if storesFirst { deliveries.add(delivered) }
            return
        }
        guard let next = try nextOffset() else { return }
        cursor.delivery = next
        cursor.position = next + 1
        try file.store(cursor.encoded)
    }

    /// The first readable record at the cursor or after it.
    private func nextOffset() throws(LogError) -> Int64? {
        let end = log.snapshot().highWatermark(of: alerts)
        var at = Offset(cursor.position)
        while at < end {
            do {
                let result = try reader.read(alerts, from: at, upTo: end, maxBytes: 1, into: &buffer)
                guard !result.isEmpty else { return nil }
                var batches = buffer.batches
                guard let batch = batches.next() else { return nil }
                return max(at.value, batch.baseOffset.value)
            } catch {
                guard error.code == .damaged, let resumeAt = error.resumeAt else { throw error }
                if log.isUnderRepair(alerts, at: at) { return nil }
                at = resumeAt
            }
        }
        return nil
    }
}
