// What `GET /metrics` says, as values: filled by the appliance at each scrape, rendered here.
package import Platform

/// The counters of one input. `received = appended + rejected + dropped` at every quiescent point.
package struct InputMetrics: Sendable {
    package var input: String
    package var received: UInt64
    package var appended: UInt64
    /// Payloads by reject reason, e.g. `malformed`.
    package var rejected: [String: UInt64]
    /// Payloads by the place where they were lost, e.g. `kernel`.
    package var dropped: [String: UInt64]
    package var events: UInt64
    /// Texts and labels that were too long to be kept, repeated metrics.
    package var leftOut: UInt64
    /// Payloads that were delivered again and recognised, marked or dropped.
    package var duplicates: UInt64
    /// What was entered in topic `gaps`, by kind.
    package var gaps: [String: UInt64]
    package var isUp: Bool
    /// Nil where nothing has come since start.
    package var lastPayload: Timestamp?

    package init(
        input: String,
        received: UInt64,
        appended: UInt64,
        rejected: [String: UInt64],
        dropped: [String: UInt64],
        events: UInt64,
        leftOut: UInt64 = 0,
        duplicates: UInt64 = 0,
        gaps: [String: UInt64] = [:],
        isUp: Bool,
        lastPayload: Timestamp?
    ) {
        self.input = input
        self.received = received
        self.appended = appended
        self.rejected = rejected
        self.dropped = dropped
        self.events = events
        self.leftOut = leftOut
        self.duplicates = duplicates
        self.gaps = gaps
        self.isUp = isUp
        self.lastPayload = lastPayload
    }
}

/// Where one partition of the log stands.
package struct PartitionMetrics: Sendable {
    package var topic: String
    package var partition: Int
    package var startOffset: Int64
    package var endOffset: Int64
    package var sizeBytes: Int64

    package init(topic: String, partition: Int, startOffset: Int64, endOffset: Int64, sizeBytes: Int64) {
        self.topic = topic
        self.partition = partition
        self.startOffset = startOffset
        self.endOffset = endOffset
        self.sizeBytes = sizeBytes
    }
}

/// A histogram as it stands: seconds.
package struct HistogramSnapshot: Sendable {
    /// Ascending.
    package var upperBounds: [Double]
    /// Observations per bucket (not cumulative), one for each bound.
    package var counts: [UInt64]
    /// Observations beyond the last bound.
    package var overflowCount: UInt64
    package var sum: Double

    package init(upperBounds: [Double], counts: [UInt64], overflowCount: UInt64, sum: Double) {
        self.upperBounds = upperBounds
        self.counts = counts
        self.overflowCount = overflowCount
        self.sum = sum
    }
}

/// What one hook has done since start.
package struct HookMetrics: Sendable {
    package var hook: String
    /// Attempts by their result, e.g. `delivered`, `failed`.
    package var deliveries: [String: UInt64]
    /// Alert transitions that wait for it.
    package var lagRecords: Int64
    /// Alert transitions that were gone before it read them.
    package var skippedRecords: UInt64
    package var lastSuccess: Timestamp?

    package init(
        hook: String,
        deliveries: [String: UInt64],
        lagRecords: Int64,
        skippedRecords: UInt64 = 0,
        lastSuccess: Timestamp?
    ) {
        self.hook = hook
        self.skippedRecords = skippedRecords
        self.deliveries = deliveries
        self.lagRecords = lagRecords
        self.lastSuccess = lastSuccess
    }
}

/// What damage has cost since the daemon started, what its start found included.
package struct DamageMetrics: Sendable {
    package var repairedSegments: UInt64
    package var lostOffsets: UInt64

    package init(repairedSegments: UInt64 = 0, lostOffsets: UInt64 = 0) {
        self.repairedSegments = repairedSegments
        self.lostOffsets = lostOffsets
    }
}

/// Everything `GET /metrics` shows, at one moment.
package struct MetricsSnapshot: Sendable {
    package var version: String
    package var box: String
    package var inputs: [InputMetrics]
    package var partitions: [PartitionMetrics]
    package var log: LogMetricsSnapshot
    /// Whether the daemon only reads, because the disk has failed too often.
    package var isReadOnly: Bool
    package var damage: DamageMetrics
    package var dataFreeBytes: Int64
    /// Sent to storage by the daemon since its start; nil where the kernel does not say.
    package var processWrittenBytes: Int64?
    /// Given to the device below the data directory since boot, by everybody; nil where the kernel does not say.
    package var deviceWrittenBytes: Int64?
    /// Alerts by state; a state that no alert is in stands with 0.
    package var alerts: [String: Int]
    package var hooks: [HookMetrics]
    /// At most `APILimits.groupLagSeriesMax`.
    package var groups: [GroupMetrics]
    /// Partitions of groups beyond those.
    package var groupsLeftOut: Int
    /// Nil where there is no Kafka listener.
    package var kafka: KafkaMetrics?
    /// Devices by state; a state that no device is in stands with 0.
    package var devices: [String: Int]
    /// What inputs have seen and the registry cannot hold.
    package var skippedSightings: UInt64
    package var isClockSynchronised: Bool
    package var wasLastReloadSuccessful: Bool

    package init(
        version: String,
        box: String,
        inputs: [InputMetrics] = [],
        partitions: [PartitionMetrics] = [],
        log: LogMetricsSnapshot,
        isReadOnly: Bool = false,
        damage: DamageMetrics = DamageMetrics(),
        dataFreeBytes: Int64,
        processWrittenBytes: Int64? = nil,
        deviceWrittenBytes: Int64? = nil,
        alerts: [String: Int],
        hooks: [HookMetrics] = [],
        groups: [GroupMetrics] = [],
        groupsLeftOut: Int = 0,
        kafka: KafkaMetrics? = nil,
        devices: [String: Int],
        skippedSightings: UInt64 = 0,
        isClockSynchronised: Bool,
        wasLastReloadSuccessful: Bool
    ) {
        self.version = version
        self.box = box
        self.inputs = inputs
        self.partitions = partitions
        self.log = log
        self.isReadOnly = isReadOnly
        self.damage = damage
        self.dataFreeBytes = dataFreeBytes
        self.processWrittenBytes = processWrittenBytes
        self.deviceWrittenBytes = deviceWrittenBytes
        self.alerts = alerts
        self.hooks = hooks
        self.groups = groups
        self.groupsLeftOut = groupsLeftOut
        self.kafka = kafka
        self.devices = devices
        self.skippedSightings = skippedSightings
        self.isClockSynchronised = isClockSynchronised
        self.wasLastReloadSuccessful = wasLastReloadSuccessful
    }
}

extension MetricsSnapshot {
    /// The text of one scrape.
    package var prometheusText: String {
        var text = PrometheusText()
        writeInputs(to: &text)
        writeLog(to: &text)
        log.write(to: &text)
        writeAlerts(to: &text)
        writeGroups(to: &text)
        kafka?.write(to: &text)
        text.family("forebay_devices", .gauge, "Devices in the registry, by state.", Self.byLabel("state", devices))
        text.family(
            "forebay_registry_skipped_total",
            .counter,
            "Devices and metrics that inputs have seen and the registry cannot hold.",
            [.init([:], Double(skippedSightings))]
        )
        text.family(
            "forebay_clock_synchronised",
            .gauge,
            "1 while the wall clock can be believed.",
            [.init([:], isClockSynchronised ? 1 : 0)]
        )
        text.family(
            "forebay_config_last_reload_successful",
            .gauge,
            "1 if the last attempt to load the configuration was successful.",
            [.init([:], wasLastReloadSuccessful ? 1 : 0)]
        )
        text.family(
            "forebay_build_info",
            .gauge,
            "Always 1; the version and the name of the box are in the labels.",
            [.init(["version": version, "box": box], 1)]
        )
        return text.text
    }

    private func writeInputs(to text: inout PrometheusText) {
        func perInput(_ value: (InputMetrics) -> Double) -> [PrometheusText.Sample] {
            inputs.map { .init(["input": $0.input], value($0)) }
        }
        func perReason(_ counts: (InputMetrics) -> [String: UInt64]) -> [PrometheusText.Sample] {
            inputs.flatMap { input in
                counts(input).map { .init(["input": input.input, "reason": $0.key], Double($0.value)) }
            }
        }
        text.family("forebay_input_received_total", .counter, "Payloads received.", perInput { Double($0.received) })
        text.family(
            "forebay_input_appended_total",
            .counter,
            "Payloads of which every part was handed to the log.",
            perInput { Double($0.appended) }
        )
        text.family(
            "forebay_input_rejected_total",
            .counter,
            "Payloads that were refused, in whole or in part, by reason.",
            perReason(\.rejected)
        )
        text.family(
            "forebay_input_dropped_total",
            .counter,
            "Payloads lost to overload, by the place where they were lost.",
            perReason(\.dropped)
        )
        text.family("forebay_input_events_total", .counter, "Events made of payloads.", perInput { Double($0.events) })
        text.family(
            "forebay_input_left_out_total",
            .counter,
            "Parts of payloads that are not stored: texts and labels that are too long, repeated metrics.",
            perInput { Double($0.leftOut) }
        )
        text.family(
            "forebay_input_duplicates_total",
            .counter,
            "Payloads that were delivered again although they are stored: marked, or dropped.",
            perInput { Double($0.duplicates) }
        )
        text.family(
            "forebay_input_gaps_total",
            .counter,
            "What was entered in topic gaps, by kind; each kind has a unit of its own.",
            inputs.flatMap { input in
                input.gaps.map { .init(["input": input.input, "kind": $0.key], Double($0.value)) }
            }
        )
        text.family("forebay_input_up", .gauge, "1 while the input can receive.", perInput { $0.isUp ? 1 : 0 })
        text.family(
            "forebay_input_last_payload_time_seconds",
            .gauge,
            "When the last payload came, in seconds since 1970.",
            inputs.compactMap { input in
                input.lastPayload.map { .init(["input": input.input], $0.seconds) }
            }
        )
    }

    private func writeLog(to text: inout PrometheusText) {
        func perPartition(_ value: (PartitionMetrics) -> Int64) -> [PrometheusText.Sample] {
            partitions.map { .init(["topic": $0.topic, "partition": String($0.partition)], Double(value($0))) }
        }
        text.family(
            "forebay_log_start_offset",
            .gauge,
            "The first offset that is kept.",
            perPartition(\.startOffset)
        )
        text.family(
            "forebay_log_end_offset",
            .gauge,
            "The offset that the next record gets.",
            perPartition(\.endOffset)
        )
        text.family("forebay_log_size_bytes", .gauge, "The size of a partition's segments.", perPartition(\.sizeBytes))
        text.family(
            "forebay_log_read_only",
            .gauge,
            "1 while the daemon only reads, because the disk has failed too often.",
            [.init([:], isReadOnly ? 1 : 0)]
        )
        text.family(
            "forebay_log_repaired_segments_total",
            .counter,
            "Closed segments in which damage was found and repaired.",
            [.init([:], Double(damage.repairedSegments))]
        )
        text.family(
            "forebay_log_lost_offsets_total",
            .counter,
            "Offsets that were found lost to damage, by the start of the daemon or since.",
            [.init([:], Double(damage.lostOffsets))]
        )
        text.family(
            "forebay_data_free_bytes",
            .gauge,
            "Free space on the file system of the data directory.",
            [.init([:], Double(dataFreeBytes))]
        )
        text.family(
            "forebay_process_written_bytes_total",
            .counter,
            "Bytes that the daemon has sent to storage, by the kernel's count.",
            processWrittenBytes.map { [.init([:], Double($0))] } ?? []
        )
        text.family(
            "forebay_device_written_bytes_total",
            .counter,
            "Bytes that the device below the data directory was given since boot, by everybody.",
            deviceWrittenBytes.map { [.init([:], Double($0))] } ?? []
        )
    }

    private func writeAlerts(to text: inout PrometheusText) {
        text.family("forebay_alerts", .gauge, "Alerts, by state.", Self.byLabel("state", alerts))
        text.family(
            "forebay_hook_deliveries_total",
            .counter,
            "Attempts to deliver, and alerts that were given up or collapsed, by result.",
            hooks.flatMap { hook in
                hook.deliveries.map { .init(["hook": hook.hook, "result": $0.key], Double($0.value)) }
            }
        )
        text.family(
            "forebay_hook_lag_records",
            .gauge,
            "Alert transitions that a hook has not yet delivered.",
            hooks.map { .init(["hook": $0.hook], Double($0.lagRecords)) }
        )
        text.family(
            "forebay_hook_skipped_records_total",
            .counter,
            "Alert transitions that were gone, by retention or damage, before a hook read them.",
            hooks.map { .init(["hook": $0.hook], Double($0.skippedRecords)) }
        )
        text.family(
            "forebay_hook_last_success_time_seconds",
            .gauge,
            "When a hook last delivered, in seconds since 1970.",
            hooks.compactMap { hook in hook.lastSuccess.map { .init(["hook": hook.hook], $0.seconds) } }
        )
    }

    private static func byLabel(_ label: String, _ counts: [String: Int]) -> [PrometheusText.Sample] {
        counts.map { .init([label: $0.key], Double($0.value)) }
    }
}

extension Timestamp {
    /// Seconds since 1970, as Prometheus has time.
    var seconds: Double { Double(milliseconds) / 1000 }
}
