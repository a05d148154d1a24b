// What `GET /metrics` says of the log's writer: commits, what they held, how long they took, how the disk is.

/// What the log's writer has done since start.
package struct LogMetricsSnapshot: Sendable {
    package var commitDuration: HistogramSnapshot
    package var syncDuration: HistogramSnapshot
    package var durableLatency: HistogramSnapshot
    package var appendedBatches: UInt64
    package var appendedRecords: UInt64
    package var appendedBytes: UInt64
    package var fullAttempts: UInt64
    package var deletedSegments: UInt64
    package var isDiskFull: Bool
    package var isAgeRetentionSuspended: Bool

    package init(
        commitDuration: HistogramSnapshot,
        syncDuration: HistogramSnapshot,
        durableLatency: HistogramSnapshot,
        appendedBatches: UInt64 = 0,
        appendedRecords: UInt64 = 0,
        appendedBytes: UInt64 = 0,
        fullAttempts: UInt64 = 0,
        deletedSegments: UInt64 = 0,
        isDiskFull: Bool = false,
        isAgeRetentionSuspended: Bool = false
    ) {
        self.commitDuration = commitDuration
        self.syncDuration = syncDuration
        self.durableLatency = durableLatency
        self.appendedBatches = appendedBatches
        self.appendedRecords = appendedRecords
        self.appendedBytes = appendedBytes
        self.fullAttempts = fullAttempts
        self.deletedSegments = deletedSegments
        self.isDiskFull = isDiskFull
        self.isAgeRetentionSuspended = isAgeRetentionSuspended
    }
}

extension LogMetricsSnapshot {
    func write(to text: inout PrometheusText) {
        text.histogram(
            "forebay_commit_duration_seconds",
            "The time from the first write of a commit to its last sync.",
            commitDuration
        )
        text.histogram("forebay_commit_sync_seconds", "The time that the syncs of a commit took.", syncDuration)
        text.histogram(
            "forebay_log_durable_latency_seconds",
            "The time from the hand-over of a batch to its being durable.",
            durableLatency
        )
        writeCounters(to: &text)
        text.family(
            "forebay_log_disk_full",
            .gauge,
            "1 while the disk is too full for readings.",
            [.init([:], isDiskFull ? 1 : 0)]
        )
        text.family(
            "forebay_log_age_retention_suspended",
            .gauge,
            "1 while nothing is deleted by age, because the clock is not synchronised or has just stepped.",
            [.init([:], isAgeRetentionSuspended ? 1 : 0)]
        )
    }

    private func writeCounters(to text: inout PrometheusText) {
        let counters = [
            ("forebay_log_appended_batches_total", "Record batches appended and synced.", appendedBatches),
            ("forebay_log_appended_records_total", "Records appended and synced.", appendedRecords),
            (
                "forebay_log_appended_bytes_total",
                "Bytes of record batches appended and synced, without indexes and journals.", appendedBytes
            ),
            ("forebay_log_full_attempts_total", "Attempts to commit that found the disk full.", fullAttempts),
            ("forebay_log_deleted_segments_total", "Segments that retention deleted.", deletedSegments),
        ]
        for (name, help, value) in counters { text.family(name, .counter, help, [.init([:], Double(value))]) }
    }
}
