// One run of the daemon: what is started in which order, and stopped in the opposite one.
internal import Alerting
internal import CommitLog
internal import DeviceRegistry
internal import EventModel
internal import Foundation
internal import HTTPAPI
internal import Ingest
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Platform
internal import Rules
internal import ServiceLifecycle
internal import Synchronization
internal import UnixSignals

/// `forebay run`.
///
/// Start: data directory, lock, registry, log (recovered), log-writer, start record, registry upkeep, alerting, inputs,
/// API; then READY. Stop: inputs (everything they took in becomes durable), alerting, stop record, log, registry, lock.
package struct Daemon: Sendable {
    private let loaded: LoadedConfiguration
    private let logger: Logger

    package init(_ loaded: LoadedConfiguration) {
        self.loaded = loaded
        logger = Logger(label: "forebay")
    }

    /// Runs until SIGTERM or SIGINT, or until the log fails. SIGHUP reloads.
    ///
    /// - Throws: `CommandFailure` with the exit code, where it could not start or had to stop.
    package func run() async throws {
        // Trapped before anything starts: what comes while the log recovers is acted on afterwards.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        do {
            try await run(until: signals)
        } catch {
            let failure = CommandFailure.explaining(error)
            if let failure = failure as? CommandFailure, failure.isDeviceFailure {
                DiskFailures(data: loaded.configuration.data).add(failure.message, at: SystemClock().now())
            }
            throw failure
        }
    }

    private func run(until signals: UnixSignalsSequence) async throws {
        let configuration = loaded.configuration
        for warning in loaded.problems { logger.warning("\(warning)") }
        let clock = SystemClock(trustsWallClock: configuration.clock == .trust)
        let opened = try DataDirectory.open(configuration, clock: clock)
        report(opened)
        let end = DaemonEnd()
        let watch = ThreadWatch()
        let logThread =
            opened.log.access == .readWrite
            ? LogThread(log: opened.log, watch: watch, clock: clock) { state in end.fail(state) } : nil
        let parts: DaemonParts
        do {
            parts = try await DaemonParts(loaded: loaded, opened: opened, clock: clock, watch: watch, logger: logger)
        } catch {
            await logThread?.close()
            try? opened.registry.close()
            throw error
        }
        let manager = ServiceManager()
        do {
            try await serve(parts, until: signals, manager: manager, watch: watch, end: end)
        } catch {
            await stop(parts, logThread, manager)
            throw error
        }
        await stop(parts, logThread, manager)
        withExtendedLifetime(opened.lock) {}
        try end.check()
        logger.notice("stopped")
    }

    private func stop(_ parts: DaemonParts, _ logThread: LogThread?, _ manager: ServiceManager) async {
        manager.notify("STOPPING=1")
        logThread?.beginStop()
        await parts.stop()
        await logThread?.close()
        let lost = await parts.inputs.countLost(in: parts.log.inbox)
        if !lost.isEmpty {
            let counts = lost.map { "input \($0.input): \($0.count)" }.joined(separator: ", ")
            logger.error("payloads were dropped (log_stopped), not durable when the log stopped: \(counts)")
        }
        try? parts.registry.close()
    }

    private func report(_ opened: OpenDataDirectory) {
        let recovery = opened.log.recoveryReport
        for partition in recovery.partitions where partition.foundLoss || partition.cutBytes.value > 0 {
            let gaps = partition.gaps.map { "\($0.from) up to \($0.to)" }.joined(separator: ", ")
            let lost = gaps.isEmpty ? "" : "; offsets missing: \(gaps)"
            logger.warning("\(partition.topicPartition): cut \(partition.cutBytes.value) bytes of a torn tail\(lost)")
        }
        if let problem = opened.registryReport.problem { logger.error("\(problem)") }
        if let reason = opened.readOnly { logger.critical("read-only: \(reason.sentence)") }
        logger.info("log open after \(recovery.duration)")
    }

    /// What the tasks of `serve` say when they return.
    private enum Ended {
        /// It is time for the daemon to end.
        case daemon
        case server
        case other
    }

    private func serve(
        _ parts: DaemonParts,
        until signals: UnixSignalsSequence,
        manager: ServiceManager,
        watch: ThreadWatch,
        end: DaemonEnd
    ) async throws {
        let server = gracefully(parts.server)
        try await withThrowingTaskGroup(of: Ended.self) { group in
            group.addTask {
                for await signal in signals {
                    guard signal == .sighup else { break }
                    // What it came to is logged where it is done.
                    _ = try? await parts.reload()
                }
                return .daemon
            }
            group.addTask {
                await end.wait()
                return .daemon
            }
            group.addTask {
                await parts.keeper.run()
                return .other
            }
            group.addTask {
                await parts.sampleRates()
                return .other
            }
            group.addTask {
                await parts.announceReadOnly()
                return .other
            }
            group.addTask {
                await parts.recorder.tickUntilCancelled()
                return .other
            }
            group.addTask {
                try await server.run()
                return .server
            }
            group.addTask {
                await feedWatchdog(manager, watch, parts.clock)
                return .other
            }
            group.addTask {
                let listening = try await parts.server.listening()
                try await parts.startKafka()
                try await parts.startInputs()
                manager.notify("READY=1\nSTATUS=running")
                let http = listening.networkPort.map { "; HTTP on port \($0)" } ?? ""
                let kafka = parts.kafka.port.map { "; Kafka on port \($0)" } ?? ""
                logger.notice("ready\(http)\(kafka)")
                return .other
            }
            while let ended = try await group.next(), ended != .daemon {}
            await server.triggerGracefulShutdown()
            while let ended = try? await group.next(), ended != .server {}
            group.cancelAll()
        }
    }

    /// Lets answers under way end before the server is cancelled.
    private func gracefully(_ server: APIServer) -> ServiceGroup {
        var quiet = logger
        // Why the server ended is said by `run`.
        quiet.logLevel = .critical
        var configuration = ServiceGroupConfiguration(services: [server], logger: quiet)
        configuration.maximumGracefulShutdownDuration = .seconds(2)
        return ServiceGroup(configuration: configuration)
    }

    /// Feeds the watchdog while every thread's step returns within its limit.
    private func feedWatchdog(_ manager: ServiceManager, _ watch: ThreadWatch, _ clock: any Platform.Clock) async {
        guard let interval = manager.watchdogInterval else { return }
        while !Task.isCancelled {
            let overdue = watch.overdue(at: clock.monotonic())
            if overdue.isEmpty {
                manager.notify("WATCHDOG=1")
            } else {
                for thread in overdue {
                    logger.critical("thread \(thread.name) has been in one step for \(thread.running)")
                }
            }
            try? await Task.sleep(for: interval)
        }
    }
}

/// How the daemon's run came to its end, where that was not a signal.
final class DaemonEnd: Sendable {
    private let failures: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let failure = Mutex<CommandFailure?>(nil)

    init() {
        (failures, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// The log has failed for good: the process must end, and the next start recovers by what the disk really holds.
    func fail(_ state: LogState) {
        var failed = CommandFailure(
            ExitStatus.inputOutput,
            "the log has failed",
            hint: "nothing was acknowledged that is not on disk; the next start recovers by what the disk holds"
        )
        if case .poisoned(let error) = state {
            failed.message += ": \(error)"
            failed.isDeviceFailure = error.underlying?.isDeviceFailure == true
        }
        failure.withLock { [failed] in $0 = failed }
        continuation.yield()
    }

    /// Suspends until `fail` was called, or the task is cancelled.
    func wait() async {
        for await _ in failures { return }
    }

    func check() throws(CommandFailure) {
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}
