// How a hook stands, for status pages and metrics.
internal import CommitLog
package import Platform
internal import Synchronization

package struct HookStatus: Hashable, Sendable {
    package var name: String
    package var type: String
    /// Records of `alerts` that it has not dealt with.
    package var lagRecords: Int = 0
    /// Deliveries that reached their receiver.
    package var delivered: UInt64 = 0
    /// Attempts that failed and are tried again.
    package var failed: UInt64 = 0
    /// Deliveries that the receiver refused for good.
    package var refused: UInt64 = 0
    /// Deliveries that were given up, because they failed for too long.
    package var expired: UInt64 = 0
    /// Firings that were over before the receiver could be told, and of which only the end is.
    package var collapsed: UInt64 = 0
    /// Firings that were over before they might be told: nobody was told of their end either.
    package var held: UInt64 = 0
    /// Records that were gone before it read them.
    package var skippedRecords: UInt64 = 0
    package var lastSuccess: Timestamp?
    /// The last failure in words; nil after a success.
    package var lastError: String?
    /// When the first attempt ended that failed and was followed by none that did not; nil after a success.
    package var failingSince: MonotonicInstant?

    package init(name: String, type: String) {
        self.name = name
        self.type = type
    }

    /// By the words of the metric's label `result`.
    package var deliveriesByResult: [(result: String, count: UInt64)] {
        [
            ("delivered", delivered), ("failed", failed), ("dead_letter", refused), ("expired", expired),
            ("collapsed", collapsed), ("held", held),
        ]
    }
}

/// What one attempt at a marked alert came to.
package struct HookTestResult: Hashable, Sendable {
    package var delivered: Bool
    package var status: Int?
    package var latency: Duration
    package var error: String?
}

/// Written by a hook's worker, read by any thread.
final class HookStatusBox: Sendable {
    private struct Value {
        var status: HookStatus
        /// The first record that is not dealt with; nil before the hook's cursor was read.
        var settled: Offset?
    }

    private let value: Mutex<Value>

    init(_ status: HookStatus) {
        value = Mutex(Value(status: status))
    }

    /// `end`: of topic `alerts` now.
    func status(end: Offset) -> HookStatus {
        value.withLock { value in
            var status = value.status
            status.lagRecords = value.settled.map { max(0, end - $0) } ?? 0
            return status
        }
    }

    var lastError: String? { value.withLock { $0.status.lastError } }

    func change(_ body: (inout HookStatus) -> Void) {
        value.withLock { body(&$0.status) }
    }

    func setSettled(_ offset: Offset) {
        value.withLock { $0.settled = offset }
    }
}
