// Sleeping, for threads that have nothing to wait for.
internal import Glibc

/// Blocks the calling thread for `duration`, or less where a signal comes.
package func pauseThread(for duration: Duration) {
    let nanoseconds = max(0, duration.wholeNanoseconds)
    var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    nanosleep(&time, nil)
}
