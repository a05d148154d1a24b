// A thread that is a loop around a synchronous step, watched, and stopped by a flag.
internal import Platform
internal import Synchronization

/// Runs `step` until `stop()`, then `finish`. Each step is bracketed by a heartbeat for the watchdog.
///
/// Lifecycle: running from `init`; `stop()` then `joined()` exactly once each, by the owner.
final class SteppingThread: Sendable {
    private let thread: PlatformThread
    private let isStopping: StopFlag
    /// Has no elements; ends with the first step.
    private let firstStep: AsyncStream<Never>
    private let endOfFirstStep: AsyncStream<Never>.Continuation

    /// - `make`: builds, on the new thread, what the thread owns; gives its step and what to do at the end.
    /// - `limit`: the longest that one step may take before the watchdog calls the thread stuck.
    init(
        name: String,
        watch: ThreadWatch,
        limit: Duration,
        clock: any Clock,
        make: sending @escaping () -> (step: () -> Void, finish: () -> Void)
    ) {
        let flag = StopFlag()
        isStopping = flag
        let (firstStep, endOfFirstStep) = AsyncStream.makeStream(of: Never.self)
        (self.firstStep, self.endOfFirstStep) = (firstStep, endOfFirstStep)
        thread = PlatformThread(name: name) {
            let heartbeat = watch.add(name: name, limit: limit)
            defer { watch.remove(heartbeat) }
            let (step, finish) = make()
            while !flag.isSet {
                heartbeat.begin(at: clock.monotonic())
                step()
                heartbeat.end()
                endOfFirstStep.finish()
            }
            finish()
        }
    }

    /// Suspends until the first step is over, or patience is; by one task.
    func hasBegun(within patience: Duration) async {
        let timer = Task { [endOfFirstStep] in
            try? await Task.sleep(for: patience)
            endOfFirstStep.finish()
        }
        for await _ in firstStep {}
        timer.cancel()
    }

    /// Asks the thread to finish after its current step.
    func stop() {
        isStopping.set()
    }

    /// Suspends until the thread has finished.
    func joined() async {
        await thread.joined()
    }
}

/// A flag that is set once, from any thread.
final class StopFlag: Sendable {
    private let value = Atomic<Bool>(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func set() {
        value.store(true, ordering: .releasing)
    }
}
