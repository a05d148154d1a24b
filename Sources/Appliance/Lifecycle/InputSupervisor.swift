// Starts, stops and replaces the inputs as the configuration has them, and knows how each is doing.
internal import CommitLog
internal import EventModel
internal import Ingest
internal import Platform
internal import Synchronization

/// One configured input as metrics and status see it.
struct InputView: Sendable {
    var configuration: InputConfiguration
    var counts: InputCounts
    var state: InputState
}

/// Owns the threads of all inputs. Counters outlive a reload: they belong to the input's name.
///
/// `apply` and `stopAll` come one after the other: they suspend while threads end.
actor InputSupervisor {
    private struct Entry: Sendable {
        var configuration: InputConfiguration
        var counters: InputCounters
        var state: InputStateBox
    }

    /// All that a thread's inputs are built from: the same plan needs no restart.
    private struct Plan: Hashable {
        var inputs: [InputConfiguration]
        var devices: DevicesConfiguration
        var box: String
    }

    private struct Group {
        var plan: Plan
        var thread: SteppingThread
        /// Set where the inputs could not be built: the next `apply` tries again.
        var hasFailed: StopFlag
    }

    private let surroundings: InputSurroundings
    private var groups: [Group] = []
    private let entries = Mutex<[Entry]>([])
    /// Inputs that a reload took away before the log had made durable what they took in.
    private var leaving: [Entry] = []

    init(surroundings: InputSurroundings) {
        self.surroundings = surroundings
    }

    /// In the order of the configuration. Any thread.
    nonisolated func views() -> [InputView] {
        entries.withLock { $0 }.map {
            InputView(configuration: $0.configuration, counts: $0.counters.snapshot(), state: $0.state.current)
        }
    }

    /// Makes the running inputs those of `configuration`. What did not change goes on undisturbed. On return the others have
    /// opened their sockets and ports, if that takes no longer than `beginPatience`: whoever hears that the daemon is ready
    /// may send.
    func apply(_ configuration: Configuration) async {
        let wanted = InputSupervisor.groups(of: configuration.inputs).map {
            Plan(inputs: $0, devices: configuration.devices, box: configuration.name)
        }
        let kept = Set(groups.filter { wanted.contains($0.plan) && !$0.hasFailed.isSet }.map(\.plan))
        let ended = groups.filter { !kept.contains($0.plan) }
        for group in ended { group.thread.stop() }
        for group in ended { await group.thread.joined() }
        groups.removeAll { !kept.contains($0.plan) }
        let known = Dictionary(
            entries.withLock { $0 }.map { ($0.configuration.name, $0) },
            uniquingKeysWith: { a, _ in a }
        )
        let fresh = configuration.inputs.map { input in
            Entry(
                configuration: input,
                counters: known[input.name]?.counters ?? InputCounters(),
                state: known[input.name].flatMap { $0.configuration == input ? $0.state : nil } ?? InputStateBox()
            )
        }
        leaving += known.values.filter { old in
            old.counters.isWaiting && !fresh.contains { $0.counters === old.counters }
        }
        entries.withLock { $0 = fresh }
        let byName = Dictionary(fresh.map { ($0.configuration.name, $0) }, uniquingKeysWith: { first, _ in first })
        let clock = surroundings.environment.clock
        let deadline = clock.monotonic().advanced(by: InputSupervisor.beginPatience)
        for plan in wanted where !kept.contains(plan) {
            let hasFailed = StopFlag()
            let thread = start(plan.inputs.compactMap { byName[$0.name] }, configuration, hasFailed)
            groups.append(Group(plan: plan, thread: thread, hasFailed: hasFailed))
        }
        for group in groups where !kept.contains(group.plan) {
            await group.thread.hasBegun(within: max(.zero, deadline.since(clock.monotonic())))
        }
    }

    /// Stops all inputs; on return everything that they took in is with the log, or counted as dropped.
    func stopAll() async {
        for group in groups { group.thread.stop() }
        for group in groups { await group.thread.joined() }
        groups = []
    }

    /// Counts what became of all that was taken in, once the log is closed: by input, the payloads that were dropped since the
    /// start because the log took no more, where there are any.
    func countLost(in inbox: BatchInbox) -> [(input: String, count: UInt64)] {
        (entries.withLock { $0 } + leaving).compactMap { entry in
            entry.counters.settle(inbox)
            let count = entry.counters.snapshot().dropped[.logStopped] ?? 0
            return count > 0 ? (entry.configuration.name, count) : nil
        }
    }

    /// Inputs of a type that shares a thread are one group, every other input is its own.
    private static func groups(of inputs: [InputConfiguration]) -> [[InputConfiguration]] {
        var groups: [[InputConfiguration]] = []
        for definition in InputRegistry.definitions {
            let members = inputs.filter { $0.transport.typeName == definition.name }
            if definition.sharesThread {
                if !members.isEmpty { groups.append(members) }
            } else {
                groups += members.map { [$0] }
            }
        }
        return groups
    }

    private func start(
        _ entries: [Entry],
        _ configuration: Configuration,
        _ hasFailed: StopFlag
    ) -> SteppingThread {
        let surroundings = surroundings
        let typeName = entries.first?.configuration.transport.typeName ?? "input"
        let name = entries.count == 1 ? entries[0].configuration.name : typeName
        return SteppingThread(
            name: name,
            watch: surroundings.watch,
            limit: InputSupervisor.stepLimit,
            clock: surroundings.environment.clock
        ) {
            do {
                let endpoints = try entries.map { entry in
                    try surroundings.endpoint(entry.configuration, configuration, entry.counters, entry.state)
                }
                guard let definition = InputRegistry.definition(named: typeName) else {
                    throw CommandFailure(ExitStatus.configuration, "no input type \(typeName)")
                }
                let adapter = try definition.makeAdapter(endpoints, surroundings.environment)
                return (step: { adapter.step() }, finish: { adapter.finish() })
            } catch {
                hasFailed.set()
                for entry in entries { entry.state.set(InputState(isUp: false, text: "\(error)")) }
                return (step: { pauseThread(for: InputLimits.stepWaitMax) }, finish: {})
            }
        }
    }

    private static let beginPatience = Duration.seconds(1)

    /// A broker's name may take the resolver's full time-out twice over.
    private static let stepLimit = Duration.seconds(30)
}

/// What inputs are built with. Shared by all; values and thread-safe objects.
struct InputSurroundings: Sendable {
    var log: PipelineLog
    var directory: DirectoryFeed
    var sightings: DeviceSightings
    var environment: InputEnvironment
    var watch: ThreadWatch

    /// Builds the pipeline of one input, on the thread that will own it.
    func endpoint(
        _ input: InputConfiguration,
        _ configuration: Configuration,
        _ counters: InputCounters,
        _ state: InputStateBox
    ) throws -> InputEndpoint {
        guard let definition = DecoderRegistry.definition(named: input.format) else {
            throw CommandFailure(ExitStatus.configuration, "no format \(input.format)")
        }
        let now = Double(environment.clock.now().milliseconds) / 1000
        let pipeline = IngestPipeline(
            settings: input.pipelineSettings(devices: configuration.devices, now: now),
            decoder: try definition.make(input.decoderOptions),
            log: log,
            directory: directory,
            sightings: sightings,
            counters: counters,
            clock: environment.clock,
            hashSeed: environment.seed
        )
        return InputEndpoint(
            name: input.name,
            settings: try configuration.settings(of: input),
            pipeline: pipeline,
            state: state
        )
    }
}
