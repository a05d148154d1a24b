// The rules thread and the hooks, as the daemon runs them and as the API asks them.
internal import Alerting
internal import CommitLog
internal import EventModel
internal import Foundation
internal import HTTPAPI
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Platform
internal import Rules

/// On a log that is open for reading only nothing is evaluated; what is stored is shown, and hooks hear of nothing but that.
///
/// Started by `init`, after the log is open; `stop()` once, while it still is.
final class AlertingParts: Sendable {
    let book: AlertBook
    let operations: OperationsBook
    /// nil where nothing may be written.
    let desk: OperationsDesk?
    private let runner: RulesRunner
    let dispatcher: HookDispatcher
    private let http: HookHTTP
    private let addresses = HookAddresses()
    let clock: any Platform.Clock
    private let latest = LatestReadings(seed: randomSeed())
    private let thread: SteppingThread?

    init(
        configuration: Configuration,
        rules: RuleSet,
        log: CommitLog,
        clock: any Platform.Clock,
        watch: ThreadWatch,
        eventLoops: MultiThreadedEventLoopGroup,
        logger: Logger
    ) async throws {
        let book = AlertBook()
        self.book = book
        let isReadOnly = log.access == .readOnly
        let disk: any Disk = isReadOnly ? ReadOnlyDisk(PosixDisk()) : PosixDisk()
        let origin = AlertingParts.origin(configuration)
        let latest = latest
        let runner = try RulesRunner(
            log: log,
            dataDirectory: configuration.data,
            disk: disk,
            clock: clock,
            rules: rules,
            origin: origin,
            book: book,
            seed: randomSeed(),
            observer: { event, value, _ in latest.take(event, value) }
        )
        self.runner = runner
        self.clock = clock
        let operations = try OperationsBook(reading: log)
        self.operations = operations
        desk =
            isReadOnly
            ? nil
            : try OperationsDesk(log: log, alerts: book, operations: operations, clock: clock, seed: randomSeed())
        addresses.allow(configuration.hookAddresses)
        http = HookHTTP(on: eventLoops, addresses: addresses)
        dispatcher = try HookDispatcher(
            log: log,
            book: book,
            operations: operations,
            pulse: { AlertingParts.pulse(log, runner, watch, clock) },
            dataDirectory: configuration.data,
            disk: disk,
            clock: clock,
            http: http,
            logger: logger,
            seed: randomSeed()
        )
        guard !isReadOnly else {
            thread = nil
            return
        }
        await dispatcher.start(
            configuration.hookSettings,
            origin: origin,
            policies: AlertingParts.policies(configuration)
        )
        thread = SteppingThread(name: "rules", watch: watch, limit: AlertingParts.stepLimit, clock: clock) {
            let step = {
                switch runner.step(waitUpTo: AlertingParts.waitMax) {
                case .worked, .idle: break
                case .failed, .closed: pauseThread(for: AlertingParts.waitMax)
                }
            }
            return (step: step, finish: { runner.finish() })
        }
    }

    /// Saves the rules' state where they have come to, and lets deliveries under way end; both go on from there.
    func stop() async {
        thread?.stop()
        await thread?.joined()
        await dispatcher.stop()
        try? await http.shutdown()
    }

    /// Puts changed rules and hooks in force. `rules`: those of `configuration`.
    func apply(_ configuration: Configuration, rules: RuleSet) async {
        guard thread != nil else { return }
        let origin = AlertingParts.origin(configuration)
        runner.apply(rules, origin: origin)
        addresses.allow(configuration.hookAddresses)
        await dispatcher.start(
            configuration.hookSettings,
            origin: origin,
            policies: AlertingParts.policies(configuration)
        )
    }

    /// Has the alert of a daemon that only reads stand for as long as this run does, and tells every hook: until all have it,
    /// or the task is cancelled.
    func announce(readOnly reason: String, at time: Timestamp, _ configuration: Configuration, logger: Logger) async {
        let record = AlertRecord(readOnly: reason, at: time, box: configuration.name)
        // Nothing follows the topic on a log that is open for reading only.
        if let json = try? record.encoded() { _ = json.withUnsafeBytes { book.take($0, at: Offset(.max)) } }
        await HookAnnouncement.deliver(
            record,
            to: configuration.hookSettings,
            origin: AlertingParts.origin(configuration),
            http: http,
            clock: clock,
            logger: logger,
            seed: randomSeed()
        )
    }

    /// Inputs, log writer and rules return from their steps, the rules can do their work, and topic `system` grows.
    private static func pulse(
        _ log: CommitLog,
        _ runner: RulesRunner,
        _ watch: ThreadWatch,
        _ clock: any Platform.Clock
    ) -> HookPulse {
        let stuck = watch.overdue(at: clock.monotonic()).map(\.name)
        let problem =
            stuck.isEmpty
            ? runner.status.problem.map { "rules: \($0)" } : "stuck: \(stuck.joined(separator: ", "))"
        guard let system = log.partition(TopicPartition(topic: .system, partition: .zero)) else {
            return HookPulse(progress: 0, problem: "there is no topic `system`")
        }
        return HookPulse(progress: log.snapshot().highWatermark(of: system).value, problem: problem)
    }

    private static func origin(_ configuration: Configuration) -> AlertOrigin {
        AlertOrigin(
            box: configuration.name,
            timeZone: configuration.timeZone ?? TimeZone.current.identifier,
            externalURL: configuration.effectiveExternalURL
        )
    }

    private static func policies(_ configuration: Configuration) -> AlertPolicies {
        AlertPolicies(configuration.rules, timeZone: origin(configuration).timeZone)
    }

    private static let waitMax = Duration.milliseconds(200)
    /// A start after a long outage evaluates up to its bound per step, and waits for the log to take its edges.
    private static let stepLimit = Duration.seconds(60)
}

// MARK: - What the API asks

extension AlertingParts {
    /// - Throws: `APIFailure` where there is no such hook.
    func test(hook name: String) async throws -> HookTestDocument {
        guard let result = await dispatcher.test(name) else { throw noHook(name) }
        return HookTestDocument(
            hook: name,
            delivered: result.delivered,
            status: result.status,
            latencyMilliseconds: Double(result.latency.wholeNanoseconds) / 1e6,
            error: result.error
        )
    }

    /// - Throws: `APIFailure` where there is no such hook.
    func deadLetters(of name: String) async throws -> DeadLettersDocument {
        guard let lines = try await dispatcher.deadLetters(name) else { throw noHook(name) }
        return DeadLettersDocument(hook: name, letters: lines.compactMap(AlertingParts.document))
    }

    /// - Throws: `APIFailure` where there is no such hook.
    func resendDeadLetters(of name: String) async throws -> DeadLetterResendDocument {
        guard let result = await dispatcher.resendDeadLetters(name) else { throw noHook(name) }
        return DeadLetterResendDocument(
            hook: name,
            delivered: result.delivered,
            left: result.left,
            error: result.error
        )
    }

    private func noHook(_ name: String) -> APIFailure {
        let names = dispatcher.statuses.map(\.name).joined(separator: ", ")
        return APIFailure(.notFound, "there is no hook \(name)", hint: names.isEmpty ? nil : "hooks: \(names)")
    }

    func countsByState() -> [String: Int] {
        let now = clock.now()
        let firing = book.firing.map(\.record)
        return [
            "firing": book.firingCount, "pending": runner.status.pendingCount,
            "acknowledged": firing.count { operations.acknowledgement(of: $0) != nil },
            "silenced": firing.count { operations.silence(of: $0, at: now) != nil },
        ]
    }

    func pendingCount() -> Int { runner.status.pendingCount }

    func firing() -> [JSONDocument] { book.firing.compactMap(document) }

    func hookMetrics() -> [HookMetrics] {
        dispatcher.statuses.map { status in
            HookMetrics(
                hook: status.name,
                deliveries: Dictionary(
                    status.deliveriesByResult.map { ($0.result, $0.count) },
                    uniquingKeysWith: { $0 + $1 }
                ),
                lagRecords: Int64(status.lagRecords),
                skippedRecords: status.skippedRecords,
                lastSuccess: status.lastSuccess
            )
        }
    }

    func hookStatuses() -> [HTTPAPI.HookStatus] {
        dispatcher.statuses.map { status in
            HTTPAPI.HookStatus(
                name: status.name,
                type: status.type,
                lag: Int64(status.lagRecords),
                delivered: status.delivered,
                failed: status.failed + status.refused + status.expired,
                lastSuccess: status.lastSuccess.map(JSONTimestamp.init),
                lastError: status.lastError
            )
        }
    }

    func boxHooks() -> [BoxObservation.Hook] { dispatcher.statuses.map { BoxObservation.Hook($0) } }

    func latestReadings(_ directory: DeviceDirectory) -> [LatestReading] { latest.readings(directory) }

    /// Sentences for the status page.
    func problems() -> [String] {
        var problems: [String] = []
        let rules = runner.status
        if let problem = rules.problem { problems.append("rules: \(problem)") }
        for (count, words) in rules.leftOut { problems.append("rules: \(count) readings \(words)") }
        let unreadable = book.unreadableCount
        if unreadable > 0 {
            problems.append(
                "topic alerts holds \(unreadable) records that are no alerts of this version; they are left out"
            )
        }
        let unknown = operations.unreadableCount
        if unknown > 0 {
            problems.append(
                "topic operations holds \(unknown) records that are none of this version; they are left out"
            )
        }
        for status in dispatcher.statuses {
            if let error = status.lastError { problems.append("hook \(status.name): \(error)") }
        }
        return problems
    }

    /// Alerts by state, firing ones from the log and pending ones from the rules.
    func alerts(_ query: AlertQuery) -> [JSONDocument] {
        let firing = query.state == "pending" ? [] : firing()
        let pending =
            query.state == "firing"
            ? []
            : runner.status.pendingAlerts().compactMap { record in
                (try? record.encoded()).flatMap(AlertingParts.document)
            }
        return (firing + pending).filter { alert in
            AlertingParts.matches(query.alert, alert["alert"]) && AlertingParts.matches(query.device, alert["device"])
                && AlertingParts.matches(query.severity, alert["severity"])
        }
    }

    static func document(_ json: [UInt8]) -> JSONDocument? {
        try? JSONDecoder().decode(JSONDocument.self, from: Data(json))
    }

    static func matches(_ pattern: String?, _ value: JSONDocument?) -> Bool {
        pattern.map { Glob($0).matches(value?.text ?? "") } ?? true
    }
}
