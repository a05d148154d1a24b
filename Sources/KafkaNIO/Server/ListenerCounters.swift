// What the listener counts.
package import KafkaProtocol
internal import Synchronization

/// Why a connection was ended by this side.
package enum CloseReason: String, CaseIterable, Sendable {
    /// A frame whose length is negative or beyond the limit.
    case frameTooLarge = "frame_too_large"
    /// A frame that is no request of its version.
    case malformed
    /// A key or version that is not served.
    case unsupported
    /// A request before the client has said who it is.
    case unauthenticated
    /// Too slow to say who it is, or to end TLS's handshake.
    case loginTimeout = "login_timeout"
    /// It did not prove to be who it said.
    case loginFailed = "login_failed"
    case idle
    /// It did not read what was written to it, or did not send the rest of a request.
    case slow
    /// A large answer found the memory for those taken by clients that do not read theirs.
    case answerMemory = "answer_memory"
    /// Too many connections.
    case tooMany = "too_many"
    /// A produce request without acknowledgement that failed: closing is the only way to say so.
    case failedSilentProduce = "failed_silent_produce"
    /// TLS could not be agreed on.
    case tls
    /// Reading or writing the socket failed.
    case connection
}

/// A consistent copy of the counters.
package struct ListenerMetrics: Sendable {
    /// Open just now.
    package var connections = 0
    package var connectionsTotal: UInt64 = 0
    package var requests: [APIKey: UInt64] = [:]
    package var closed: [CloseReason: UInt64] = [:]

    /// `requests` by Kafka's names.
    package var requestsByName: [String: UInt64] {
        Dictionary(requests.map { (APITable.entry(for: $0.key).name, $0.value) }, uniquingKeysWith: { $0 &+ $1 })
    }
}

/// Counts connections and requests. One leaf lock.
final class ListenerCounters: Sendable {
    private let state = Mutex(ListenerMetrics())

    var metrics: ListenerMetrics { state.withLock { $0 } }

    func note(_ key: APIKey) {
        state.withLock { $0.requests[key, default: 0] &+= 1 }
    }

    func note(_ reason: CloseReason) {
        state.withLock { $0.closed[reason, default: 0] &+= 1 }
    }

    func noteConnection() {
        state.withLock { $0.connectionsTotal &+= 1 }
    }
}
