// Sequential read of a log that `append` left, through the reader that every consumer uses: whole batches, CRC checked.
import CommitLog
import Platform

/// Reads everything five times, a fetch of 1 MiB after the other; the best time counts, as for `cat` beside it.
struct ReadLoad {
    private static let passes = 5
    private static let fetchBytes = 1 << 20

    let directory: String

    func run() throws -> String {
        let clock = SystemClock()
        let log = try CommitLog.open(
            LogConfiguration(directory: directory, topics: [:]),
            disk: PosixDisk(),
            clock: clock,
            access: .readOnly
        )
        guard let partition = log.partition(TopicPartition(topic: .readings, partition: .zero)) else {
            throw LoadError(description: "there is no partition")
        }
        var best = Double.infinity
        var bytes = 0
        for _ in 0..<ReadLoad.passes {
            let start = clock.monotonic()
            bytes = try readAll(log, partition)
            best = min(best, clock.monotonic().since(start) / .seconds(1))
        }
        return "{\"bytes\":\(bytes),\"seconds\":\(best),\"rate\":\(Double(bytes) / best)}"
    }

    private func readAll(_ log: CommitLog, _ partition: Partition) throws -> Int {
        let reader = LogReader(log: log)
        var buffer = ReadBuffer()
        let end = partition.logEndOffset
        var offset = partition.logStartOffset
        var bytes = 0
        while offset < end {
            let read = try reader.read(partition, from: offset, upTo: end, maxBytes: ReadLoad.fetchBytes, into: &buffer)
            guard !read.isEmpty else { throw LoadError(description: "nothing at \(offset), below \(end)") }
            bytes += read.byteCount
            offset = read.nextOffset
        }
        return bytes
    }
}
