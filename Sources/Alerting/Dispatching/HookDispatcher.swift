// All hooks: started, stopped, replaced at a reload, tested and looked at.
package import CommitLog
package import Logging
package import Platform
internal import Synchronization

/// Lifecycle: `start` (again at each reload), `stop` once. The log must be open from before the first to after the last.
package actor HookDispatcher {
    private struct Running {
        var worker: HookWorker
        var made: MadeHook
        var task: Task<Void, Never>
        var wake: AsyncStream<Void>.Continuation
        /// Says when what fires is to be told again; nil for hooks that need no such thing.
        var ticks: Task<Void, Never>?
    }

    private let log: CommitLog
    private let alerts: Partition
    private let book: AlertBook
    private let operations: OperationsBook
    private let pulse: @Sendable () -> HookPulse
    private let dataDirectory: String
    private let disk: any Disk
    private let clock: any Platform.Clock
    private let http: HookHTTP
    private let logger: Logger
    private let retry: HookRetryPolicy
    /// One thread for the files of all hooks: a cursor's sync takes milliseconds, and deliveries are not awaited on it.
    private let executor = ThreadExecutor(name: "hooks")
    private var running: [String: Running] = [:]
    private var origin: AlertOrigin?
    private var policies = AlertPolicies.none
    private var generator: SeededGenerator
    nonisolated private let shared = Shared()
    private let listener: LogTail.ListenerID

    /// What the log-writer thread and askers see.
    private final class Shared: Sendable {
        struct State {
            var wakes: [AsyncStream<Void>.Continuation] = []
            var statuses: [HookStatusBox] = []
        }

        let state = Mutex(State())
        /// End of `alerts` at the last wake.
        let seenEnd = Atomic<Int64>(-1)
    }

    /// - `book`: of this log; fed by its owner.
    /// - `operations`: of this log, likewise; `wake` says that it has changed.
    /// - `pulse`: how the daemon is; asked by hooks that tell of it.
    /// - `http`: shut down by its owner after `stop`.
    /// - `seed`: of the jitter.
    /// - `retry`: the default is the one of production.
    package init(
        log: CommitLog,
        book: AlertBook,
        operations: OperationsBook,
        pulse: @escaping @Sendable () -> HookPulse,
        dataDirectory: String,
        disk: any Disk,
        clock: any Platform.Clock,
        http: HookHTTP,
        logger: Logger,
        seed: UInt64,
        retry: HookRetryPolicy = HookRetryPolicy()
    ) throws(LogError) {
        guard let alerts = log.partition(TopicPartition(topic: .alerts, partition: .zero)) else {
            throw LogError(.closed, "hooks need the topic `alerts`")
        }
        self.log = log
        self.book = book
        self.operations = operations
        self.pulse = pulse
        self.alerts = alerts
        self.dataDirectory = dataDirectory
        self.disk = disk
        self.clock = clock
        self.http = http
        self.logger = logger
        self.retry = retry
        generator = SeededGenerator(seed: seed)
        // Most commits bring readings and no alerts: those wake nobody.
        listener = log.tail.addListener { [shared, alerts] in
            let end = alerts.logEndOffset.value
            guard shared.seenEnd.exchange(end, ordering: .acquiringAndReleasing) != end else { return }
            for wake in shared.state.withLock({ $0.wakes }) { wake.yield() }
        }
    }

    /// Puts these hooks to work. One that is unchanged goes on undisturbed; one that is gone stops, and its cursor stays for
    /// the day it comes back. A hook whose files fail is reported in its status and logged, and tries again; the others run.
    ///
    /// `policies`: of the rules in force; from now on they hold for all hooks.
    package func start(_ hooks: [HookSettings], origin: AlertOrigin, policies: AlertPolicies) async {
        let isOriginNew = self.origin != origin
        self.origin = origin
        self.policies = policies
        for (name, hook) in running {
            if !isOriginNew, hooks.contains(hook.worker.settings) {
                await hook.worker.apply(policies)
                continue
            }
            await end(hook)
            running[name] = nil
        }
        for settings in hooks where running[settings.name] == nil { await begin(settings, origin: origin) }
        let order = hooks.compactMap { running[$0.name] }
        shared.state.withLock { state in
            state.wakes = order.map(\.wake)
            state.statuses = order.map { $0.worker.state }
        }
        // What was appended between opening and listening.
        for hook in order { hook.wake.yield() }
    }

    private func begin(_ settings: HookSettings, origin: AlertOrigin) async {
        guard let made = HookRegistry.make(settings, http: http, origin: origin) else {
            logger.error("hook cannot be made", metadata: ["hook": "\(settings.name)"])
            return
        }
        let worker = HookWorker(
            settings: settings,
            type: made.typeName,
            hook: made.hook,
            policies: policies,
            around: HookSurroundings(
                log: log,
                alerts: alerts,
                book: book,
                operations: operations,
                pulse: pulse,
                dataDirectory: dataDirectory,
                disk: disk,
                clock: clock,
                origin: origin,
                retry: retry,
                logger: logger
            ),
            executor: executor,
            seed: generator.next()
        )
        let (wakes, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let interval = made.hook.beatInterval
        if interval == nil { await worker.start() }
        running[settings.name] = Running(
            worker: worker,
            made: made,
            task: Task {
                if let interval { await worker.beat(every: interval) } else { await worker.run(wakes, wake) }
            },
            wake: wake,
            ticks: made.hook.resendInterval.map { HookDispatcher.ticks(every: $0, of: worker, wake) }
        )
    }

    private static func ticks(
        every interval: Duration,
        of worker: HookWorker,
        _ wake: AsyncStream<Void>.Continuation
    ) -> Task<Void, Never> {
        Task {
            while true {
                do { try await Task.sleep(for: interval) } catch { return }
                await worker.resendIsDue()
                wake.yield()
            }
        }
    }

    private func end(_ hook: Running) async {
        hook.wake.finish()
        hook.ticks?.cancel()
        // The hook's own deliveries may wait for it.
        await hook.worker.stopResending()
        hook.task.cancel()
        await hook.task.value
        await hook.ticks?.value
        await hook.worker.disarm()
        await hook.made.close()
    }

    /// Ends all hooks: a delivery that is on its way is given up and, where it was not acknowledged, repeated at the next
    /// start.
    package func stop() async {
        log.tail.removeListener(listener)
        for hook in running.values { hook.task.cancel() }
        for hook in running.values { await end(hook) }
        running.removeAll()
        shared.state.withLock { $0 = Shared.State() }
        await executor.stop()
    }

    /// Has every hook look again at what it holds, repeats and escalates. Any thread.
    nonisolated package func wake() {
        for wake in shared.state.withLock({ $0.wakes }) { wake.yield() }
    }

    /// In the order of the configuration. Any thread.
    nonisolated package var statuses: [HookStatus] {
        let end = alerts.logEndOffset
        return shared.state.withLock { $0.statuses }.map { $0.status(end: end) }
    }

    /// What this hook has given up, oldest first, as JSON; nil where there is no hook of this name. Throws where the disk
    /// fails.
    package func deadLetters(_ name: String) async throws -> [[UInt8]]? {
        guard let worker = running[name]?.worker else { return nil }
        return try await worker.deadLetters()
    }

    /// Sends that once more; nil where there is no hook of this name.
    package func resendDeadLetters(_ name: String) async -> DeadLetterResend? {
        guard let worker = running[name]?.worker else { return nil }
        return await worker.resendDeadLetters()
    }

    /// Sends one marked alert, once, beside the queue; nil where there is no hook of this name.
    package func test(_ name: String) async -> HookTestResult? {
        guard let worker = running[name]?.worker else { return nil }
        return await worker.test()
    }
}
