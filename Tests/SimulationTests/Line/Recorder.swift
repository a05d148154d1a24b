// Topic `system` as the daemon writes it: its start, ticks with the end of readings, steps of the clock.
import CommitLog
import EventModel
import Platform

final class Recorder {
    private static let interval = Duration.seconds(10)

    private let log: CommitLog
    private let system: Partition
    private let readings: TopicPartition
    private let clock: SimulatedClock
    private let run: String
    private var nextTick: MonotonicInstant
    /// Wall time less monotonic time at the last record, in milliseconds.
    private var wallOffset: Int64

    init(log: CommitLog, system: Partition, readings: TopicPartition, clock: SimulatedClock, run: Int) {
        self.log = log
        self.system = system
        self.readings = readings
        self.clock = clock
        self.run = "run-\(run)"
        nextTick = clock.monotonic().advanced(by: Recorder.interval)
        wallOffset = Recorder.wallOffset(clock)
        append(.start)
    }

    func tickIfDue() {
        guard clock.monotonic() >= nextTick else { return }
        nextTick = clock.monotonic().advanced(by: Recorder.interval)
        let offset = Recorder.wallOffset(clock)
        if (offset - wallOffset).magnitude > 1000 { append(.clockStep, by: offset - wallOffset) }
        wallOffset = offset
        append(.tick)
    }

    private static func wallOffset(_ clock: SimulatedClock) -> Int64 {
        clock.now().milliseconds - clock.monotonic().nanoseconds / 1_000_000
    }

    private func append(_ kind: SystemRecord.Kind, by step: Int64? = nil) {
        let template = SystemRecord(
            kind: kind,
            run: run,
            wall: clock.now(),
            monotonicMilliseconds: clock.monotonic().nanoseconds / 1_000_000,
            clock: clock.quality(),
            boot: kind == .start ? clock.bootID : nil,
            stepMilliseconds: step
        )
        // A log that takes nothing misses this tick; the next one says as much.
        _ = log.inbox.offerDeferred(to: system) { [pool = log.pool, readings] ends in
            var record = template
            record.ends[readings.description] = ends.end(of: readings)?.value
            let builder = BatchBuilder(pool: pool)
            record.encode().withUnsafeBytes { bytes in
                _ = builder.append(
                    timestamp: record.wall,
                    key: nil,
                    value: bytes,
                    headers: UnsafeRawBufferPointer(start: nil, count: 0),
                    headerCount: 0
                )
            }
            return builder.seal(compression: .none)
        }
    }
}
