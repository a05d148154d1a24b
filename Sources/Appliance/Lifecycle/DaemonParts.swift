// The running parts of the daemon, wired; and what a reload does to them.
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
internal import Synchronization

/// Everything between the open data directory and the signals. Created once per run; `stop()` once.
final class DaemonParts: Sendable {
    let clock: any Platform.Clock
    let log: CommitLog
    let registry: DeviceRegistry
    let keeper: RegistryKeeper
    let inputs: InputSupervisor
    let alerting: AlertingParts
    let server: APIServer
    let kafka: KafkaParts
    let rates = RateMeter()
    let disk = DiskMeter()
    let registryReport: RegistryOpenReport
    /// nil where everything is written as usual.
    let readOnly: ReadOnlyReason?
    let started: Timestamp

    private let loader: ConfigurationLoader
    private let configurationPath: String?
    private let sightings: DeviceSightings
    let recorder: SystemRecorder
    /// nil where nothing may be written.
    private let reports: ReportWriter?
    private let damage: DamageReporter?
    /// Where blocking reads of the log run.
    let readersThread: ThreadExecutor
    let rejectedSamples: RejectedSamples
    private let eventLoops: MultiThreadedEventLoopGroup
    private let logger: Logger
    private let state: Mutex<State>
    /// Start of the inputs, reloads and the stop.
    private let changes = OneAtATime()

    private struct State {
        var configuration: Configuration
        /// Absolute paths of what it was loaded from.
        var files: [String]
        var wasLastReloadSuccessful = true
        var isReady = false
        var isStopping = false
    }

    init(
        loaded: LoadedConfiguration,
        opened: OpenDataDirectory,
        clock: any Platform.Clock,
        watch: ThreadWatch,
        logger: Logger
    ) async throws {
        let configuration = loaded.configuration
        self.clock = clock
        self.logger = logger
        log = opened.log
        registry = opened.registry
        registryReport = opened.registryReport
        readOnly = opened.readOnly
        started = clock.now()
        loader = ConfigurationLoader()
        configurationPath = loaded.files.first
        state = Mutex(State(configuration: configuration, files: DaemonParts.absolute(loaded.files)))
        let automatic = try await opened.registry.automaticCount()
        sightings = DeviceSightings(automaticMax: max(0, configuration.devices.automaticMax - automatic))
        keeper = RegistryKeeper(registry: opened.registry, sightings: sightings, clock: clock, logger: logger)
        recorder = try SystemRecorder(log: opened.log, clock: clock, configurationHash: configuration.hash)
        recorder.start()
        eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        readersThread = ThreadExecutor(name: "readers")
        rejectedSamples = RejectedSamples(log: opened.log, executor: readersThread)
        alerting = try await AlertingParts(
            configuration: configuration,
            rules: try RuleSet(configuration.rules),
            log: opened.log,
            clock: clock,
            watch: watch,
            eventLoops: eventLoops,
            logger: logger
        )
        reports = readOnly != nil ? nil : ReportWriter(log: opened.log)
        damage = reports.map { DamageReporter(writer: $0, clock: clock, box: configuration.name) }
        damage?.begin(alerting.book)
        inputs = InputSupervisor(
            surroundings: try DaemonParts.surroundings(opened, configuration, sightings, clock, watch)
        )
        kafka = try KafkaParts(configuration, log: opened.log, clock: clock)
        let views = ViewsBox()
        server = APIServer(
            configuration: APIServerConfiguration(
                network: configuration.listen.http.map {
                    ListenAddress(host: $0.address.host, port: $0.address.port)
                },
                controlSocketPath: opened.lock.isReadOnly ? nil : "\(configuration.data)/control.sock"
            ),
            providers: views.providers(
                log: LogView(log: opened.log, disk: PosixDisk(), readers: readersThread),
                registry: opened.registry,
                clock: clock
            ),
            clock: clock,
            eventLoopGroup: eventLoops,
            logger: logger
        )
        views.set(self)
    }

    private static func surroundings(
        _ opened: OpenDataDirectory,
        _ configuration: Configuration,
        _ sightings: DeviceSightings,
        _ clock: any Platform.Clock,
        _ watch: ThreadWatch
    ) throws(CommandFailure) -> InputSurroundings {
        let log = opened.log
        let readings = log.partitions.filter { $0.topicPartition.topic == .readings }
        guard !readings.isEmpty, let rejected = log.partitions.first(where: { $0.topicPartition.topic == .rejected }),
            let gaps = log.partitions.first(where: { $0.topicPartition.topic == .gaps })
        else {
            throw CommandFailure(ExitStatus.inputOutput, "the log has no topic readings, rejected or gaps")
        }
        let pipelineLog = PipelineLog(
            readings: readings,
            rejected: rejected,
            gaps: gaps,
            log: log,
            readingsCompression: readings[0].configuration.compression,
            rejectedCompression: rejected.configuration.compression,
            commitInterval: log.configuration.commitInterval
        )
        return InputSurroundings(
            log: pipelineLog,
            directory: opened.registry.feed,
            sightings: sightings,
            environment: InputEnvironment(
                clock: clock,
                disk: PosixDisk(),
                directory: "\(configuration.data)/inputs",
                commitInterval: log.configuration.commitInterval,
                seed: randomSeed()
            ),
            watch: watch
        )
    }

    // MARK: Lifecycle

    func startInputs() async throws {
        try await changes.run { [self] in
            guard !isStopping else { return }
            if readOnly == nil { await inputs.apply(configuration) }
            state.withLock { $0.isReady = true }
        }
    }

    /// Returns when clients may connect.
    func startKafka() async throws {
        try await changes.run { [self] in
            guard !isStopping else { return }
            try await kafka.start()
        }
    }

    /// Stops what takes in, then what reads, then records the stop. The log is still open on return.
    func stop() async {
        state.withLock { $0.isStopping = true }
        try? await changes.run { [inputs, kafka] in
            await kafka.stop()
            await inputs.stopAll()
        }
        await keeper.save()
        await alerting.stop()
        await recorder.stop()
        await readersThread.stop()
        try? await eventLoops.shutdownGracefully()
    }

    /// Tells the hooks of a start that only reads.
    func announceReadOnly() async {
        guard let reason = readOnly?.sentence else { return }
        await alerting.announce(readOnly: reason, at: clock.now(), configuration, logger: logger)
    }

    /// Freed memory that is worth giving back to the kernel.
    private static let freedBytesMin = 32 << 20

    /// Every five seconds until the task is cancelled: rates, the disk, the alerts that no rule is behind, and a line in the
    /// log where an input has come up or gone down or the disk is full; every minute freed memory.
    func sampleRates() async {
        var turns = 0
        var wasUp: [String: Bool] = [:]
        var lastProblem: String?
        var logged: UInt64 = 0
        var telling: DamageReporter.Telling?
        var watcher = reports.map { BoxWatcher(writer: $0, book: alerting.book) }
        while !Task.isCancelled {
            let now = clock.monotonic()
            let views = inputs.views()
            rates.sample(views, at: now)
            let problem = StatusView.logProblem(log.state)
            if problem != lastProblem {
                if let problem { logger.error("\(problem)") } else { logger.notice("the log takes everything again") }
                lastProblem = problem
            }
            let repaired = log.metrics.repairedSegments
            for repair in log.repairs.suffix(Int(clamping: repaired &- logged)) {
                logger.error("\(DamageWords.sentence(repair))")
            }
            logged = repaired
            damage?.tell(&telling)
            for view in views where wasUp[view.configuration.name] != view.state.isUp {
                wasUp[view.configuration.name] = view.state.isUp
                logger.log(
                    level: view.state.isUp ? .notice : .warning,
                    "input \(view.configuration.name): \(view.state.text)"
                )
            }
            if let sample = DataSpace.sample(self) { disk.add(sample) }
            // Before, there are no inputs to look at.
            if isReady, !isStopping { watcher?.look(self) }
            turns += 1
            if turns.isMultiple(of: 12) { FreedMemory.giveBack(whereAtLeast: DaemonParts.freedBytesMin) }
            try? await Task.sleep(for: .seconds(5))
        }
        damage?.settle(&telling)
    }

    // MARK: Configuration

    var configuration: Configuration { state.withLock { $0.configuration } }
    var configurationFiles: [String] { state.withLock { $0.files } }
    var wasLastReloadSuccessful: Bool { state.withLock { $0.wasLastReloadSuccessful } }
    var isReady: Bool { state.withLock { $0.isReady } }
    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Loads the configuration anew and applies what can be applied while running; a bad file changes nothing.
    ///
    /// - Throws: `APIFailure` where the daemon is on its way down; `RegistryError` where the registry does not answer. Nothing
    ///   was changed.
    func reload() async throws -> ReloadDocument {
        try await changes.run { [self] in
            guard !isStopping else { throw APIFailure(.unavailable, "the daemon is stopping") }
            do {
                let outcome = try await loadAndApply()
                report(outcome)
                return outcome
            } catch {
                state.withLock { $0.wasLastReloadSuccessful = false }
                logger.error("the configuration was not reloaded: \(error)")
                throw error
            }
        }
    }

    private func report(_ outcome: ReloadDocument) {
        guard outcome.applied else {
            for problem in outcome.problems {
                logger.error("\(problem.file):\(problem.line):\(problem.column): \(problem.message)")
            }
            return logger.error("the configuration was not reloaded; the old one stays")
        }
        let changes = outcome.changes.isEmpty ? "no changes" : outcome.changes.joined(separator: "; ")
        logger.notice("configuration reloaded: \(changes)")
    }

    private func loadAndApply() async throws -> ReloadDocument {
        switch loader.load(path: configurationPath) {
        case .failure(let failure):
            state.withLock { $0.wasLastReloadSuccessful = false }
            return ReloadDocument(applied: false, changes: [], problems: DaemonParts.problems(of: failure))
        case .success(let fresh):
            let old = configuration
            var changes = fresh.configuration.changes(from: old).map(\.description)
            var next = fresh.configuration
            next.data = old.data
            next.listen = old.listen
            next.log = old.log
            next.clock = old.clock
            // Whatever can fail comes before anything that is changed.
            let rules = try RuleSet(next.rules)
            let automatic = try await registry.automaticCount()
            do {
                changes += try kafka.apply(fresh.configuration)
            } catch {
                state.withLock { $0.wasLastReloadSuccessful = false }
                let file = fresh.files.first ?? ""
                let problem = ReloadDocument.Problem(file: file, line: 1, column: 1, message: "listen.kafka: \(error)")
                return ReloadDocument(applied: false, changes: [], problems: [problem])
            }
            next.listen.kafka?.usersFile = fresh.configuration.listen.kafka?.usersFile
            next.listen.kafka?.permissions = fresh.configuration.listen.kafka?.permissions
            sightings.setBudget(max(0, next.devices.automaticMax - automatic))
            state.withLock {
                $0.configuration = next
                $0.files = DaemonParts.absolute(fresh.files)
                $0.wasLastReloadSuccessful = true
            }
            if readOnly == nil { await inputs.apply(next) }
            await alerting.apply(next, rules: rules)
            return ReloadDocument(applied: true, changes: changes)
        }
    }

    private static func absolute(_ files: [String]) -> [String] {
        files.map { URL(fileURLWithPath: $0).path }
    }

    private static func problems(of failure: ConfigurationFailure) -> [ReloadDocument.Problem] {
        switch failure {
        case .notFound:
            [ReloadDocument.Problem(file: "", line: 0, column: 0, message: failure.description)]
        case .invalid(let problems):
            problems.filter { $0.severity == .error }.map {
                ReloadDocument.Problem(
                    file: $0.place.file,
                    line: $0.place.line,
                    column: $0.place.column,
                    message: $0.message
                )
            }
        }
    }
}
