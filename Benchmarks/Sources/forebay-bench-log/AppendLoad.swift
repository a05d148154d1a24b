// Append and sync: one producer encodes, the log-writer thread writes and syncs, as in the daemon.
import CommitLog
import Platform
import Synchronization

/// Batches of 500 records of 88 bytes as they are stored, handed over together every 5 ms, as fast as they go.
struct AppendLoad {
    private static let recordsPerBatch = 500
    private static let commitInterval = Duration.milliseconds(5)
    /// With a key of 6 bytes and the fields around them, 88 bytes on disk.
    private static let valueBytes = 72

    let directory: String
    let batches: Int

    init(directory: String, batches: String) throws {
        guard let batches = Int(batches), batches > 0 else { throw LoadError(description: "append takes a number") }
        self.directory = directory
        self.batches = batches
    }

    func run() throws -> String {
        let clock = SystemClock()
        let log = try CommitLog.open(
            LogConfiguration(directory: directory, topics: [.readings: TopicConfiguration()], keepFreeFraction: 0),
            disk: PosixDisk(),
            clock: clock,
            access: .readWrite
        )
        guard let partition = log.partition(TopicPartition(topic: .readings, partition: .zero)) else {
            throw LoadError(description: "there is no partition")
        }
        let writer = log.makeWriter()
        let isDone = StopFlag()
        let thread = PlatformThread(name: "log-writer") {
            while !isDone.isRaised, writer.step(waitUpTo: .milliseconds(100)) != .failed {}
            writer.close()
        }
        let cpu = processSeconds()
        let start = clock.monotonic()
        let bytes = try produce(log, partition, clock)
        let seconds = clock.monotonic().since(start) / .seconds(1)
        let used = processSeconds() - cpu
        isDone.raise()
        thread.join()
        let records = Double(batches * AppendLoad.recordsPerBatch)
        let commits = log.metrics.commits
        return "{\"records\":\(Int(records)),\"bytes\":\(bytes),\"commits\":\(commits),\"rate\":\(records / seconds),"
            + "\"cpu_ns_per_record\":\(used * 1e9 / records)}"
    }

    /// Appends everything and waits until the last of it is durable; the bytes of all batches.
    private func produce(_ log: CommitLog, _ partition: Partition, _ clock: SystemClock) throws -> Int {
        let builder = BatchBuilder(pool: log.pool)
        var open: [(Partition, SealedBatch)] = []
        var handOver = clock.monotonic().advanced(by: AppendLoad.commitInterval)
        var last: CommitTicket?
        var bytes = 0
        for number in 1...batches {
            fill(builder, first: number, at: clock.now())
            let batch = builder.seal(compression: .none)
            bytes += batch.byteCount
            open.append((partition, batch))
            let now = clock.monotonic()
            guard now >= handOver || number == batches else { continue }
            last = try offer(open, to: log, after: last)
            open.removeAll(keepingCapacity: true)
            handOver = now.advanced(by: AppendLoad.commitInterval)
        }
        guard let last, log.inbox.wait(for: last, timeout: .seconds(60)) == .durable else {
            throw LoadError(description: "the last commit did not become durable")
        }
        return bytes
    }

    private func fill(_ builder: BatchBuilder, first: Int, at time: Timestamp) {
        withUnsafeTemporaryAllocation(byteCount: 6 + AppendLoad.valueBytes, alignment: 8) { bytes in
            bytes.initializeMemory(as: UInt8.self, repeating: 0x72)
            let key = UnsafeRawBufferPointer(rebasing: bytes[..<6])
            let value = UnsafeRawBufferPointer(rebasing: bytes[6...])
            for record in 0..<AppendLoad.recordsPerBatch {
                // A few bytes of each differ, as in the C program.
                bytes.storeBytes(of: first &* 1000 &+ record, toByteOffset: 8, as: Int.self)
                let fits = builder.append(
                    timestamp: time,
                    key: key,
                    value: value,
                    headers: UnsafeRawBufferPointer(start: nil, count: 0),
                    headerCount: 0
                )
                precondition(fits, "500 records of 88 bytes fit into a batch")
            }
        }
    }

    /// Hands over, waiting for the commit before where the inbox is full.
    private func offer(
        _ batches: [(Partition, SealedBatch)],
        to log: CommitLog,
        after last: CommitTicket?
    ) throws -> CommitTicket {
        while true {
            switch log.inbox.offer(batches) {
            case .accepted(let ticket): return ticket
            case .closed: throw LoadError(description: "the log is closed: \(log.state)")
            case .full:
                guard let last else { throw LoadError(description: "an empty inbox is full") }
                _ = log.inbox.wait(for: last, timeout: .milliseconds(5))
            }
        }
    }
}

/// Tells the log-writer thread to end.
private final class StopFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    var isRaised: Bool { flag.load(ordering: .acquiring) }

    func raise() {
        flag.store(true, ordering: .releasing)
    }
}
