// Health and status, in words that say what to do.
internal import Alerting
internal import CommitLog
internal import DeviceRegistry
internal import EventModel
internal import Foundation
internal import HTTPAPI
internal import Ingest
internal import Platform

struct StatusView: StatusProvider {
    let box: ViewsBox

    /// Ready: recovered, listening, and every required input up.
    func readiness() async -> Readiness {
        guard let parts = try? box.parts(), !parts.isStopping else {
            return Readiness(reasons: ["the daemon is stopping"])
        }
        guard parts.isReady else { return Readiness(reasons: ["the inputs have not started yet"]) }
        var reasons = parts.inputs.views()
            .filter { $0.configuration.isRequired && !$0.state.isUp }
            .map { "input \($0.configuration.name): \($0.state.text)" }
        if let problem = StatusView.logProblem(parts.log.state) { reasons.append(problem) }
        if let reason = parts.readOnly { reasons.append(reason.sentence) }
        return Readiness(reasons: reasons)
    }

    func status() async throws -> StatusDocument {
        let parts = try box.parts()
        let views = parts.inputs.views()
        var problems = problems(parts, views) + (await registryProblems(parts))
        var samples: [RejectedSamples.Kind: String] = [:]
        do throws(LogError) {
            samples = try await parts.rejectedSamples.newest()
        } catch {
            problems.append("topic rejected cannot be read: \(error); see `forebay log verify`")
        }
        var newest: [String] = []
        do throws(RegistryError) {
            newest = try await parts.registry.newest(.new, count: StatusView.newestMax)
        } catch {
            problems.append("the registry cannot be read: \(error)")
        }
        return StatusDocument(
            box: parts.configuration.name,
            version: ProductVersion.text,
            pid: getpid(),
            state: parts.isStopping ? .stopping : !parts.isReady ? .starting : problems.isEmpty ? .ok : .degraded,
            problems: problems,
            started: JSONTimestamp(parts.started),
            time: JSONTimestamp(parts.clock.now()),
            clockSynchronised: parts.clock.quality() == .synchronised,
            inputs: views.map { status($0, rate: parts.rates.rate(of: $0.configuration.name), samples) },
            devices: devices(parts, newest: newest),
            alerts: AlertsStatus(pending: parts.alerting.pendingCount(), firing: parts.alerting.firing()),
            hooks: parts.alerting.hookStatuses(),
            disk: disk(parts, events: views.reduce(0) { $0 &+ $1.counts.events })
        )
    }

    private func disk(_ parts: DaemonParts, events: UInt64) -> DiskStatus {
        let space = DataSpace.current(parts)
        let sample = DataSpace.sample(parts)
        let written = WrittenBytes.ofProcess()
        let perDay = sample.flatMap { parts.disk.deviceBytesPerDay($0) }
        let endurance = parts.configuration.log.cardEndurance.map { Double($0.value) }
        return DiskStatus(
            freeBytes: space.free,
            sizeBytes: space.total,
            logBytes: parts.log.partitions.reduce(0) { $0 + $1.sizeBytes.value },
            daysLeft: sample.flatMap { parts.disk.daysLeft($0) },
            writtenBytesPerEvent: events > 0 ? written.map { Double($0) / Double(events) } : nil,
            deviceWrittenBytesPerDay: perDay,
            cardDaysLeft: perDay.flatMap { perDay in perDay > 0 ? endurance.map { $0 / perDay } : nil }
        )
    }

    static func logProblem(_ state: LogState) -> String? {
        switch state {
        case .serving: nil
        case .full: "the disk is full; nothing new is acknowledged until there is room"
        case .poisoned(let error): "the log has failed: \(error)"
        case .closed: "the log is closed"
        }
    }

    private func problems(_ parts: DaemonParts, _ views: [InputView]) -> [String] {
        var problems: [String] = []
        if let problem = StatusView.logProblem(parts.log.state) { problems.append(problem) }
        if let reason = parts.readOnly { problems.append(reason.sentence) }
        problems += DamageWords.problems(parts.log)
        for view in views where !view.state.isUp {
            problems.append("input \(view.configuration.name): \(view.state.text)")
        }
        for view in views {
            if let dropped = view.state.details["broker_dropped"], dropped != "0" {
                problems.append(
                    "input \(view.configuration.name): its broker has dropped \(dropped) messages since it started; "
                        + "config/mosquitto/forebay.conf has the settings with which it does not"
                )
            }
            // A duplicate is dropped because it is stored.
            let dropped = view.counts.dropped.reduce(0) { $0 + ($1.key == .duplicate ? 0 : $1.value) }
            if dropped > 0 {
                problems.append("input \(view.configuration.name): \(dropped) payloads were lost to overload")
            }
        }
        problems += parts.alerting.problems()
        if parts.clock.quality() == .unsynchronised {
            problems.append("the clock is not synchronised; events are marked `unsynced`")
        }
        if parts.log.metrics.ageRetention == .stepped {
            problems.append("the clock has moved by more than an hour; nothing is deleted by age for ten minutes")
        }
        if !parts.wasLastReloadSuccessful {
            problems.append("the last reload failed; `forebay check` says why, and the old configuration is in force")
        }
        return problems
    }

    private func registryProblems(_ parts: DaemonParts) async -> [String] {
        var problems: [String] = []
        if let problem = parts.registryReport.problem { problems.append(problem) }
        if await parts.keeper.isFailing {
            problems.append("the registry does not take what the inputs see; it is kept in memory until it does")
        }
        let skipped = await parts.keeper.skippedCount
        if skipped > 0 {
            problems.append("the registry could not hold \(skipped) of the devices and metrics that inputs have seen")
        }
        return problems
    }

    private func status(_ view: InputView, rate: Double, _ samples: [RejectedSamples.Kind: String]) -> InputStatus {
        let name = view.configuration.name
        return InputStatus(
            name: name,
            type: view.configuration.transport.typeName,
            connected: view.state.isUp,
            detail: StatusView.words(view.state),
            required: view.configuration.isRequired,
            rate: rate,
            received: view.counts.received,
            appended: view.counts.appended,
            events: view.counts.events,
            dropped: view.counts.dropped.values.reduce(0, +),
            rejected: view.counts.rejected.sorted { $0.value > $1.value }.map { reason, count in
                InputStatus.Rejected(
                    reason: reason.name.description,
                    count: count,
                    sample: samples[RejectedSamples.Kind(input: name, reason: reason.name.description)],
                    hint: StatusView.hint(for: reason, input: name)
                )
            },
            lastPayload: view.counts.lastPayload.map(JSONTimestamp.init)
        )
    }

    private static func words(_ state: InputState) -> String {
        ([state.text] + state.details.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }).joined(
            separator: "; "
        )
    }

    private func devices(_ parts: DaemonParts, newest: [String]) -> DevicesStatus {
        let counts = parts.registry.countsByState()
        return DevicesStatus(
            new: counts[.new] ?? 0,
            active: counts[.active] ?? 0,
            blocked: counts[.blocked] ?? 0,
            newest: newest
        )
    }

    /// What to type next.
    private static func hint(for reason: RejectReason, input: String) -> String {
        switch reason {
        case .noDevice: "set `device:` or `device_field:` of input \(input), or `{device}` in its topics"
        case .tooManyDevices: "raise `devices.max_automatic`, or look for forged ids: forebay devices list --state new"
        case .unknownDevice: "forebay devices set ID --state active --create"
        case .tooManyMetrics: "raise `devices.max_metrics`, or leave metrics out with `ignore:`"
        case .tooLarge: "raise `payload_bytes_max` of input \(input)"
        case .unknownFormat, .malformed: "set `format:` of input \(input); try: forebay explain \(input) 'PAYLOAD'"
        default: "forebay tail rejected --max 1"
        }
    }

    private static let newestMax = 10
}
