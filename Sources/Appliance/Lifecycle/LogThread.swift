// The log-writer's thread, and what happens when the log fails.
internal import CommitLog
internal import Platform

/// Runs the writer from `init` until `close()`. Where the log is poisoned, `onFailure` is called once, on that thread.
final class LogThread: Sendable {
    private let thread: PlatformThread
    private let isEnding = StopFlag()
    private let isStopping = StopFlag()

    init(
        log: CommitLog,
        watch: ThreadWatch,
        clock: any Clock,
        onFailure: @escaping @Sendable (LogState) -> Void
    ) {
        let flag = isStopping
        let isEnding = isEnding
        thread = PlatformThread(name: "log-writer") {
            let heartbeat = watch.add(name: "log-writer", limit: LogThread.stepLimit)
            defer { watch.remove(heartbeat) }
            let writer = log.makeWriter()
            var fullEnd: MonotonicInstant?
            stepping: while !flag.isSet {
                heartbeat.begin(at: clock.monotonic())
                let outcome = writer.step(waitUpTo: LogThread.waitMax)
                heartbeat.end()
                if fullEnd == nil, isEnding.isSet { fullEnd = clock.monotonic().advanced(by: LogThread.fullMax) }
                switch outcome {
                case .idle, .committed: continue
                case .full:
                    if let fullEnd, clock.monotonic() >= fullEnd { writer.giveUpWhatFindsNoRoom() }
                case .closed: break stepping
                case .failed:
                    onFailure(log.state)
                    break stepping
                }
            }
            writer.close()
            if case .poisoned = log.state { onFailure(log.state) }
        }
    }

    /// The daemon stops: a full disk holds it up no longer than `fullMax` from now on, however many wait for room one
    /// after the other. The log goes on until `close()`.
    func beginStop() {
        isEnding.set()
    }

    /// Commits what was accepted, closes the log, and waits for it.
    func close() async {
        isStopping.set()
        await thread.joined()
    }

    /// In this time retention, or somebody's `rm`, may still make room; a service manager gives a stop a minute.
    private static let fullMax = Duration.seconds(5)
    private static let waitMax = Duration.milliseconds(200)
    /// A disk may stall for seconds; one that does so for this long is a case for a restart.
    private static let stepLimit = Duration.seconds(60)
}
