// A named operating-system thread around one closure.
internal import CPlatform
internal import Glibc

/// A pthread that runs `body` once. Signals are blocked in it, so that only the thread that waits for them gets them (a
/// child process started from here must be given an empty mask).
///
/// Lifecycle: started by `init`; `join()` exactly once, from another thread, before the last reference goes, or never:
/// a thread that nobody joins runs on and its resources stay until the process ends.
package final class PlatformThread: Sendable {
    /// Threads run loops over small frames; 1 MiB of address space each is generous.
    private static let stackBytes = 1 << 20

    package let name: String
    private let identifier: pthread_t

    /// - Parameters:
    ///   - name: shown by `top -H`; the kernel keeps its first 15 bytes.
    ///   - body: owned by the new thread from here on.
    package init(name: String, body: sending @escaping () -> Void) {
        self.name = name
        let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
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
}

private final class ThreadStart {
    let name: String
    let body: () -> Void

    init(name: String, body: @escaping () -> Void) {
        self.name = name
        self.body = body
    }
}

private func runThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    let start = Unmanaged<ThreadStart>.fromOpaque(context).takeRetainedValue()
    _ = forebay_thread_set_name(String(start.name.prefix(15)))
    start.body()
    return nil
}
