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
    /// Unit and labels of each instance's breach, as `BreachContext` lays them out; empty in `ok`.
    var contexts: [[UInt8]] = []
    /// At the place of an alert's first level: when it fired lately, oldest first.
    var firings: [[Int64]] = []
    package internal(set) var counters = RuleEngineCounters()

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
        guard !thresholds.isEmpty, !event.isRetained, !event.readings.isEmpty else { return }
        if areTablesFull(for: event.readings.count) { rebuildTables() }
        value.withUnsafeBytes { bytes in
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
            for reading in event.readings { observe(reading, event, bytes, device: device, moment) }
        }
    }

    private mutating func observe(
        _ reading: StoredReading,
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
        let first = Int(bindings[binding].first)
        for index in first..<first &+ Int(bindings[binding].count) where candidates[index].isMatching {
            guard let instance = instance(of: index, device: device, binding: binding) else {
                counters.overflowing &+= 1
                continue
            }
            evaluate(instance, reading, bytes, device: Int(device), moment)
        }
    }

    /// The step of the state machines of one rule's levels, the first of which stands at `first`, and the edges of it.
    @inline(__always)
    private mutating func evaluate(
        _ first: Int,
        _ reading: StoredReading,
        _ bytes: UnsafeRawBufferPointer,
        device: Int,
        _ moment: ReadingMoment
    ) {
        let newest = instances[first].newest
        // Only a device can be late: a receive time that lies behind tells of the box's clock.
        if moment.isDeviceTime, newest != .min, moment.time < newest &- RuleLimits.latenessMilliseconds {
            counters.late &+= 1
            noteSignOfLife(first, reading, bytes, device: device, moment)
            return
        }
        counters.evaluations &+= 1
        let levels = levelCount(ofRule: instances[first].rule)
        var hasChanged = false
        for index in first..<first &+ levels {
            let wasActive = instances[index].isActive
            step(index, reading, bytes, device: device, moment)
            hasChanged = hasChanged || instances[index].isActive != wasActive
        }
        if hasChanged { endAndBegin(first, levels, reading, bytes, device: device, moment) }
    }

    /// A reading that is too late to say anything but that the device lives.
    private mutating func noteSignOfLife(
        _ first: Int,
        _ reading: StoredReading,
        _ bytes: UnsafeRawBufferPointer,
        device: Int,
        _ moment: ReadingMoment
    ) {
        let levels = levelCount(ofRule: instances[first].rule)
        var hasEnded = false
        for index in first..<first &+ levels where thresholds[Int(instances[index].threshold)].isAbsence {
            if instances[index].isActive {
                instances[index].phase = .ok
                hasEnded = true
            } else {
                instances[index].sinceLogTime = moment.logTime
            }
        }
        if hasEnded { endAndBegin(first, levels, reading, bytes, device: device, moment) }
    }

    /// The edges of levels that have become active or have ended; a watch that a reading has ended begins with it.
    private mutating func endAndBegin(
        _ first: Int,
        _ levels: Int,
        _ reading: StoredReading,
        _ bytes: UnsafeRawBufferPointer,
        device: Int,
        _ moment: ReadingMoment
    ) {
        show(first, levels, at: instances[first].clock, isStale: false, moment.position)
        for index in first..<first &+ levels
        where instances[index].phase == .ok && thresholds[Int(instances[index].threshold)].isWatch {
            var instance = instances[index]
            beginWatch(&instance, index, reading, bytes, device: device, moment)
            instances[index] = instance
        }
    }

    /// The step of one level's state machine.
    @inline(__always)
    private mutating func step(
        _ index: Int,
        _ reading: StoredReading,
        _ bytes: UnsafeRawBufferPointer,
        device: Int,
        _ moment: ReadingMoment
    ) {
        var instance = instances[index]
        let previous = instance.value
        instance.note(moment, value: reading.value)
        let threshold = thresholds[Int(instance.threshold)]
        guard !threshold.isWatch else {
            let goesOn = instance.phase != .ok && threshold.goesOn(from: previous, to: reading.value)
            watch(&instance, index, threshold, goesOn: goesOn, reading, bytes, device: device, moment)
            instances[index] = instance
            return
        }
        switch instance.phase {
        case .ok:
            guard threshold.isBeyond(reading.value) else { break }
            instance.since = instance.clock
            instance.sinceLogTime = moment.logTime
            instance.peak = reading.value
            instance.samples = 1
            keepContext(index, reading, bytes, device: device)
            if threshold.holdFor == 0 {
                instance.phase = .firing
            } else {
                enterTimers(&instance, index, .pending)
            }
        case .pending:
            guard threshold.isBeyond(reading.value) else {
                leaveTimers(&instance)
                instance.phase = .ok
                contexts[index].removeAll(keepingCapacity: true)
                break
            }
            noteBreach(&instance, threshold)
            keepContext(index, reading, bytes, device: device)
            if moment.held(instance.since, instance.sinceLogTime, instance.clock) >= threshold.holdFor {
                leaveTimers(&instance)
                instance.phase = .firing
            }
        case .firing, .recovering, .watching:
            noteBreach(&instance, threshold)
            recover(&instance, threshold, moment)
        }
        instances[index] = instance
    }

    /// The step of a watch: `goesOn` where the reading changes nothing.
    private mutating func watch(
        _ instance: inout RuleInstance,
        _ index: Int,
        _ threshold: Threshold,
        goesOn: Bool,
        _ reading: StoredReading,
        _ bytes: UnsafeRawBufferPointer,
        device: Int,
        _ moment: ReadingMoment
    ) {
        guard goesOn else {
            if instance.isActive {
                instance.samples &+= 1
                instance.phase = .ok
            } else {
                beginWatch(&instance, index, reading, bytes, device: device, moment)
            }
            return
        }
        instance.samples &+= 1
        keepContext(index, reading, bytes, device: device)
        let held = moment.held(instance.since, instance.sinceLogTime, instance.clock)
        guard instance.phase == .watching, held >= threshold.holdFor(interval: instance.interval) else { return }
        leaveTimers(&instance)
        instance.phase = .firing
    }

    private mutating func beginWatch(
        _ instance: inout RuleInstance,
        _ index: Int,
        _ reading: StoredReading,
        _ bytes: UnsafeRawBufferPointer,
        device: Int,
        _ moment: ReadingMoment
    ) {
        instance.since = instance.clock
        instance.sinceLogTime = moment.logTime
        instance.peak = reading.value
        instance.samples = 1
        keepContext(index, reading, bytes, device: device)
        if instance.phase != .watching { enterTimers(&instance, index, .watching) }
    }

    @inline(__always)
    private func noteBreach(_ instance: inout RuleInstance, _ threshold: Threshold) {
        instance.samples &+= 1
        if threshold.isWorse(instance.value, than: instance.peak) { instance.peak = instance.value }
    }

    /// The way out of firing: readings that are cleared, for `clear_for`; silence clears nothing.
    private func recover(_ instance: inout RuleInstance, _ threshold: Threshold, _ moment: ReadingMoment) {
        guard threshold.isCleared(instance.value) else {
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
