// A lock around a state, and a wait for that state to change, with a timeout on the monotonic clock.
internal import Glibc

/// What `Mutex` is, with a condition variable: threads wait until a question about the state has an answer.
///
/// Any thread. `body` and `answer` run under the lock: short, no system call, no other lock.
package final class Condition<State>: @unchecked Sendable {
    // Sendable: `state` is touched only between lock and unlock of `mutex`.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let variable: UnsafeMutablePointer<pthread_cond_t>
    private var state: State

    package init(_ state: sending State) {
        self.state = state
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        variable = .allocate(capacity: 1)
        variable.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(variable, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(variable)
        pthread_mutex_destroy(mutex)
        variable.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` with the state, under the lock.
    package func withLock<Result>(_ body: (inout State) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&state)
    }

    /// Blocks until `answer` is not nil, asking at once and after every `wakeAll()`; nil after `timeout`.
    package func wait<Answer>(upTo timeout: Duration, for answer: (inout State) -> Answer?) -> Answer? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if let found = answer(&state) { return found }
        guard timeout > .zero else { return nil }
        var deadline = Condition.deadline(after: timeout)
        while true {
            let code = pthread_cond_timedwait(variable, mutex, &deadline)
            if let found = answer(&state) { return found }
            if code != 0 { return nil }
        }
    }

    /// Wakes every waiting thread, which then asks its question again. Call it after `withLock`, not inside.
    package func wakeAll() {
        pthread_cond_broadcast(variable)
    }

    private static func deadline(after timeout: Duration) -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        // A century is as good as for ever and keeps the sum in range.
        let nanoseconds = min(timeout.wholeNanoseconds, 3_153_600_000_000_000_000) &+ Int64(time.tv_nsec)
        time.tv_sec &+= Int(nanoseconds / 1_000_000_000)
        time.tv_nsec = Int(nanoseconds % 1_000_000_000)
        return time
    }
}
