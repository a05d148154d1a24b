// Records that a client will most likely ask for next.
internal import CommitLog
internal import NIOCore
internal import Synchronization

/// What a connection's next fetches find in memory, read while its client takes the answer to the last one: several of them, so
/// that no fetch waits until the worker gets a core. Their bytes are taken from `fetchMemory`.
///
/// A worker calls `append` and `end`, the connection's event loop the rest. One leaf lock.
final class RecordsAhead: Sendable {
    private struct State {
        /// Each partition's in their order.
        var batches: [StoredBatches] = []
        var isReading = false
        /// Calls who came for more meanwhile.
        var whenRead: (@Sendable () -> Void)?

        var byteCount: Int { batches.reduce(0) { $0 + $1.bytes.readableBytes } }
    }

    private let broker: Broker
    private let state = Mutex(State())

    init(broker: Broker) {
        self.broker = broker
    }

    deinit {
        clear()
    }

    // MARK: On the event loop

    /// Whether anything is there, or being read.
    var isInUse: Bool { state.withLock { $0.isReading || !$0.batches.isEmpty } }

    /// What is there.
    var batches: [StoredBatches] { state.withLock { $0.batches } }

    /// Has `take` remove what it wants; from now on that is the caller's to release.
    func take<Taken: Sendable>(_ take: (inout [StoredBatches]) -> Taken) -> Taken {
        state.withLock { take(&$0.batches) }
    }

    /// Whether more is being read; `whenRead` is called when there is some, or nothing comes any more.
    func isComing(whenRead: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.isReading { state.whenRead = whenRead }
            return state.isReading
        }
    }

    /// Nobody asks for what is there.
    func clear() {
        let unwanted = state.withLock { state in
            defer { state.batches = [] }
            return state.batches
        }
        broker.release(unwanted)
    }

    /// Where less than half of `byteCount` is there, and nothing being read: how much is missing, and is going to be read; `end`
    /// has to follow.
    func begin(upTo byteCount: Int) -> Int? {
        state.withLock { state in
            guard !state.isReading, state.byteCount < byteCount / 2 else { return nil }
            state.isReading = true
            return byteCount - state.byteCount
        }
    }

    // MARK: On the worker

    func append(_ batches: [StoredBatches]) {
        change { $0.batches += batches }
    }

    func end() {
        change { $0.isReading = false }
    }

    private func change(_ change: (inout State) -> Void) {
        let whenRead = state.withLock { state in
            change(&state)
            defer { state.whenRead = nil }
            return state.whenRead
        }
        whenRead?()
    }
}
