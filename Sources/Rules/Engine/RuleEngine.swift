// The rule engine: a pure function from recorded readings and ticks to edges of alerts.
package import EventModel

/// What the engine counted since it was made; part of its snapshot.
package struct RuleEngineCounters: Hashable, Sendable {
    /// Readings that were evaluated by at least one rule count once for each.
    package var evaluations: UInt64 = 0
    /// Readings that came later than `RuleLimits.latenessMilliseconds` and changed nothing.
    package var late: UInt64 = 0
    /// Readings that found no room for their instance.
    package var overflowing: UInt64 = 0
    /// Events or readings whose names are longer than `RuleLimits.nameBytesMax`.
    package var unnamed: UInt64 = 0
    /// Readings in a unit that the limit's cannot be compared with.
    package var foreign: UInt64 = 0
    /// Readings that left their window early because it was full.
    package var crowdedOut: UInt64 = 0

    package init() {}
}

/// Evaluates rules over the log (DESIGN section 8). Reads no clock and does no input or output.
///
/// Lifecycle: made empty or from a snapshot, fed in recorded order with `observe`, `start` and `tick`, drained with
/// `takeTransitions`. One owner, one thread. A reading costs no allocation once its device and metric are known.
///
/// The tables from names to instances are caches: they are derived from the instances and the rules, may be built anew
/// at any time, and are no part of the state.
package struct RuleEngine: ~Copyable {
    // State: what a snapshot holds.
    var logTime = LogTime()
    var instances: [RuleInstance] = []
    /// Unit and labels of each instance's breach, as `BreachContext` lays them out; in `ok` empty, but for instances that time
    /// alone can move.
    var contexts: [[UInt8]] = []
    /// At the place of an alert's first level: when it fired lately, oldest first.
    var firings: [[Int64]] = []
    package internal(set) var counters = RuleEngineCounters()
    /// Readings of some time; each belongs to one alert or to one term of a rule.
    var windows: [SeriesWindow] = []
    var termSets: [TermSet] = []
    var members: [GroupMember] = []

    // Rules, and the part of them that the inner loop reads.
    package internal(set) var rules: RuleSet
    /// Of every level of every rule, and where those of each rule begin; one more than there are rules.
    private(set) var thresholds: [Threshold] = []
    private(set) var firstThresholds: [Int32] = []

    // Caches.
    let seed: UInt64
    var deviceNames: Interner
    var metricNames: Interner
    var deviceLabels: [DeviceLabels] = []
    var table = BindingTable()
    var bindings: [Binding] = []
    var candidates: [RuleCandidate] = []
    var tablesMax = RuleLimits.tablesMax
    /// From device and rule to the rule's terms.
    var termTable = BindingTable()
    /// From rule, name of the group and metric to its alert.
    var groupTable: [GroupKey: Int32] = [:]
    var units = UnitTable()
    /// Readings in all windows.
    var windowedReadings = 0
    /// Term sets of expressions that the event in work has touched.
    var touched: [Int32] = []

    /// Instances with a running `for`, `absent` or `unchanged`, in no order.
    var timers: [Int32] = []
    var transitions: [AlertTransition] = []
    let scratch: TextScratch
    let instancesMax: Int

    /// - `seed`: of the hashes of names; secret where names come from a network. Changes no outcome.
    /// - `instancesMax`: bound on instances; the default is the one of production.
    package init(rules: RuleSet, seed: UInt64, instancesMax: Int = RuleLimits.instancesMax) {
        self.rules = rules
        self.seed = seed
        self.instancesMax = min(instancesMax, RuleLimits.instancesMax)
        deviceNames = Interner(seed: seed, capacityMax: RuleLimits.namesMax)
        metricNames = Interner(seed: seed, capacityMax: RuleLimits.namesMax)
        scratch = TextScratch()
        layOutThresholds()
    }

    /// To be called whenever `rules` are others.
    mutating func layOutThresholds() {
        thresholds = rules.rules.flatMap(\.thresholds)
        firstThresholds = rules.rules.reduce(into: [0]) { $0.append($0[$0.count - 1] + Int32($1.thresholds.count)) }
    }

    /// How many levels a rule has: so many instances stand side by side.
    @inline(__always)
    func levelCount(ofRule rule: Int32) -> Int { Int(firstThresholds[Int(rule) + 1] &- firstThresholds[Int(rule)]) }

    package var instanceCount: Int { instances.count }
    package var pendingCount: Int { timers.count { instances[Int($0)].phase == .pending } }
    package var firingCount: Int { instances.count(where: \.isShown) }
    package var hasTransitions: Bool { !transitions.isEmpty }

    /// Moves the edges since the last call to the end of `output`, in their order.
    package mutating func takeTransitions(into output: inout [AlertTransition]) {
        output.append(contentsOf: transitions)
        transitions.removeAll(keepingCapacity: true)
    }

    /// Evaluates the readings of one event.
    ///
    /// - Parameters:
    ///   - event: decoded from `value`.
    ///   - value: the record's value; used during the call only.
    ///   - position: the record's place, the cause of the edges that it makes.
    package mutating func observe(_ event: borrowing StoredEvent, _ value: RawSpan, at position: RecordPosition) {
        let series = event.readings.count &+ (rules.readsStates ? event.states.count : 0)
        guard !thresholds.isEmpty, !event.isRetained, series > 0 else { return }
        if areTablesFull(for: series) { rebuildTables() }
        // Valid as long as `value` is. A closure around all of it would copy the event to hand it in.
        let bytes = value.withUnsafeBytes { $0 }
        guard let device = deviceID(event, bytes) else {
            counters.unnamed &+= 1
            return
        }
        noteLabels(event, bytes, device: Int(device))
        let moment = ReadingMoment(
            time: event.time,
            logTime: logTime.place(received: event.received),
            isDeviceTime: event.clockIsDevice,
            position: position
        )
        if rules.hasTerms {
            forEachSeries(event, bytes) { $0.takeTerm($1, event, bytes, device: device, moment) }
        }
        forEachSeries(event, bytes) { $0.observe($1, event, bytes, device: device, moment) }
        if !touched.isEmpty { evaluateTouched(moment) }
    }

    /// The event's numbers, and its states where a rule looks at any.
    @inline(__always)
    private mutating func forEachSeries(
        _ event: borrowing StoredEvent,
        _ bytes: UnsafeRawBufferPointer,
        _ body: (inout RuleEngine, SeriesReading) -> Void
    ) {
        for reading in event.readings {
            body(&self, SeriesReading(metric: reading.metric, value: reading.value, unit: reading.unit, isState: false))
        }
        guard rules.readsStates else { return }
        for state in event.states {
            guard let text = text(state.text, event, bytes) else { continue }
            let value = StateValue.of(text)
            body(&self, SeriesReading(metric: state.name, value: value, unit: .none, isState: true))
        }
    }

    private mutating func observe(
        _ reading: SeriesReading,
        _ event: borrowing StoredEvent,
        _ bytes: UnsafeRawBufferPointer,
        device: Int32,
        _ moment: ReadingMoment
    ) {
        guard let binding = binding(of: reading.metric, event, bytes, device: device) else {
            counters.unnamed &+= 1
            return
        }
        if bindings[binding].dependsOnLabels { matchLabels(binding, event, bytes, device: Int(device)) }
        let role = reading.isState ? SeriesRole.states : .numbers
        let first = Int(bindings[binding].first)
        for index in first..<first &+ Int(bindings[binding].count)
        where candidates[index].isMatching && candidates[index].role.contains(role) {
            guard let instance = instance(of: index, device: device, binding: binding) else {
                counters.overflowing &+= 1
                continue
            }
            var reading = reading
            if rules.convertsUnits {
                guard convert(&reading, bytes, rule: candidates[index].rule) else {
                    counters.foreign &+= 1
                    continue
                }
            }
            if candidates[index].isMember {
                evaluateMember(instance, reading, event, bytes, moment)
            } else {
                evaluate(instance, reading, bytes, device: device, moment)
            }
        }
    }

    /// The step of the state machines of one rule's levels, the first of which stands at `first`, and the edges of it.
    @inline(__always)
    private mutating func evaluate(
        _ first: Int,
        _ reading: SeriesReading,
        _ bytes: UnsafeRawBufferPointer,
        device: Int32,
        _ moment: ReadingMoment
    ) {
        let levels = levelCount(ofRule: instances[first].rule)
        if RuleEngine.stayQuiet(&instances, first..<first &+ levels, thresholds, reading, moment) {
            counters.evaluations &+= 1
            return
        }
        let newest = instances[first].newest
        let context = ReadingContext(unit: RuleEngine.slice(bytes, reading.unit), device: Int(device))
        // Only a device can be late: a receive time that lies behind tells of the box's clock.
        if moment.isDeviceTime, newest != .min, moment.time < newest &- RuleLimits.latenessMilliseconds {
            counters.late &+= 1
            noteSignOfLife(first, levels, context, moment)
            return
        }
        counters.evaluations &+= 1
        for index in first..<first &+ levels {
            instances[index].note(moment)
            instances[index].isState = reading.isState
        }
        var value = reading.value
        if instances[first].window >= 0 {
            guard let amount = takeWindowed(first, value, moment) else { return keepContexts(first, levels, context) }
            value = amount
        }
        judge(
            first,
            levels,
            value,
            allows: isAllowed(rule: instances[first].rule, device: device, moment),
            context,
            moment
        )
    }

    /// What follows from a value that is known: of a reading, or of the time that passes.
    @inline(__always)
    mutating func judge(
        _ first: Int,
        _ levels: Int,
        _ value: Double,
        allows: Bool,
        _ context: ReadingContext?,
        _ moment: ReadingMoment
    ) {
        var hasChanged = false
        for index in first..<first &+ levels {
            let wasActive = instances[index].isActive
            step(index, value, allows: allows, moment)
            // What fires keeps what it has fired with.
            if let context, !wasActive, instances[index].phase != .ok { keepContext(index, context) }
            hasChanged = hasChanged || instances[index].isActive != wasActive
        }
        if hasChanged { endAndBegin(first, levels, context, moment) }
        if let context, instances[first].movesWithTime { keepContexts(first, levels, context) }
    }

    /// The whole of what nearly all readings do to the levels of a rule: nothing was wrong, and nothing is.
    ///
    /// - Returns: false where more than that may come of it; nothing has changed then.
    @inline(__always)
    private static func stayQuiet(
        _ instances: inout [RuleInstance],
        _ levels: Range<Int>,
        _ thresholds: [Threshold],
        _ reading: SeriesReading,
        _ moment: ReadingMoment
    ) -> Bool {
        var instances = instances.mutableSpan
        for index in levels {
            guard instances[index].phase == .ok, !instances[index].movesWithTime,
                moment.time >= instances[index].newest,
                thresholds[Int(instances[index].threshold)].isQuiet(reading.value)
            else { return false }
        }
        for index in levels {
            instances[index].note(moment)
            instances[index].isState = reading.isState
            instances[index].value = reading.value
        }
        return true
    }

    /// A reading that is too late to say anything but that the device lives.
    private mutating func noteSignOfLife(
        _ first: Int,
        _ levels: Int,
        _ context: ReadingContext,
        _ moment: ReadingMoment
    ) {
        var hasEnded = false
        for index in first..<first &+ levels where thresholds[Int(instances[index].threshold)].isAbsence {
            if instances[index].isActive {
                instances[index].phase = .ok
                hasEnded = true
            } else {
                instances[index].sinceLogTime = moment.logTime
            }
        }
        if hasEnded { endAndBegin(first, levels, context, moment) }
    }

    /// The edges of levels that have become active or have ended; a watch that a reading has ended begins with it.
    private mutating func endAndBegin(
        _ first: Int,
        _ levels: Int,
        _ context: ReadingContext?,
        _ moment: ReadingMoment
    ) {
        show(first, levels, at: instances[first].clock, isStale: false, moment.position)
        for index in first..<first &+ levels
        where instances[index].phase == .ok && thresholds[Int(instances[index].threshold)].isWatch {
            var instance = instances[index]
            beginWatch(&instance, index, moment)
            instances[index] = instance
            if let context { keepContext(index, context) }
        }
    }

    /// The step of one level's state machine.
    @inline(__always)
    private mutating func step(_ index: Int, _ value: Double, allows: Bool, _ moment: ReadingMoment) {
        var instance = instances[index]
        let previous = instance.value
        instance.value = value
        let threshold = thresholds[Int(instance.threshold)]
        guard !threshold.isWatch else {
            let goesOn = instance.phase != .ok && threshold.goesOn(from: previous, to: value)
            watch(&instance, index, threshold, goesOn: goesOn, moment)
            instances[index] = instance
            return
        }
        switch instance.phase {
        case .ok:
            guard threshold.isBeyond(value, allows: allows) else { break }
            instance.since = instance.clock
            instance.sinceLogTime = moment.logTime
            instance.peak = value
            instance.samples = 1
            if threshold.holdFor == 0 {
                instance.phase = .firing
            } else {
                enterTimers(&instance, index, .pending)
            }
        case .pending:
            guard threshold.isBeyond(value, allows: allows) else {
                leaveTimers(&instance)
                instance.phase = .ok
                if !instance.movesWithTime { contexts[index].removeAll(keepingCapacity: true) }
                break
            }
            noteBreach(&instance, threshold)
            if moment.held(instance.since, instance.sinceLogTime, instance.clock) >= threshold.holdFor {
                leaveTimers(&instance)
                instance.phase = .firing
            }
        case .firing, .recovering, .watching:
            noteBreach(&instance, threshold)
            recover(&instance, threshold, allows: allows, moment)
        }
        instances[index] = instance
    }

    /// The step of a watch: `goesOn` where the reading changes nothing.
    private mutating func watch(
        _ instance: inout RuleInstance,
        _ index: Int,
        _ threshold: Threshold,
        goesOn: Bool,
        _ moment: ReadingMoment
    ) {
        guard goesOn else {
            if instance.isActive {
                instance.samples &+= 1
                instance.phase = .ok
            } else {
                beginWatch(&instance, index, moment)
            }
            return
        }
        instance.samples &+= 1
        let held = moment.held(instance.since, instance.sinceLogTime, instance.clock)
        guard instance.phase == .watching, held >= threshold.holdFor(interval: instance.interval) else { return }
        leaveTimers(&instance)
        instance.phase = .firing
    }

    private mutating func beginWatch(_ instance: inout RuleInstance, _ index: Int, _ moment: ReadingMoment) {
        instance.since = instance.clock
        instance.sinceLogTime = moment.logTime
        instance.peak = instance.value
        instance.samples = 1
        if instance.phase != .watching { enterTimers(&instance, index, .watching) }
    }

    @inline(__always)
    private func noteBreach(_ instance: inout RuleInstance, _ threshold: Threshold) {
        instance.samples &+= 1
        if threshold.isWorse(instance.value, than: instance.peak) { instance.peak = instance.value }
    }

    /// The way out of firing: readings that are cleared, for `clear_for`; silence clears nothing.
    private func recover(
        _ instance: inout RuleInstance,
        _ threshold: Threshold,
        allows: Bool,
        _ moment: ReadingMoment
    ) {
        guard threshold.isCleared(instance.value, allows: allows) else {
            instance.phase = .firing
            return
        }
        if instance.phase == .firing {
            instance.phase = .recovering
            instance.clearedAt = instance.clock
            instance.clearedLogTime = moment.logTime
        }
        if moment.held(instance.clearedAt, instance.clearedLogTime, instance.clock) >= threshold.clearFor {
            instance.phase = .ok
        }
    }
}

/// One number or state of an event. Plain bytes.
struct SeriesReading: BitwiseCopyable {
    var metric: ByteSlice
    /// Of a state, `StateValue`.
    var value: Double
    var unit: ByteSlice
    var isState: Bool
}

/// What an alert will say of where its reading came from; valid while the event is.
struct ReadingContext {
    /// nil: none.
    var unit: UnsafeRawBufferPointer?
    var device: Int
}

/// Where one event stands: in event time, in log time and in the log.
struct ReadingMoment: BitwiseCopyable {
    var time: Int64
    var logTime: Int64
    /// The event's time is the device's own. Else it is the box's wall clock, which may have stepped.
    var isDeviceTime: Bool
    var position: RecordPosition

    /// How long something has lasted with this reading: by the device's clock, else by the log's, which no step moves.
    @inline(__always)
    func held(_ since: Int64, _ sinceLogTime: Int64, _ clock: Int64) -> Int64 {
        isDeviceTime ? clock &- since : logTime &- sinceLogTime
    }
}
