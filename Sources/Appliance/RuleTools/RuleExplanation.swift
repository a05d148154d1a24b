// `forebay rules explain`: why an alert fires for a device at a time, or why it does not.
internal import Alerting
internal import CommitLog
internal import DeviceRegistry
internal import EventModel
internal import Foundation
package import Platform
package import Rules

/// One rule for one metric of one device, as the log up to an instant has it. Keys are those of `rules explain -o json`.
package struct RuleExplanation: Encodable, Sendable {
    /// The newest reading of the metric.
    package struct Reading: Encodable, Sendable {
        package var value: Double
        package var unit: String?
        package var time: String
        package var partition: Int
        package var offset: Int64
    }

    /// What the rule looks at beside a reading as it comes.
    package struct Input: Encodable, Sendable {
        /// `avg(temperature, 5m)`, or the metric of `only_if` or of an expression.
        package var what: String
        /// nil where it is not known, and of a state.
        package var value: Double?
        package var state: String?
        package var readings: Int
    }

    /// One condition of the rule.
    package struct Level: Encodable, Sendable {
        package var severity: String
        /// In words: `temperature > -15 °C for 10m`.
        package var condition: String
        /// `ok`, `pending`, `firing`, `recovering`; `watching` while `absent` or `unchanged` counts.
        package var state: String
        /// The first reading of the breach, or of the silence.
        package var since: String?
        /// How much of `for` has run.
        package var elapsedSeconds: Double?
        package var forSeconds: Double?
        /// When the level holds if nothing ends it, or has since.
        package var firesAt: String?
        /// Since when the alert is this level's.
        package var firedAt: String?
        /// The first reading that was cleared, while it recovers.
        package var clearedAt: String?

        private enum CodingKeys: String, CodingKey {
            case severity, condition, state, since
            case elapsedSeconds = "elapsed_s"
            case forSeconds = "for_s"
            case firesAt = "fires_at"
            case firedAt = "fired_at"
            case clearedAt = "cleared_at"
        }
    }

    /// The alert's last beginning or end.
    package struct Edge: Encodable, Sendable {
        package var state: String
        package var severity: String
        package var at: String
        package var value: Double
    }

    package var alert: String
    package var device: String
    /// nil where the rule watches none of the device's metrics.
    package var metric: String?
    package var at: String
    /// `ok`, `pending`, `firing`, `recovering`, `resolved`, `no_data`; `not_watched` where the rule does not match.
    package var state: String
    package var severity: String?
    package var reading: Reading?
    package var inputs: [Input] = []
    /// The usual time between two readings.
    package var intervalSeconds: Double?
    /// Of the device's newest event.
    package var labels: [String: String]
    package var levels: [Level]
    package var lastEdge: Edge?
    /// What does not fit where the rule does not match.
    package var mismatches: [RuleMismatch]
    /// The reason in sentences.
    package var why: [String]
    /// Records that the rules could not see, because they are damaged or gone.
    package var skipped: UInt64

    private enum CodingKeys: String, CodingKey {
        case alert, device, metric, at, state, severity, reading, inputs, labels, levels, mismatches, why, skipped
        case intervalSeconds = "interval_s"
        case lastEdge = "last_edge"
    }
}

extension RuleExplanation {
    /// One explanation per metric of the device that the rule watches, or the one of `metric`; one that says what does not fit
    /// where there is none.
    ///
    /// Reads the log up to `time`. Throws 66 where there is no such alert or device, or no log.
    package static func all(
        _ configuration: Configuration,
        alert: String,
        device: String,
        metric: String?,
        at time: Timestamp
    ) throws(CommandFailure) -> [RuleExplanation] {
        guard let rule = configuration.rules.first(where: { $0.alert == alert }),
            let rules = try? RuleSet([rule])
        else {
            let hint = NearestName.hint(for: alert, among: configuration.rules.map(\.alert))
            throw CommandFailure(ExitStatus.noInput, "there is no rule `\(alert)`\(hint)")
        }
        let view = try RecordedLog.read(configuration.data) { (log: CommitLog) throws(LogError) -> DeviceView in
            let witness = DeviceWitness(device)
            let replay = try LogReplay(rules, over: log, upTo: time, seed: randomSeed()) { event, value, position in
                witness.take(event, value, position)
            }
            var edges: [String: AlertTransition] = [:]
            try replay.run { edge in
                let isOf = edge.device == device || edge.devices?.contains(device) ?? false
                if isOf { edges[edge.metric] = edge }
            }
            let levels = replay.standing(ofAlert: alert, device: device, at: time)
            var signals: [String: [SignalStanding]] = [:]
            for level in levels where signals[level.metric] == nil {
                signals[level.metric] = replay.signals(ofAlert: alert, device: device, metric: level.metric)
            }
            return DeviceView(
                device: device,
                witness: witness,
                levels: levels,
                signals: signals,
                edges: edges,
                skipped: replay.skipped
            )
        }
        return try view.explanations(of: rule, metric: metric, at: time, data: configuration.data)
    }
}

/// What the log says of one device, up to an instant.
private struct DeviceView {
    let device: String
    let witness: DeviceWitness
    let levels: [LevelStanding]
    let signals: [String: [SignalStanding]]
    let edges: [String: AlertTransition]
    let skipped: UInt64

    func explanations(
        of rule: RuleDefinition,
        metric: String?,
        at time: Timestamp,
        data: String
    ) throws(CommandFailure) -> [RuleExplanation] {
        // The name of a group is that of no device.
        if witness.events == 0, levels.isEmpty { try requireRegistered(data) }
        let watched = Set(levels.map(\.metric)).sorted()
        let metrics = metric.map { [$0] } ?? watched
        guard !metrics.isEmpty else { return [unwatched(rule, metric: nil, at: time)] }
        return metrics.map { metric in
            watched.contains(metric)
                ? explanation(of: rule, metric, at: time) : unwatched(rule, metric: metric, at: time)
        }
    }

    private func requireRegistered(_ data: String) throws(CommandFailure) {
        let path = "\(data)/registry.sqlite"
        var known: [String] = []
        if FileManager.default.fileExists(atPath: path), let registry = try? DeviceRegistry.openReadOnly(path: path) {
            known = registry.directory().devices.keys.sorted()
            try? registry.close()
        }
        guard !known.contains(device) else { return }
        let hint = NearestName.hint(for: device, among: known)
        throw CommandFailure(ExitStatus.noInput, "there is no device `\(device)`\(hint)")
    }

    /// The parts that are the same for a metric that is watched and for one that is not.
    private func head(_ rule: RuleDefinition, metric: String?, at time: Timestamp) -> RuleExplanation {
        RuleExplanation(
            alert: rule.alert,
            device: device,
            metric: metric,
            at: time.rfc3339,
            state: "not_watched",
            reading: metric.flatMap { witness.readings[$0] },
            labels: witness.labels,
            levels: [],
            mismatches: [],
            why: [],
            skipped: skipped
        )
    }

    private func unwatched(_ rule: RuleDefinition, metric: String?, at time: Timestamp) -> RuleExplanation {
        var explanation = head(rule, metric: metric, at: time)
        guard witness.events > 0 else {
            explanation.state = AlertStanding.State.noData.rawValue
            explanation.why = ["no reading of \(device) had come by then"]
            return explanation
        }
        if let metric, witness.readings[metric] == nil, witness.states[metric] == nil {
            let hint = NearestName.hint(for: metric, among: witness.readings.keys.sorted())
            explanation.state = AlertStanding.State.noData.rawValue
            explanation.why = ["no reading of \(device) with metric `\(metric)` had come by then\(hint)"]
            return explanation
        }
        let metrics = metric.map { [$0] } ?? (Array(witness.readings.keys) + witness.states.keys).sorted()
        explanation.mismatches = rule.match.mismatches(device: device, metrics: metrics, labels: witness.labels)
        explanation.why = explanation.mismatches.map { mismatch in
            let found =
                mismatch.found.isEmpty
                ? "the device has none" : "the device has \(RuleExplanation.list(mismatch.found))"
            return "`\(mismatch.key)` does not fit: the rule wants \(RuleExplanation.list(mismatch.patterns)), \(found)"
        }
        if explanation.why.isEmpty { explanation.why = ["no reading with these labels had come by then"] }
        return explanation
    }

    private func explanation(of rule: RuleDefinition, _ metric: String, at time: Timestamp) -> RuleExplanation {
        var explanation = head(rule, metric: metric, at: time)
        let own = levels.filter { $0.metric == metric }
        let standing = AlertStanding(own, rule)
        let unit = rule.unit ?? explanation.reading?.unit
        explanation.inputs = (signals[metric] ?? []).map { signal in
            RuleExplanation.Input(
                what: signal.text,
                value: signal.value,
                state: signal.isState ? witness.states[signal.metric] : nil,
                readings: signal.readings
            )
        }
        explanation.state = standing.state.rawValue
        explanation.severity = standing.severity
        explanation.intervalSeconds = own.first?.interval.map(RuleExplanation.seconds)
        for level in own where rule.levels.indices.contains(level.level) {
            let definition = rule.levels[level.level]
            explanation.levels.append(RuleExplanation.Level(level, definition, of: rule, metric: metric, unit: unit))
            explanation.why.append(level.reason(definition, of: rule, metric: metric, unit: unit))
        }
        if let edge = edges[metric] {
            explanation.lastEdge = RuleExplanation.Edge(
                state: edge.state.rawValue,
                severity: edge.level.severity,
                at: edge.at.rfc3339,
                value: edge.value
            )
            if standing.state == .resolved { explanation.why.append("the alert ended at \(edge.at.rfc3339)") }
        }
        // The rule watched the device before, and goes on where it stood as long as readings do not match.
        let now = rule.match.mismatches(device: device, metrics: [metric], labels: witness.labels)
        if !now.isEmpty {
            explanation.mismatches = now
            explanation.why.append(
                "the newest reading is not watched: \(RuleExplanation.list(now.map(\.key))) does not fit"
            )
        }
        return explanation
    }
}

/// Remembers the newest of one device's readings, and its labels. Of one thread; a class, since the log's reader keeps it.
private final class DeviceWitness {
    private let device: [UInt8]
    private(set) var events: Int64 = 0
    private(set) var readings: [String: RuleExplanation.Reading] = [:]
    private(set) var states: [String: String] = [:]
    private(set) var labels: [String: String] = [:]

    init(_ device: String) {
        self.device = Array(device.utf8)
    }

    func take(_ event: borrowing StoredEvent, _ value: RawSpan, _ position: RecordPosition) {
        value.withUnsafeBytes { bytes in
            guard !event.isRetained, isDevice(event, bytes) else { return }
            events += 1
            let hasEscapes = event.hasEscapes
            func text(_ slice: ByteSlice) -> String {
                hasEscapes
                    ? JSONText.unescaped(
                        UnsafeRawBufferPointer(rebasing: bytes[slice.start..<slice.start + slice.count])
                    )
                    : String(decoding: bytes[slice.start..<slice.start + slice.count], as: UTF8.self)
            }
            labels.removeAll(keepingCapacity: true)
            for label in event.labels { labels[text(label.name)] = text(label.text) }
            let time = Timestamp(milliseconds: event.time).rfc3339
            for state in event.states {
                let metric = text(state.name)
                guard states[metric] != nil || states.count < RuleToolLimits.metricsMax else { continue }
                states[metric] = text(state.text)
            }
            for reading in event.readings {
                let metric = text(reading.metric)
                guard readings[metric] != nil || readings.count < RuleToolLimits.metricsMax else { continue }
                readings[metric] = RuleExplanation.Reading(
                    value: reading.value,
                    unit: reading.unit.isEmpty ? nil : text(reading.unit),
                    time: time,
                    partition: Int(position.partition),
                    offset: position.offset
                )
            }
        }
    }

    private func isDevice(_ event: borrowing StoredEvent, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let slice = event.device
        let raw = UnsafeRawBufferPointer(rebasing: bytes[slice.start..<slice.start + slice.count])
        guard event.hasEscapes else { return raw.elementsEqual(device) }
        return JSONText.unescaped(raw).utf8.elementsEqual(device)
    }
}
