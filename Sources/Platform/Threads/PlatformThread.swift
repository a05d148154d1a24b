// A named operating-system thread around one closure.
internal import CPlatform
internal import Glibc
internal import Synchronization

/// A pthread that runs `body` once. Signals are blocked in it, so that only the thread that waits for them gets them (a
/// child process started from here must be given an empty mask).
///
/// Lifecycle: started by `init`; `join()` or `joined()` exactly once, from another thread, before the last reference goes, or
/// never: a thread that nobody joins runs on and its resources stay until the process ends.
package final class PlatformThread: Sendable {
    /// Threads run loops over small frames; 1 MiB of address space each is generous.
    private static let stackBytes = 1 << 20

    package let name: String
    private let identifier: pthread_t
    private let end: ThreadEnd

    /// - Parameters:
    ///   - name: shown by `top -H`; the kernel keeps its first 15 bytes.
    ///   - body: owned by the new thread from here on.
    package init(name: String, body: sending @escaping () -> Void) {
        self.name = name
        let end = ThreadEnd()
        self.end = end
        let start = Unmanaged.passRetained(ThreadStart(name: name, body: body, end: end))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, PlatformThread.stackBytes)
        var all = sigset_t()
        var previous = sigset_t()
        sigfillset(&all)
        // The new thread inherits the mask of its creator.
        pthread_sigmask(SIG_BLOCK, &all, &previous)
        var identifier = pthread_t()
        let code = pthread_create(&identifier, &attributes, runThread, start.toOpaque())
        pthread_sigmask(SIG_SETMASK, &previous, nil)
        pthread_attr_destroy(&attributes)
        precondition(code == 0, "the system refused to start thread \(name): \(systemErrorText(code))")
        self.identifier = identifier
    }

    /// Blocks until `body` has returned.
    package func join() {
        pthread_join(identifier, nil)
    }

    /// Suspends until `body` has returned: a task that waits for a thread keeps no thread of Swift's pool from others.
    package func joined() async {
        await end.wait()
        // What is left of the thread are a few instructions.
        pthread_join(identifier, nil)
    }
}

/// Wakes the task that waits for a thread's end.
private final class ThreadEnd: Sendable {
    private enum State {
        case running
        case waited(CheckedContinuation<Void, Never>)
        case over
    }

    private let state = Mutex(State.running)

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if case .over = state { return true }
                state = .waited(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    func set() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            defer { state = .over }
            if case .waited(let continuation) = state { return continuation }
            return nil
        }
        waiter?.resume()
    }
}

private final class ThreadStart {
    let name: String
    let body: () -> Void
    let end: ThreadEnd

    init(name: String, body: @escaping () -> Void, end: ThreadEnd) {
        self.name = name
        self.body = body
        self.end = end
    }
}

private func runThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    let start = Unmanaged<ThreadStart>.fromOpaque(context).takeRetainedValue()
    _ = forebay_thread_set_name(String(start.name.prefix(15)))
    start.body()
    start.end.set()
    return nil
}
