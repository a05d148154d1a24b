// What all adapters do with a pipeline when they stop, and how they sleep.
internal import CommitLog
internal import Glibc
internal import Platform

extension IngestPipeline {
    /// Hands over all that is open and waits until it is durable: true where it is, false where the log was closed, failed,
    /// or needed longer than until `end`. Blocks; the input's thread.
    func settle(until end: MonotonicInstant, clock: any Clock) -> Bool {
        while true {
            writeGaps(now: clock.monotonic())
            switch handOver() {
            case .nothing: return true
            case .accepted(let ticket):
                switch wait(for: ticket, timeout: InputLimits.stepWaitMax) {
                case .durable: return true
                case .pending: break
                case .failed: return false
                }
            case .full: inputNap(InputLimits.blockedNap)
            case .closed: return false
            }
            guard clock.monotonic() < end else { return false }
        }
    }
}

/// Sleeps, for at most `InputLimits.stepWaitMax`.
func inputNap(_ duration: Duration) {
    let nanoseconds = max(.zero, min(duration, InputLimits.stepWaitMax)).wholeNanoseconds
    var time = timespec(tv_sec: 0, tv_nsec: Int(clamping: nanoseconds))
    nanosleep(&time, nil)
}

/// A timeout for `poll`, rounded up: waking a little late costs less than spinning through the last millisecond.
func pollMilliseconds(_ timeout: Duration) -> Int32 {
    Int32(clamping: (max(.zero, min(timeout, InputLimits.stepWaitMax)).wholeNanoseconds &+ 999_999) / 1_000_000)
}
