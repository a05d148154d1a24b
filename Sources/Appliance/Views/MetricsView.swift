// The figures of one scrape, gathered from the running parts.
internal import Alerting
internal import CommitLog
internal import DeviceRegistry
internal import EventModel
internal import HTTPAPI
internal import Ingest
internal import KafkaNIO
internal import Platform

struct MetricsView: MetricsProvider {
    let box: ViewsBox

    func metrics() async -> MetricsSnapshot {
        guard let parts = try? box.parts() else {
            let none = HistogramSnapshot(upperBounds: [], counts: [], overflowCount: 0, sum: 0)
            return MetricsSnapshot(
                version: ProductVersion.text,
                box: "",
                log: LogMetricsSnapshot(commitDuration: none, syncDuration: none, durableLatency: none),
                dataFreeBytes: 0,
                alerts: [:],
                devices: [:],
                isClockSynchronised: false,
                wasLastReloadSuccessful: false
            )
        }
        let groups = await MetricsView.groups(parts)
        return MetricsSnapshot(
            version: ProductVersion.text,
            box: parts.configuration.name,
            inputs: parts.inputs.views().map(MetricsView.metrics),
            partitions: MetricsView.partitions(parts.log),
            log: MetricsView.log(parts.log.metrics, parts.log.state),
            isReadOnly: parts.readOnly != nil,
            damage: DamageMetrics(
                repairedSegments: parts.log.metrics.repairedSegments,
                lostOffsets: parts.log.metrics.lostOffsets
            ),
            dataFreeBytes: DataSpace.current(parts).free,
            processWrittenBytes: WrittenBytes.ofProcess(),
            deviceWrittenBytes: WrittenBytes.ofDevice(holding: parts.configuration.data),
            alerts: parts.alerting.countsByState(),
            hooks: parts.alerting.hookMetrics(),
            groups: groups.shown,
            groupsLeftOut: groups.leftOut,
            kafka: parts.kafka.metrics.map(MetricsView.kafka),
            devices: Dictionary(
                parts.registry.countsByState().map { ($0.key.rawValue, $0.value) },
                uniquingKeysWith: { $0 + $1 }
            ),
            skippedSightings: await parts.keeper.skippedCount,
            isClockSynchronised: parts.clock.quality() == .synchronised,
            wasLastReloadSuccessful: parts.wasLastReloadSuccessful
        )
    }

    func latestReadings() async -> [LatestReading] {
        guard let parts = try? box.parts() else { return [] }
        return parts.alerting.latestReadings(parts.registry.directory())
    }

    private static func log(_ metrics: LogMetrics, _ state: LogState) -> LogMetricsSnapshot {
        let isFull = if case .full = state { true } else { false }
        return LogMetricsSnapshot(
            commitDuration: histogram(metrics.commitDuration),
            syncDuration: histogram(metrics.syncDuration),
            durableLatency: histogram(metrics.durableLatency),
            appendedBatches: metrics.batches,
            appendedRecords: metrics.records,
            appendedBytes: metrics.bytes,
            fullAttempts: metrics.fullAttempts,
            deletedSegments: metrics.deletedSegments,
            isDiskFull: isFull,
            isAgeRetentionSuspended: metrics.ageRetention != .active
        )
    }

    private static func histogram(_ latencies: LatencyHistogram) -> HistogramSnapshot {
        let bounds = LatencyHistogram.bounds
        return HistogramSnapshot(
            upperBounds: bounds,
            counts: Array(latencies.counts.prefix(bounds.count)),
            overflowCount: latencies.counts.last ?? 0,
            sum: latencies.seconds
        )
    }

    private static func metrics(_ view: InputView) -> InputMetrics {
        InputMetrics(
            input: view.configuration.name,
            received: view.counts.received,
            appended: view.counts.appended,
            rejected: Dictionary(
                view.counts.rejected.map { ($0.key.name.description, $0.value) },
                uniquingKeysWith: { $0 + $1 }
            ),
            dropped: Dictionary(
                view.counts.dropped.map { ($0.key.rawValue, $0.value) },
                uniquingKeysWith: { $0 + $1 }
            ),
            events: view.counts.events,
            leftOut: view.counts.leftOut,
            duplicates: view.counts.duplicates,
            gaps: Dictionary(
                view.counts.gaps.map { ($0.key.rawValue, $0.value) },
                uniquingKeysWith: { $0 + $1 }
            ),
            isUp: view.state.isUp,
            lastPayload: view.counts.lastPayload
        )
    }

    private static func groups(_ parts: DaemonParts) async -> (shown: [GroupMetrics], leftOut: Int) {
        guard let server = parts.kafka.server,
            let progress = await server.progress(max: APILimits.groupLagSeriesMax)
        else { return ([], 0) }
        let report = GroupReport(parts.log)
        let shown = progress.offsets.compactMap { offset -> GroupMetrics? in
            guard let lag = report.lag(of: offset.offset, offset.topic, offset.partition) else { return nil }
            return GroupMetrics(
                group: offset.groupID,
                topic: offset.topic,
                partition: Int(offset.partition),
                lagRecords: lag
            )
        }
        return (shown, progress.total - progress.offsets.count)
    }

    private static func kafka(_ metrics: ListenerMetrics) -> KafkaMetrics {
        KafkaMetrics(
            connections: metrics.connections,
            requests: metrics.requestsByName,
            closed: Dictionary(
                metrics.closed.map { ($0.key.rawValue, $0.value) },
                uniquingKeysWith: { $0 + $1 }
            )
        )
    }

    /// Offsets as readers may see them: the end is the high watermark.
    private static func partitions(_ log: CommitLog) -> [PartitionMetrics] {
        let snapshot = log.snapshot()
        return log.partitions.map { partition in
            PartitionMetrics(
                topic: partition.topicPartition.topic.text,
                partition: Int(partition.topicPartition.partition.value),
                startOffset: partition.logStartOffset.value,
                endOffset: snapshot.highWatermark(of: partition).value,
                sizeBytes: partition.sizeBytes.value
            )
        }
    }
}

/// What the file system of the data directory says.
enum DataSpace {
    static func current(_ parts: DaemonParts) -> DiskSpace {
        (try? PosixDisk().space(at: parts.configuration.data)) ?? DiskSpace(total: 0, free: 0)
    }

    /// Nil where the file system does not answer.
    static func sample(_ parts: DaemonParts) -> DiskMeter.Sample? {
        let space = current(parts)
        guard space.total > 0 else { return nil }
        return DiskMeter.Sample(
            at: parts.clock.monotonic(),
            free: space.free,
            deviceWritten: WrittenBytes.ofDevice(holding: parts.configuration.data)
        )
    }
}
