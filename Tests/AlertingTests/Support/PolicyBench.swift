// A hook's world under rules that say who is told when: a log, what fires, what people did, and a receiver.
import Alerting
import CommitLog
import EventModel
import Platform
import Rules
import Synchronization
import Testing

extension RuleDefinition {
    /// A rule of that name, of which only the words matter.
    static func words(_ alert: String, notify: [String]? = nil, _ policy: RulePolicy = RulePolicy()) -> RuleDefinition {
        let level = RuleLevel(.above(limit: -15, clear: nil))
        return RuleDefinition(alert: alert, match: RuleMatch(), levels: [level], notify: notify, policy: policy)
    }
}

/// One thread, but for the hooks. The book follows what is appended here at once.
final class PolicyBench {
    /// A rule that says nothing: what it fires is told at once.
    static let marker = "Marker"

    let harness: AlertingHarness
    let book = AlertBook()
    let operations: OperationsBook
    let receiver: HTTPReceiver
    let rules: [RuleDefinition]
    private let desk: OperationsDesk
    private var end: Int64 = 0
    private var firing: [String: AlertRecord] = [:]

    /// `directory`: what an earlier run left; a fresh one where none is given.
    init(_ rules: [RuleDefinition], _ directory: TemporaryDirectory? = nil, receiver: HTTPReceiver? = nil) throws {
        harness = try AlertingHarness(directory)
        self.rules = rules
        self.receiver = try receiver ?? HTTPReceiver()
        let operations = try OperationsBook(reading: harness.log)
        self.operations = operations
        desk = try OperationsDesk(log: harness.log, alerts: book, operations: operations, clock: harness.clock, seed: 7)
        for record in try harness.alerts() { try follow(record) }
    }

    /// The bench that a kill leaves behind: the files as they are now, the time as it was.
    func killed(receiver: HTTPReceiver? = nil) throws -> PolicyBench {
        let copy = try TemporaryDirectory(copying: harness.directory)
        let bench = try PolicyBench(rules, copy, receiver: receiver)
        bench.harness.clock.advance(harness.clock.now().since(bench.harness.clock.now()))
        return bench
    }

    func hook(_ name: String = "pager") -> HookSettings { webhook(name, receiver, path: "/\(name)") }

    /// `operations`, `policies`: others than those of this bench, for planted bugs.
    func run(
        _ hooks: [String] = ["pager"],
        operations: OperationsBook? = nil,
        policies: AlertPolicies? = nil,
        _ body: (HookDispatcher) async throws -> Void
    ) async throws {
        try await withHooks(
            harness,
            hooks.map { hook($0) },
            book: book,
            operations: operations ?? self.operations,
            policies: policies ?? AlertPolicies(rules, timeZone: "UTC"),
            body
        )
    }

    // MARK: Alerts

    private func follow(_ record: AlertRecord) throws {
        _ = try record.encoded().withUnsafeBytes { book.take($0, at: Offset(end)) }
        end += 1
        firing[record.fingerprint] = record.state == .firing ? record : nil
    }

    private func append(_ records: [AlertRecord]) throws {
        try harness.appendAlerts(records)
        for record in records { try follow(record) }
    }

    /// As one batch, fired now.
    func fire(_ alert: String, _ devices: [String], labels: [String: String] = [:], flaps: Int = 1) throws {
        let now = harness.clock.now()
        try append(
            devices.enumerated().map { index, device in
                var record = AlertRecord.sample(alert, device: device, cause: end + Int64(index))
                record.labels = labels
                record.at = now
                record.firedAt = now
                record.breachedAt = now
                record.lastSeen = now
                record.flaps = flaps
                return record
            }
        )
    }

    /// As one batch, resolved now.
    func resolve(_ alert: String, _ devices: [String]) throws {
        let now = harness.clock.now()
        try append(
            try devices.enumerated().map { index, device in
                let fingerprint = AlertFingerprint.of(alert: alert, device: device, metric: "temperature")
                var record = try #require(firing[fingerprint], "\(alert) of \(device) fires")
                record.state = .resolved
                record.at = now
                record.resolvedAt = now
                record.flaps = 1
                record.cause.offset = end + Int64(index)
                return record
            }
        )
    }

    /// Fires an alert that nothing holds, and waits for it to be told: everything before it was looked at.
    func mark(_ name: String, to hook: String = "pager") async throws {
        try fire(PolicyBench.marker, [name])
        try await eventually("\(name) is told") { try self.told(hook).contains("firing \(name)") }
    }

    // MARK: People

    /// Has the desk record something, and the log write it.
    func record<Value: Sendable>(
        _ body: @escaping @Sendable (OperationsDesk) async throws -> Value
    ) async throws -> Value {
        let done = Done()
        let task = Task { [desk] in
            defer { done.flag.withLock { $0 = true } }
            return try await body(desk)
        }
        while !done.flag.withLock({ $0 }) {
            _ = harness.writer.step(waitUpTo: .zero)
            try await Task.sleep(for: .milliseconds(1))
        }
        return try await task.value
    }

    private final class Done: Sendable {
        let flag = Mutex(false)
    }

    func acknowledge(_ alert: String, _ device: String) async throws {
        let fingerprint = AlertFingerprint.of(alert: alert, device: device, metric: "temperature")
        _ = try await record { try await $0.acknowledge([fingerprint], author: "eve", comment: nil) }
    }

    func silence(device: String, for duration: Duration) async throws -> AlertSilence {
        try await record { desk in
            let matchers = AlertMatchers(device: device)
            return try await desk.silence(matchers, until: nil, for: duration, author: "eve", comment: "defrosting")
        }
    }

    // MARK: What was told

    /// `firing freezer-1`, `firing freezer-1 again 2`, `resolved freezer-1`: each alert of each delivery, in order.
    func told(_ hook: String = "pager") throws -> [String] {
        try receiver.requests(to: "/\(hook)").flatMap { request in
            try WebhookDocument(request.body).alerts.map { alert in
                let again = alert.repeated.map { " again \($0)" } ?? ""
                return "\(alert.status) \(alert.labels["device"] ?? "")\(again)"
            }
        }
    }
}
