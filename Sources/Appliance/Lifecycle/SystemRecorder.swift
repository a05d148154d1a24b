// Writes topic `system`: the daemon's start and stop, the passing of time, and steps of the clock.
internal import CommitLog
internal import EventModel
internal import Foundation
internal import Platform
internal import Synchronization

/// Every record is built inside of the commit that it is part of, so that it names where `readings` end with it.
///
/// `start()` once before anything is taken in, `tick()` every ten seconds, `stop()` once after the last reading.
final class SystemRecorder: Sendable {
    private let log: CommitLog
    private let partition: Partition
    private let readings: [TopicPartition]
    private let clock: any Clock
    private let run = UUID().uuidString.lowercased()
    private let configurationHash: String
    /// Wall time less monotonic time at the last record, in milliseconds.
    private let wallOffset = Mutex<Int64?>(nil)

    init(log: CommitLog, clock: any Clock, configurationHash: String) throws(CommandFailure) {
        guard let partition = log.partitions.first(where: { $0.topicPartition.topic == .system }) else {
            throw CommandFailure(ExitStatus.inputOutput, "the log has no topic system")
        }
        self.log = log
        self.clock = clock
        self.configurationHash = configurationHash
        self.partition = partition
        readings = log.partitions.map(\.topicPartition).filter { $0.topic == .readings }
    }

    /// Ticks until the task is cancelled.
    func tickUntilCancelled() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: SystemRecorder.tickInterval)
            if !Task.isCancelled { tick() }
        }
    }

    func start() {
        var record = record(.start)
        record.boot = clock.bootID
        record.configurationHash = configurationHash
        record.version = ProductVersion.text
        wallOffset.withLock { $0 = SystemRecorder.wallOffset(of: record) }
        append(record)
    }

    /// Records that time has passed, and before it that the wall clock has moved against the monotonic one.
    func tick() {
        let tick = record(.tick)
        let offset = SystemRecorder.wallOffset(of: tick)
        let before = wallOffset.withLock { held in
            defer { held = offset }
            return held
        }
        if let before, (offset - before).magnitude > SystemRecorder.stepMillisecondsMin {
            var step = tick
            step.kind = .clockStep
            step.stepMilliseconds = offset - before
            append(step)
        }
        append(tick)
    }

    /// On return the record is durable, or the log does not take any more.
    func stop() async {
        guard case .accepted(let ticket) = append(record(.stop)) else { return }
        let waiting = PlatformThread(name: "stop") { [log] in _ = log.inbox.wait(for: ticket, timeout: .seconds(5)) }
        await waiting.joined()
    }

    private static func wallOffset(of record: SystemRecord) -> Int64 {
        record.wall.milliseconds - record.monotonicMilliseconds
    }

    private func record(_ kind: SystemRecord.Kind) -> SystemRecord {
        SystemRecord(
            kind: kind,
            run: run,
            wall: clock.now(),
            monotonicMilliseconds: clock.monotonic().nanoseconds / 1_000_000,
            clock: clock.quality()
        )
    }

    @discardableResult
    private func append(_ record: SystemRecord) -> OfferResult {
        log.inbox.offerDeferred(to: partition) { [readings, partition, pool = log.pool] ends in
            let builder = BatchBuilder(pool: pool)
            var record = record
            for topicPartition in readings {
                record.ends[topicPartition.description] = ends.end(of: topicPartition)?.value
            }
            record.encode().withUnsafeBytes { bytes in
                _ = builder.append(
                    timestamp: record.wall,
                    key: nil,
                    value: bytes,
                    headers: UnsafeRawBufferPointer(start: nil, count: 0),
                    headerCount: 0
                )
            }
            return builder.seal(compression: partition.configuration.compression)
        }
    }

    /// DESIGN section 8.
    private static let tickInterval = Duration.seconds(10)
    /// A clock that is slewed moves 5 ms in ten seconds; a second is a step.
    private static let stepMillisecondsMin: UInt64 = 1000
}
