// Hooks at work on a harness's log, and the webhook's body as a receiver made for Alertmanager reads it.
import Alerting
import CommitLog
import Foundation
import Logging
import NIOPosix
import Platform

extension HookRetryPolicy {
    /// So short that no test waits for it.
    static let quick = HookRetryPolicy(first: .milliseconds(10), longest: .milliseconds(40))
}

/// A webhook of this receiver.
func webhook(
    _ name: String = "pager",
    _ receiver: HTTPReceiver,
    path: String = "/alert",
    headers: [String: String] = [:],
    timeout: Duration = .seconds(60),
    retryFor: Duration = AlertingLimits.retryFor
) -> HookSettings {
    HookSettings(
        name: name,
        target: .webhook(url: receiver.url(path), headers: headers),
        timeout: timeout,
        retryFor: retryFor
    )
}

/// Runs `body` while the hooks deliver what is appended to the harness's log; stops them whatever happens.
func withHooks(
    _ harness: AlertingHarness,
    _ hooks: [HookSettings],
    disk: any Disk = PosixDisk(),
    retry: HookRetryPolicy = .quick,
    origin: AlertOrigin = AlertingHarness.origin,
    book: AlertBook = AlertBook(),
    operations: OperationsBook = OperationsBook(),
    policies: AlertPolicies = .none,
    addresses: HookAddresses = HookAddresses(),
    pulse: @escaping @Sendable () -> HookPulse = { HookPulse(progress: 0) },
    _ body: (HookDispatcher) async throws -> Void
) async throws {
    let http = HookHTTP(on: MultiThreadedEventLoopGroup.singleton, addresses: addresses)
    do {
        let dispatcher = try HookDispatcher(
            log: harness.log,
            book: book,
            operations: operations,
            pulse: pulse,
            dataDirectory: harness.directory.path,
            disk: disk,
            clock: harness.clock,
            http: http,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            seed: 5,
            retry: retry
        )
        await dispatcher.start(hooks, origin: origin, policies: policies)
        do {
            try await body(dispatcher)
        } catch {
            await dispatcher.stop()
            throw error
        }
        await dispatcher.stop()
    } catch {
        try? await http.shutdown()
        throw error
    }
    try await http.shutdown()
}

extension HookDispatcher {
    /// Of the hook of that name; an empty one where there is none.
    nonisolated func status(_ name: String = "pager") -> HookStatus {
        statuses.first { $0.name == name } ?? HookStatus(name: name, type: "none")
    }
}

/// All keys that CONTRACT section 5 names; decoding fails where one is missing or of another kind.
struct WebhookDocument: Decodable, Hashable, Sendable {
    struct Alert: Decodable, Hashable, Sendable {
        var status: String
        var labels: [String: String]
        var annotations: [String: String]
        var startsAt: String
        var endsAt: String
        var generatorURL: String
        var fingerprint: String
        var delayedSeconds: Int?
        var repeated: Int?
        var flaps: Int?

        enum CodingKeys: String, CodingKey {
            case status, labels, annotations, startsAt, endsAt, generatorURL, fingerprint, repeated, flaps
            case delayedSeconds = "delayed_s"
        }
    }

    var version: String
    var groupKey: String
    var status: String
    var receiver: String
    var groupLabels: [String: String]
    var commonLabels: [String: String]
    var commonAnnotations: [String: String]
    var externalURL: String
    var truncatedAlerts: Int
    var alerts: [Alert]

    init(_ body: [UInt8]) throws {
        self = try JSONDecoder().decode(WebhookDocument.self, from: Data(body))
    }

    /// Their devices, in the document's order.
    var devices: [String] { alerts.compactMap { $0.labels["device"] } }
}

/// One line of a hook's dead letters.
struct DeadLetter: Decodable {
    var at: String
    var key: String
    var offsets: [Int64]
    var status: Int?
    var error: String
    var alerts: [AlertRecord]

    static func all(_ harness: AlertingHarness, of hook: String = "pager") throws -> [DeadLetter] {
        guard try harness.directory.exists("hooks/\(hook).dead-letters") else { return [] }
        return try harness.directory.lines(of: "hooks/\(hook).dead-letters")
            .map { try JSONDecoder().decode(DeadLetter.self, from: Data($0.utf8)) }
    }
}

extension HTTPReceiver {
    /// Devices of all alerts in all requests, in the order of their coming.
    func devices(to path: String = "/alert") throws -> [String] {
        try requests(to: path).flatMap { try WebhookDocument($0.body).devices }
    }
}
