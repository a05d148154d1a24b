// What people do about alerts: how the API has it recorded and shows it.
internal import Alerting
internal import EventModel
internal import Foundation
internal import HTTPAPI
internal import Platform
internal import Rules

extension AlertingParts {
    func acknowledge(_ request: AcknowledgementRequest) async throws -> AcknowledgementsDocument {
        let made = try await recorded { desk async throws(OperationError) in
            try await desk.acknowledge(request.fingerprints, author: request.author, comment: request.comment)
        }
        return AcknowledgementsDocument(
            acknowledged: made.compactMap { AlertingParts.document(.acknowledgement($0)) }
        )
    }

    func silence(_ request: SilenceRequest) async throws -> JSONDocument {
        let made = try await recorded { desk async throws(OperationError) in
            try await desk.silence(
                request.matchers,
                until: request.endsAt?.timestamp,
                for: request.forMilliseconds.map { .milliseconds($0) },
                author: request.author,
                comment: request.comment
            )
        }
        return AlertingParts.document(.silence(made)) ?? .null
    }

    func endSilences(_ request: SilenceEndRequest) async throws -> SilencesDocument {
        let ended = try await recorded { desk async throws(OperationError) in
            try await desk.unsilence(request.ids, author: request.author)
        }
        return SilencesDocument(silences: ended.compactMap { AlertingParts.document(.silence($0)) })
    }

    func silences() -> SilencesDocument { AlertingParts.silences(operations, at: clock.now()) }

    /// One alert as it stands, with what was done about it.
    func document(_ entry: AlertEntry) -> JSONDocument? {
        AlertingParts.document(entry, operations, at: clock.now())
    }

    /// Lets the desk record something, has the hooks look again, and turns a refusal into the API's.
    private func recorded<Value: Sendable>(
        _ body: (OperationsDesk) async throws(OperationError) -> Value
    ) async throws(APIFailure) -> Value {
        guard let desk else { throw APIFailure(.unavailable, "the daemon only reads, and records nothing") }
        do {
            let value = try await body(desk)
            dispatcher.wake()
            return value
        } catch {
            let kind: APIFailure.Kind =
                switch error.kind {
                case .unknown: .notFound
                case .invalid: .badRequest
                case .unavailable: .unavailable
                }
            throw APIFailure(kind, error.message, hint: error.hint)
        }
    }

    // MARK: Also without a daemon

    static func silences(_ operations: OperationsBook, at now: Timestamp) -> SilencesDocument {
        SilencesDocument(
            silences: operations.silences.compactMap { silence in
                guard case .object(var members)? = document(.silence(silence)) else { return nil }
                members["state"] = .string(silence.isActive(at: now) ? "active" : "over")
                return .object(members)
            }
        )
    }

    /// The record, and beside its keys who acknowledged this firing and who silences it.
    static func document(_ entry: AlertEntry, _ operations: OperationsBook, at now: Timestamp) -> JSONDocument? {
        guard case .object(var members)? = document(entry.json) else { return nil }
        if let made = operations.acknowledgement(of: entry.record) {
            members["acknowledged_by"] = .string(made.author)
            members["acknowledged_at"] = .string(TimestampText.string(made.at))
            members["acknowledged_comment"] = made.comment.map { .string($0) }
        }
        if entry.record.state == .firing, let silence = operations.silence(of: entry.record, at: now) {
            members["silenced_by"] = .string(silence.author)
            members["silenced_until"] = .string(TimestampText.string(silence.endsAt))
            members["silence"] = .string(silence.id)
        }
        return .object(members)
    }

    private static func document(_ record: OperationRecord) -> JSONDocument? {
        (try? JSONEncoder().encode(record)).flatMap { document(Array($0)) }
    }
}
