// The calling thread's signal mask, which child processes inherit.
internal import Glibc

/// Runs `body` with no signal blocked. Threads of Swift's pool block nearly all of them, and a program that is started
/// from one would never hear of SIGTERM.
package func withNoSignalBlocked<Value>(_ body: () throws -> Value) rethrows -> Value {
    var none = sigset_t()
    var previous = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &previous)
    defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
    return try body()
}
