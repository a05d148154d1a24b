// Has the box look at itself every few seconds, and appends the alerts that follow.
internal import Alerting
internal import CommitLog
internal import Ingest
internal import Platform

/// Owned by one task, on a log that takes writes.
struct BoxWatcher {
    private let writer: ReportWriter
    private var watch: BoxWatch
    /// Edges that the log has not taken yet. Until it has, nothing is observed, so that there are never many.
    private var waiting: [AlertRecord] = []

    /// - `book`: of the log as it was opened; what fires there goes on.
    init(writer: ReportWriter, book: AlertBook) {
        self.writer = writer
        watch = BoxWatch(continuing: book.firing.map(\.record))
    }

    /// Again and again, once the inputs have been started.
    mutating func look(_ parts: DaemonParts) {
        if waiting.isEmpty { waiting = watch.observe(BoxWatcher.observation(parts)) }
        while !waiting.isEmpty {
            let edges = Array(waiting.prefix(ReportWriter.edgesMax))
            guard writer.append(edges) != nil else { return }
            waiting.removeFirst(edges.count)
        }
    }

    private static func observation(_ parts: DaemonParts) -> BoxObservation {
        let configuration = parts.configuration
        let system = parts.log.partition(TopicPartition(topic: .system, partition: .zero))
        return BoxObservation(
            box: configuration.name,
            wall: parts.clock.now(),
            monotonic: parts.clock.monotonic(),
            clock: parts.clock.quality(),
            watchesSteps: configuration.clock != .trust,
            inputs: parts.inputs.views().map { view in
                BoxObservation.Input(
                    name: view.configuration.name,
                    isUp: view.state.isUp,
                    text: view.state.text,
                    received: view.counts.received,
                    kernelDrops: view.counts.dropped[.kernelBuffer] ?? 0
                )
            },
            hooks: parts.alerting.boxHooks(),
            disk: disk(parts, keepFreePercent: configuration.log.keepFreePercent),
            systemEnd: system.map { parts.log.snapshot().highWatermark(of: $0).value } ?? 0
        )
    }

    private static func disk(_ parts: DaemonParts, keepFreePercent: Int) -> BoxObservation.Disk? {
        let space = DataSpace.current(parts)
        guard space.total > 0 else { return nil }
        let isFull = if case .full = parts.log.state { true } else { false }
        return BoxObservation.Disk(
            free: space.free,
            keepFree: space.total / 100 * Int64(keepFreePercent),
            isFull: isFull
        )
    }
}
