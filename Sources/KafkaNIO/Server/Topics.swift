// The topics of the log as clients ask for them, and change them.
internal import CommitLog
internal import KafkaProtocol
internal import Platform
internal import Synchronization

extension Broker {
    /// Nil where there is none of that name.
    func topic(_ name: String) -> TopicDescription? {
        TopicName(name).flatMap { log.topic($0) }
    }

    /// Nil where there is none of that name and number.
    func partition(_ topic: String, _ index: Int32) -> Partition? {
        guard let topic = TopicName(topic) else { return nil }
        return log.partition(TopicPartition(topic: topic, partition: PartitionIndex(index)))
    }

    /// What to answer a client that believes in another epoch; nil where it does not, or does not say (-1).
    func mismatch(of currentLeaderEpoch: Int32) -> ErrorCode? {
        guard currentLeaderEpoch >= 0, currentLeaderEpoch != Broker.leaderEpoch else { return nil }
        return currentLeaderEpoch < Broker.leaderEpoch ? .fencedLeaderEpoch : .unknownLeaderEpoch
    }

    /// What would become of each change that is planned, in their order, if the log had done none of the others.
    func verdicts(on plan: [PlannedChange]) -> [ChangeOutcome] {
        var asked = 0
        return plan.map { planned in
            switch planned {
            case .refused(let code, let message): return ChangeOutcome(code, message)
            case .change(let change):
                asked += 1
                guard asked <= Limits.plannedChangesMax else {
                    return ChangeOutcome(.throttlingQuotaExceeded, "\(Limits.plannedChangesMax) at once are looked at")
                }
                return refusal(of: change).map { ChangeOutcome($0) } ?? ChangeOutcome()
            }
        }
    }

    private func refusal(of change: TopicChange) -> LogError? {
        if case .create(let topic, _, _) = change, groups.names.isForgetting(topic.text) {
            return Broker.notForgotten(topic)
        }
        return log.refusal(of: change)
    }

    /// Has the log do what is planned, all at once, and hands over what became of each, in the order of the plan; on any
    /// thread. Deletions as below.
    func carryOut(
        _ plan: [PlannedChange],
        forgettingWithin patience: Duration,
        _ done: @escaping @Sendable ([ChangeOutcome]) -> Void
    ) {
        let pending = PendingChanges(plan, done)
        for (index, planned) in plan.enumerated() {
            guard case .change(let change) = planned else { continue }
            carryOut(change, forgettingWithin: patience) { result in
                switch result {
                case .success: pending.end(index, ChangeOutcome())
                case .failure(let error): pending.end(index, ChangeOutcome(error))
                }
            }
        }
        pending.begin()
    }

    /// Has the log do one change, and hands over what became of it; on any thread, as `CommitLog.change` does.
    ///
    /// A deletion ends when what groups have committed for the topic cannot come back, at the latest `patience` after the
    /// topic is gone. No topic of its name is made before (`busy`).
    func carryOut(
        _ change: TopicChange,
        forgettingWithin patience: Duration,
        _ done: @escaping @Sendable (Result<Void, LogError>) -> Void
    ) {
        switch change {
        case .create(let topic, _, _):
            guard groups.names.begin(.making, topic.text) else { return done(.failure(Broker.notForgotten(topic))) }
            log.change(change) { [groups] result in
                groups.names.end(topic.text)
                done(result)
            }
        case .delete(let topic):
            guard groups.names.begin(.forgetting, topic.text) else {
                return done(.failure(LogError(.busy, "topic \(topic) is being made")))
            }
            log.change(change) { [groups] result in
                guard case .success = result else {
                    groups.names.end(topic.text)
                    return done(result)
                }
                groups.forget(topic: topic.text, within: patience) { done(result) }
            }
        case .alter, .deleteRecords: log.change(change, completion: done)
        }
    }

    private static func notForgotten(_ topic: TopicName) -> LogError {
        LogError(.busy, "what was committed for the topic \(topic) that was deleted is not yet forgotten on disk")
    }
}

/// One part of an administrative request.
enum PlannedChange: Sendable {
    case change(TopicChange)
    case refused(ErrorCode, String)
}

/// What became of it.
struct ChangeOutcome: Sendable {
    var errorCode = ErrorCode.none
    var message: String?

    fileprivate init() {}

    fileprivate init(_ error: LogError) {
        self.init(ErrorCode(error), error.description)
    }

    fileprivate init(_ errorCode: ErrorCode, _ message: String?) {
        self.errorCode = errorCode
        self.message = message
    }
}

/// Collects the outcomes of one request. One leaf lock.
private final class PendingChanges: Sendable {
    private struct State {
        var outcomes: [ChangeOutcome]
        var missing: Int
    }

    private let state: Mutex<State>
    private let done: @Sendable ([ChangeOutcome]) -> Void

    init(_ plan: [PlannedChange], _ done: @escaping @Sendable ([ChangeOutcome]) -> Void) {
        let outcomes = plan.map { planned in
            guard case .refused(let code, let message) = planned else { return ChangeOutcome() }
            return ChangeOutcome(code, message)
        }
        let changes = plan.count { planned in
            if case .change = planned { true } else { false }
        }
        // One more for `begin`, so that nothing is over before everything was asked for.
        state = Mutex(State(outcomes: outcomes, missing: changes + 1))
        self.done = done
    }

    func begin() { end { _ in } }

    func end(_ index: Int, _ outcome: ChangeOutcome) { end { $0[index] = outcome } }

    private func end(_ note: (inout [ChangeOutcome]) -> Void) {
        let over = state.withLock { state -> [ChangeOutcome]? in
            note(&state.outcomes)
            state.missing -= 1
            return state.missing == 0 ? state.outcomes : nil
        }
        if let over { done(over) }
    }
}
