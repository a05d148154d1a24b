// What the API sees of the running daemon.
internal import Alerting
internal import CommitLog
internal import DeviceRegistry
internal import EventModel
internal import Foundation
internal import HTTPAPI
internal import Ingest
internal import Platform
internal import Synchronization

/// Holds the daemon's parts weakly, because the parts own the server that asks here.
final class ViewsBox: Sendable {
    private struct Weak {
        weak var parts: DaemonParts?
    }

    private let held = Mutex(Weak())

    func set(_ parts: DaemonParts) {
        held.withLock { $0.parts = parts }
    }

    /// - Throws: where the daemon is on its way down.
    func parts() throws(APIFailure) -> DaemonParts {
        guard let parts = held.withLock({ $0.parts }) else { throw APIFailure(.unavailable, "the daemon is stopping") }
        return parts
    }

    func providers(log: LogView, registry: DeviceRegistry, clock: any Platform.Clock) -> APIProviders {
        APIProviders(
            status: StatusView(box: self),
            metrics: MetricsView(box: self),
            devices: RegistryView(registry: registry, clock: clock),
            log: log,
            topics: TopicsView(box: self),
            groups: GroupsView(box: self),
            alerts: AlertsView(box: self),
            actions: ActionsView(box: self)
        )
    }
}

/// The registry as the API edits it.
struct RegistryView: DeviceDirectoryEditor {
    let registry: DeviceRegistry
    let clock: any Platform.Clock

    func devices(_ filter: DeviceFilter) async throws -> DevicePage {
        try await translated { () async throws(RegistryError) in try await registry.list(filter) }
    }

    func device(_ id: String) async throws -> DeviceRecord {
        try await translated { () async throws(RegistryError) in try await registry.show(id) }
    }

    func change(_ id: String, _ changes: DeviceChange) async throws -> DeviceRecord {
        try await translated { () async throws(RegistryError) in try await registry.set(id, changes, at: clock.now()) }
    }

    private func translated<Value>(
        _ body: () async throws(RegistryError) -> Value
    ) async throws(APIFailure) -> Value {
        do {
            return try await body()
        } catch {
            let kind: APIFailure.Kind =
                switch error.code {
                case .unknownDevice: .notFound
                case .invalidChange: .badRequest
                case .limitReached: .conflict
                default: error.isRetriable ? .unavailable : .failed
                }
            throw APIFailure(kind, error.message, hint: error.hint)
        }
    }
}

/// Reload, test alerts, dead letters, what people do about alerts, and what a backup needs to know.
struct ActionsView: ControlActions {
    let box: ViewsBox

    func reload() async throws -> ReloadDocument {
        try await box.parts().reload()
    }

    func testHook(_ name: String) async throws -> HookTestDocument {
        try await box.parts().alerting.test(hook: name)
    }

    func deadLetters(_ hook: String) async throws -> DeadLettersDocument {
        try await box.parts().alerting.deadLetters(of: hook)
    }

    func resendDeadLetters(_ hook: String) async throws -> DeadLetterResendDocument {
        try await box.parts().alerting.resendDeadLetters(of: hook)
    }

    func acknowledge(_ request: AcknowledgementRequest) async throws -> AcknowledgementsDocument {
        try await box.parts().alerting.acknowledge(request)
    }

    func silence(_ request: SilenceRequest) async throws -> JSONDocument {
        try await box.parts().alerting.silence(request)
    }

    func endSilences(_ request: SilenceEndRequest) async throws -> SilencesDocument {
        try await box.parts().alerting.endSilences(request)
    }

    func backup() async throws -> BackupDocument {
        let parts = try box.parts()
        let cut = try await LogCutter(log: parts.log, executor: parts.readersThread).cut()
        return BackupDocument(configuration: parts.configurationFiles, cut: cut)
    }
}
