// Remembers whether the listeners are open, for those who wait for it.
internal import Synchronization

/// Collects what each listener reports; settles once, on the last success or the first failure. One leaf lock.
final class ListenerStartup: Sendable {
    typealias Outcome = Result<ListeningAddresses, APIServerError>

    private struct State {
        var missing: Int
        var addresses = ListeningAddresses()
        var outcome: Outcome?
        var waiters: [CheckedContinuation<Outcome, Never>] = []
    }

    private let state: Mutex<State>

    /// - Parameter wanted: How many listeners will report.
    init(wanted: Int) {
        var state = State(missing: wanted)
        if wanted == 0 { state.outcome = .success(ListeningAddresses()) }
        self.state = Mutex(state)
    }

    /// Why it failed, if it did.
    var failure: APIServerError? {
        state.withLock { state in
            guard case .failure(let error) = state.outcome else { return nil }
            return error
        }
    }

    /// What is open, whether or not the rest failed.
    var addresses: ListeningAddresses { state.withLock { $0.addresses } }

    /// One listener accepts connections.
    func opened(networkPort: UInt16? = nil, controlSocketPath: String? = nil) {
        settle { state in
            if let networkPort { state.addresses.networkPort = networkPort }
            if let controlSocketPath { state.addresses.controlSocketPath = controlSocketPath }
            state.missing -= 1
            return state.missing == 0 ? .success(state.addresses) : nil
        }
    }

    /// One listener cannot be opened; the first such report counts.
    func fail(_ error: APIServerError) {
        settle { _ in .failure(error) }
    }

    /// Suspends until it is settled.
    func result() async -> Outcome {
        await withCheckedContinuation { continuation in
            let settled = state.withLock { state -> Outcome? in
                if state.outcome == nil { state.waiters.append(continuation) }
                return state.outcome
            }
            if let settled { continuation.resume(returning: settled) }
        }
    }

    private func settle(_ report: (inout State) -> Outcome?) {
        let (outcome, waiters) = state.withLock { state -> (Outcome?, [CheckedContinuation<Outcome, Never>]) in
            guard let outcome = report(&state), state.outcome == nil else { return (nil, []) }
            state.outcome = outcome
            defer { state.waiters = [] }
            return (outcome, state.waiters)
        }
        guard let outcome else { return }
        for waiter in waiters { waiter.resume(returning: outcome) }
    }
}
