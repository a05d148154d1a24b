// SIGINT and SIGTERM end the run: processes are stopped and directories removed on the way out.
import Glibc
internal import Synchronization

/// Raised by the signals; every wait looks at it.
enum StopFlag {
    private static let raised = Atomic<Bool>(false)

    static func install() {
        // Touched before any signal can come, so that the handler finds it initialised.
        raised.store(false, ordering: .relaxed)
        for number in [SIGINT, SIGTERM] { signal(number) { _ in StopFlag.raised.store(true, ordering: .relaxed) } }
        signal(SIGPIPE, SIG_IGN)
    }

    static var isRaised: Bool { raised.load(ordering: .relaxed) }

    /// Sleeps in short parts; throws where a signal came.
    static func sleep(seconds: Double) throws {
        let end = monotonicSeconds() + seconds
        while true {
            guard !isRaised else { throw BenchError.interrupted }
            let left = end - monotonicSeconds()
            guard left > 0 else { return }
            usleep(UInt32(min(left, 0.05) * 1e6) + 1)
        }
    }

    /// Asks every `interval` seconds until `condition` gives a value; throws after `timeout` seconds, naming `what`.
    @discardableResult
    static func wait<Value>(
        for what: String,
        timeout: Double,
        interval: Double = 0.02,
        _ condition: () throws -> Value?
    ) throws -> Value {
        let end = monotonicSeconds() + timeout
        while true {
            if let value = try condition() { return value }
            guard monotonicSeconds() < end else {
                throw BenchError(description: "\(what) took more than \(Int(timeout)) s")
            }
            try sleep(seconds: interval)
        }
    }
}

/// Seconds of the monotonic clock.
func monotonicSeconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}
