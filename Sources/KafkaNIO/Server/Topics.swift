// The topics of the log as clients ask for them, and change them.
internal import CommitLog
internal import KafkaProtocol
internal import Platform
internal import Synchronization

extension Broker {
    /// Nil where there is none of that name.
    func topic(_ name: String) -> TopicDescription? {
        log.topics.first { $0.name.text == name }
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

    /// Has the log do what is planned, all at once, and hands over what became of each, in the order of the plan; on any
    /// thread.
    func carryOut(_ plan: [PlannedChange], _ done: @escaping @Sendable ([ChangeOutcome]) -> Void) {
        let pending = PendingChanges(plan, done)
        for (index, planned) in plan.enumerated() {
            guard case .change(let change) = planned else { continue }
            log.change(change) { result in pending.end(index, ChangeOutcome(result)) }
        }
        pending.begin()
    }
}

/// One part of an administrative request.
enum PlannedChange: Sendable {
    case change(TopicChange)
    /// Nothing is to be done, and that is well: the client only wants to know whether it could be.
    case nothing
    case refused(ErrorCode, String)
}

/// What became of it.
struct ChangeOutcome: Sendable {
    var errorCode = ErrorCode.none
    var message: String?

    fileprivate init(_ result: Result<Void, LogError>) {
        guard case .failure(let error) = result else { return }
        errorCode = ErrorCode(error)
        message = error.description
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
            guard case .refused(let code, let message) = planned else { return ChangeOutcome(.none, nil) }
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
