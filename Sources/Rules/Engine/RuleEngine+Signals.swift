// What rules compare beside a reading as it comes: windows of readings, other metrics of the device, expressions.
internal import EventModel
internal import Platform

/// The windows of a rule's terms for one device, side by side. Plain bytes.
struct TermSet: BitwiseCopyable {
    var rule: Int32
    var device: Int32
    /// Place of the first term's window.
    var first: Int32
    /// First instance of the expression's alert; -1 before it was evaluated.
    var instance: Int32 = -1
    /// Largest event time of any of its readings, where it was the device's own.
    var clock = Int64.min
    /// Log time at which the newest of them was received.
    var lastLogTime: Int64 = 0

    /// The present on the axis of one of its windows.
    func now(_ isDeviceTime: Bool, _ moment: ReadingMoment) -> Int64 {
        guard isDeviceTime else { return moment.logTime }
        if moment.isDeviceTime { return max(clock, moment.time) }
        return clock &+ max(0, moment.logTime &- lastLogTime)
    }
}

extension RuleEngine {
    // MARK: Units

    /// Brings a reading into the unit of the rule's limits; false where that is impossible, or no number can say it.
    mutating func convert(_ reading: inout SeriesReading, _ bytes: UnsafeRawBufferPointer, rule: Int32) -> Bool {
        guard !reading.isState, let wanted = rules.rules[Int(rule)].definition.unit else { return true }
        guard let unit = RuleEngine.slice(bytes, reading.unit) else { return true }
        switch units.answer(from: unit, to: wanted) {
        case .same: return true
        case .convert(let conversion):
            reading.value = conversion.apply(reading.value)
            return reading.value.isFinite
        case .foreign: return false
        }
    }

    // MARK: Windows

    /// What the window of an alert amounts to with one more reading; nil where that is not known yet.
    mutating func takeWindowed(_ first: Int, _ value: Double, _ moment: ReadingMoment) -> Double? {
        let window = Int(instances[first].window)
        let signal = rules.rules[Int(instances[first].rule)].definition.signal
        let time = moment.isDeviceTime ? moment.time : moment.logTime
        let now = moment.isDeviceTime ? instances[first].clock : moment.logTime
        take(WindowReading(time: time, value: value), into: window, signal, moment, now: now)
        return windows[window].value(signal)
    }

    private mutating func take(
        _ reading: WindowReading,
        into window: Int,
        _ signal: RuleSignal,
        _ moment: ReadingMoment,
        now: Int64
    ) {
        let before = windows[window].count
        let isCrowded = windows[window].add(
            reading,
            isDeviceTime: moment.isDeviceTime,
            signal: signal,
            mayGrow: windowedReadings < RuleLimits.windowsReadingsMax
        )
        if isCrowded { counters.crowdedOut &+= 1 }
        _ = windows[window].advance(to: now, signal: signal)
        windowedReadings += windows[window].count - before
    }

    private mutating func advance(_ window: Int, to now: Int64, _ signal: RuleSignal) -> Bool {
        let before = windows[window].count
        defer { windowedReadings += windows[window].count - before }
        return windows[window].advance(to: now, signal: signal)
    }

    /// Lets a tick's time pass in every window and group, and judges the alerts whose value that has changed, in the order
    /// of their names.
    mutating func moveWindows(to position: RecordPosition) {
        var moved: [MovedAlert] = []
        for (index, count) in expireMembers() {
            raiseClock(index)
            moved.append(alert(at: index, count, allows: true, isDeviceTime: false, position))
        }
        for index in instances.indices where instances[index].level == 0 && instances[index].window >= 0 {
            let signal = rules.rules[Int(instances[index].rule)].definition.signal
            let window = Int(instances[index].window)
            let isDeviceTime = windows[window].isDeviceTime
            guard advance(window, to: isDeviceTime ? timeNow(index) : logTime.now, signal) else { continue }
            raiseClock(index)
            guard let value = windows[window].value(signal) else { continue }
            let allows = isAllowed(
                rule: instances[index].rule,
                device: instances[index].device,
                tickMoment(index, isDeviceTime, position)
            )
            moved.append(alert(at: index, value, allows: allows, isDeviceTime: isDeviceTime, position))
        }
        for set in termSets.indices where termSets[set].instance >= 0 {
            let index = Int(termSets[set].instance)
            let moment = tickMoment(index, false, position)
            guard advanceTerms(set, moment) else { continue }
            raiseClock(index)
            guard let outcome = expression(set) else { continue }
            let first = Int(termSets[set].first)
            let isDeviceTime = rules.rules[Int(termSets[set].rule)].terms.indices.contains {
                windows[first + $0].isDeviceTime
            }
            moved.append(
                alert(at: index, outcome.value, allows: outcome.holds, isDeviceTime: isDeviceTime, position)
            )
        }
        moved.sort()
        for alert in moved {
            let levels = levelCount(ofRule: alert.rule)
            judge(alert.index, levels, alert.value, allows: alert.allows, nil, alert.moment)
        }
    }

    /// What time has taken from a window does not come back with a reading that lags behind the tick.
    private mutating func raiseClock(_ first: Int) {
        let now = timeNow(first)
        for index in first..<first &+ levelCount(ofRule: instances[first].rule) {
            instances[index].clock = max(instances[index].clock, now)
        }
    }

    /// The present of an alert's device, by its own clock: its newest reading, and the log time since then.
    private func timeNow(_ index: Int) -> Int64 {
        let passed = max(0, logTime.now &- instances[index].lastLogTime)
        return max(instances[index].clock, instances[index].newest &+ passed)
    }

    private func tickMoment(_ index: Int, _ isDeviceTime: Bool, _ position: RecordPosition) -> ReadingMoment {
        ReadingMoment(
            time: timeNow(index),
            logTime: logTime.now,
            isDeviceTime: isDeviceTime,
            position: position
        )
    }

    private func alert(
        at index: Int,
        _ value: Double,
        allows: Bool,
        isDeviceTime: Bool,
        _ position: RecordPosition
    ) -> MovedAlert {
        MovedAlert(
            device: deviceNames.string(of: instances[index].device),
            metric: metricNames.string(of: instances[index].metric),
            rule: instances[index].rule,
            index: index,
            value: value,
            allows: allows,
            moment: tickMoment(index, isDeviceTime, position)
        )
    }

    // MARK: Terms

    /// Takes one number or state of an event into the terms that it is.
    mutating func takeTerm(
        _ reading: SeriesReading,
        _ event: borrowing StoredEvent,
        _ bytes: UnsafeRawBufferPointer,
        device: Int32,
        _ moment: ReadingMoment
    ) {
        guard let binding = binding(of: reading.metric, event, bytes, device: device) else { return }
        if bindings[binding].dependsOnLabels { matchLabels(binding, event, bytes, device: Int(device)) }
        let role = reading.isState ? SeriesRole.stateTerm : .numberTerm
        let first = Int(bindings[binding].first)
        for index in first..<first &+ Int(bindings[binding].count)
        where candidates[index].isMatching && candidates[index].role.contains(role) {
            let (rule, term) = (candidates[index].rule, Int(candidates[index].term))
            guard let set = termSet(rule: rule, device: device) else {
                counters.overflowing &+= 1
                continue
            }
            if take(reading.value, term, of: set, moment), rules.rules[Int(rule)].expression != nil,
                !touched.contains(Int32(set))
            {
                touched.append(Int32(set))
                noteExpression(set, moment)
            }
        }
    }

    /// - Returns: false where it comes too late.
    private mutating func take(_ value: Double, _ term: Int, of set: Int, _ moment: ReadingMoment) -> Bool {
        if moment.isDeviceTime {
            guard moment.time >= termSets[set].clock &- RuleLimits.latenessMilliseconds || termSets[set].clock == .min
            else {
                counters.late &+= 1
                return false
            }
            termSets[set].clock = max(termSets[set].clock, moment.time)
        }
        termSets[set].lastLogTime = max(termSets[set].lastLogTime, moment.logTime)
        let time = moment.isDeviceTime ? moment.time : moment.logTime
        let signal = rules.rules[Int(termSets[set].rule)].terms[term].signal
        let now = termSets[set].now(moment.isDeviceTime, moment)
        take(WindowReading(time: time, value: value), into: Int(termSets[set].first) + term, signal, moment, now: now)
        return true
    }

    /// The windows of a rule's terms for a device, made now where it is the first reading of any; nil where there are too
    /// many.
    private mutating func termSet(rule: Int32, device: Int32) -> Int? {
        let key = BindingTable.key(device: device, metric: rule)
        if let known = termTable.binding(key) { return Int(known) }
        let count = rules.rules[Int(rule)].terms.count
        guard windows.count + count <= instancesMax else { return nil }
        termSets.append(TermSet(rule: rule, device: device, first: Int32(windows.count)))
        windows.append(contentsOf: repeatElement(SeriesWindow(), count: count))
        termTable.insert(key, binding: Int32(termSets.count - 1))
        return termSets.count - 1
    }

    /// Whether what else a rule needs to begin is so.
    @inline(__always)
    func isAllowed(rule: Int32, device: Int32, _ moment: ReadingMoment) -> Bool {
        rules.hasTerms ? isGateOpen(rule, device, moment) : true
    }

    private func isGateOpen(_ rule: Int32, _ device: Int32, _ moment: ReadingMoment) -> Bool {
        guard let gate = rules.rules[Int(rule)].gate else { return true }
        guard let place = termTable.binding(BindingTable.key(device: device, metric: rule)) else { return false }
        let set = termSets[Int(place)]
        let window = windows[Int(set.first)]
        guard let newest = window.contents.last else { return false }
        if let within = rules.rules[Int(rule)].terms[0].signal.over?.wholeMilliseconds {
            guard newest.time > set.now(window.isDeviceTime, moment) &- within else { return false }
        }
        return gate.isBeyond(newest.value, allows: true)
    }

    // MARK: Expressions

    /// Takes in the time of the first reading of an event that an expression looks at, and where it came from.
    private mutating func noteExpression(_ set: Int, _ moment: ReadingMoment) {
        guard let first = expressionInstance(set) else { return }
        let device = Int(termSets[set].device)
        for index in first..<first + levelCount(ofRule: termSets[set].rule) {
            instances[index].note(moment)
            if !instances[index].isActive { keepContext(index, ReadingContext(unit: nil, device: device)) }
        }
    }

    private mutating func expressionInstance(_ set: Int) -> Int? {
        if termSets[set].instance >= 0 { return Int(termSets[set].instance) }
        let rule = termSets[set].rule
        guard let name = rules.rules[Int(rule)].terms.first?.metric,
            let metric = Array(name.utf8).withUnsafeBytes({ metricNames.id(of: $0) }),
            let made = makeInstances(rule, device: termSets[set].device, metric: metric)
        else {
            counters.overflowing &+= 1
            return nil
        }
        termSets[set].instance = Int32(made)
        return made
    }

    /// Evaluates the expressions that an event has touched, each once.
    mutating func evaluateTouched(_ moment: ReadingMoment) {
        for set in touched where termSets[Int(set)].instance >= 0 {
            counters.evaluations &+= 1
            let context = ReadingContext(unit: nil, device: Int(termSets[Int(set)].device))
            _ = advanceTerms(Int(set), moment)
            guard let outcome = expression(Int(set)) else { continue }
            let first = Int(termSets[Int(set)].instance)
            let levels = levelCount(ofRule: termSets[Int(set)].rule)
            judge(first, levels, outcome.value, allows: outcome.holds, context, moment)
        }
        touched.removeAll(keepingCapacity: true)
    }

    /// - Returns: whether anything has left a window.
    private mutating func advanceTerms(_ set: Int, _ moment: ReadingMoment) -> Bool {
        let terms = termSets[set]
        var hasMoved = false
        for (term, series) in rules.rules[Int(terms.rule)].terms.enumerated() {
            let window = Int(terms.first) + term
            let now = terms.now(windows[window].isDeviceTime, moment)
            hasMoved = advance(window, to: now, series.signal) || hasMoved
        }
        return hasMoved
    }

    /// Whether an expression holds, and the value that an alert shows of it; nil where that is not known.
    private func expression(_ set: Int) -> (value: Double, holds: Bool)? {
        let terms = termSets[set]
        let rule = rules.rules[Int(terms.rule)]
        func value(_ term: Int) -> Double? { windows[Int(terms.first) + term].value(rule.terms[term].signal) }
        guard let expression = rule.expression, let holds = expression.holds(value) else { return nil }
        guard let shown = expression.shown.value else { return (holds ? 1 : 0, holds) }
        return (shown.number(value) ?? instances[Int(terms.instance)].value, holds)
    }
}

/// An alert whose value time has changed. The order is one of names, as that of timers.
private struct MovedAlert: Comparable {
    let device: String
    let metric: String
    let rule: Int32
    let index: Int
    let value: Double
    /// As `RuleEngine.judge` has it.
    let allows: Bool
    let moment: ReadingMoment

    static func < (left: MovedAlert, right: MovedAlert) -> Bool {
        (left.device, left.metric, left.rule) < (right.device, right.metric, right.rule)
    }

    static func == (left: MovedAlert, right: MovedAlert) -> Bool { left.index == right.index }
}
