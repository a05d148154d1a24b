// From names and labels to instances: the caches in front of the rules.
internal import EventModel

/// Room for one name whose escapes are resolved. Owned by one engine; freed with it.
final class TextScratch {
    let bytes: UnsafeMutableRawBufferPointer

    init() {
        bytes = .allocate(byteCount: RuleLimits.labelBytesMax, alignment: 16)
    }

    deinit {
        bytes.deallocate()
    }
}

extension RuleEngine {
    // MARK: Names

    mutating func deviceID(_ event: borrowing StoredEvent, _ bytes: UnsafeRawBufferPointer) -> Int32? {
        guard let name = text(event.device, event, bytes), name.count <= RuleLimits.nameBytesMax else { return nil }
        guard let id = deviceNames.id(of: name) else { return nil }
        if id == deviceLabels.count { deviceLabels.append(DeviceLabels()) }
        return id
    }

    /// The text of a slice with its escapes resolved; nil where it is malformed, outside, or longer than any name.
    func text(
        _ slice: ByteSlice,
        _ event: borrowing StoredEvent,
        _ bytes: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer? {
        guard let raw = RuleEngine.slice(bytes, slice) else { return nil }
        guard event.hasEscapes else { return raw }
        let string = JSONString(start: slice.start, count: slice.count, hasEscapes: true)
        let outcome = JSONScanner.unescape(string, RawSpan(_unsafeBytes: bytes), into: scratch.bytes)
        guard case .written(let count) = outcome else { return nil }
        return UnsafeRawBufferPointer(rebasing: scratch.bytes[..<count])
    }

    @inline(__always)
    static func slice(_ bytes: UnsafeRawBufferPointer, _ slice: ByteSlice) -> UnsafeRawBufferPointer? {
        guard slice.start >= 0, slice.count >= 0, slice.start <= bytes.count, slice.count <= bytes.count &- slice.start
        else {
            return nil
        }
        return UnsafeRawBufferPointer(rebasing: bytes[slice.start..<slice.start &+ slice.count])
    }

    // MARK: Labels

    /// Remembers what labels the device carries now; a difference makes a new version, at which rules match anew.
    mutating func noteLabels(_ event: borrowing StoredEvent, _ bytes: UnsafeRawBufferPointer, device: Int) {
        let members = RuleEngine.members(event, bytes)
        if !deviceLabels[device].isOversized, deviceLabels[device].members.count == members.count,
            deviceLabels[device].members.withUnsafeBytes({ RuleEngine.equal($0, members) })
        {
            return
        }
        deviceLabels[device].version &+= 1
        deviceLabels[device].isOversized = members.count > RuleLimits.labelBytesMax
        deviceLabels[device].members.removeAll(keepingCapacity: true)
        if members.count <= RuleLimits.labelBytesMax { deviceLabels[device].members.append(contentsOf: members) }
    }

    /// From the quote before the first label's name to the quote behind the last one's text.
    private static func members(
        _ event: borrowing StoredEvent,
        _ bytes: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        guard let first = event.labels.first, let last = event.labels.last else { return none }
        let start = first.name.start &- 1
        let end = last.text.start &+ last.text.count &+ 1
        return slice(bytes, ByteSlice(start: start, count: end &- start)) ?? none
    }

    @inline(__always)
    private static func equal(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index &+ 8 <= left.count {
            guard
                left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    == right.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            else { return false }
            index &+= 8
        }
        while index < left.count {
            guard left[index] == right[index] else { return false }
            index &+= 1
        }
        return true
    }

    /// Brings the candidates' `isMatching` up to the labels of this event.
    mutating func matchLabels(
        _ binding: Int,
        _ event: borrowing StoredEvent,
        _ bytes: UnsafeRawBufferPointer,
        device: Int
    ) {
        let version = deviceLabels[device].version
        guard bindings[binding].labelVersion != version else { return }
        bindings[binding].labelVersion = version
        let first = Int(bindings[binding].first)
        for index in first..<first + Int(bindings[binding].count) {
            let rule = rules.rules[Int(candidates[index].rule)]
            let match = rule.match
            // What a gate looks at may come with other labels.
            guard match.dependsOnLabels, candidates[index].isWatched || rule.expression != nil else { continue }
            candidates[index].isMatching = match.matchesLabels { name, globs in
                event.labels.contains { label in
                    guard let found = text(label.name, event, bytes), found.elementsEqual(name) else { return false }
                    guard !globs.isEmpty else { return true }
                    guard let value = text(label.text, event, bytes) else { return false }
                    return globs.contains { $0.matches(value) }
                }
            }
        }
    }

    /// Keeps the unit and labels of a reading beyond its limit, for the alert that may come of it.
    mutating func keepContext(_ index: Int, _ context: ReadingContext) {
        let unit = context.unit ?? UnsafeRawBufferPointer(start: nil, count: 0)
        let labels = deviceLabels[context.device].members
        if BreachContext.holds(contexts[index], unit: unit, labels: labels) { return }
        BreachContext.write(unit: unit, labels: labels, to: &contexts[index])
    }

    /// The same for all levels that do not fire.
    mutating func keepContexts(_ first: Int, _ levels: Int, _ context: ReadingContext) {
        for index in first..<first &+ levels where !instances[index].isActive { keepContext(index, context) }
    }

    // MARK: Bindings

    /// The binding of a metric of the device, made now where it is new. A device names its metrics in one order again and
    /// again: the one that followed last time is looked at first.
    @inline(__always)
    mutating func binding(
        of metric: ByteSlice,
        _ event: borrowing StoredEvent,
        _ bytes: UnsafeRawBufferPointer,
        device: Int32
    ) -> Int? {
        guard let name = text(metric, event, bytes), name.count <= RuleLimits.nameBytesMax else { return nil }
        let last = Int(deviceLabels[Int(device)].lastBinding)
        if last >= 0 {
            let guess = bindings[last].follower
            if metricNames.holds(name, id: bindings[Int(guess)].metric) {
                deviceLabels[Int(device)].lastBinding = guess
                return Int(guess)
            }
        }
        return binding(named: name, device: device, after: last)
    }

    @inline(never)
    private mutating func binding(named name: UnsafeRawBufferPointer, device: Int32, after last: Int) -> Int? {
        guard let id = metricNames.id(of: name) else { return nil }
        let known = table.binding(BindingTable.key(device: device, metric: id)).map { Int($0) }
        let found = known ?? bind(device: device, metric: id)
        if last >= 0 { bindings[last].follower = Int32(found) }
        deviceLabels[Int(device)].lastBinding = Int32(found)
        return found
    }

    mutating func bind(device: Int32, metric: Int32) -> Int {
        let first = candidates.count
        var dependsOnLabels = false
        let (deviceName, metricName) = (deviceNames.bytes(of: device), metricNames.bytes(of: metric))
        for (index, rule) in rules.rules.enumerated() where rule.match.matches(device: deviceName) {
            let isFree = !rule.match.dependsOnLabels
            if !rule.role.isEmpty, rule.match.matches(device: deviceName, metric: metricName) {
                dependsOnLabels = dependsOnLabels || !isFree
                let role = rule.memberThreshold == nil ? rule.role : rule.role.union(.member)
                candidates.append(RuleCandidate(rule: Int32(index), role: role, term: 0, isMatching: isFree))
            }
            for (term, series) in rule.terms.enumerated() where series.metric.utf8.elementsEqual(metricName) {
                dependsOnLabels = dependsOnLabels || !isFree
                candidates.append(
                    RuleCandidate(
                        rule: Int32(index),
                        role: series.isState ? .stateTerm : .numberTerm,
                        term: UInt8(clamping: term),
                        isMatching: isFree || rule.gate != nil
                    )
                )
            }
        }
        bindings.append(
            Binding(
                first: Int32(first),
                count: Int32(candidates.count - first),
                metric: metric,
                follower: Int32(bindings.count),
                labelVersion: 0,
                dependsOnLabels: dependsOnLabels
            )
        )
        table.insert(BindingTable.key(device: device, metric: metric), binding: Int32(bindings.count - 1))
        return bindings.count - 1
    }

    /// The first instance of a candidate, or the member that it is, made now where this is its first reading; nil where
    /// there are too many.
    @inline(__always)
    mutating func instance(of candidate: Int, device: Int32, binding: Int) -> Int? {
        let known = candidates[candidate].instance
        return known >= 0 ? Int(known) : makeInstance(candidate, device: device, metric: bindings[binding].metric)
    }

    @inline(never)
    private mutating func makeInstance(_ candidate: Int, device: Int32, metric: Int32) -> Int? {
        if candidates[candidate].isMember { return makeMember(candidate, device: device, metric: metric) }
        guard let first = makeInstances(candidates[candidate].rule, device: device, metric: metric) else { return nil }
        candidates[candidate].instance = Int32(first)
        return first
    }

    /// Those of all levels of a rule, side by side; nil where there are too many.
    mutating func makeInstances(_ rule: Int32, device: Int32, metric: Int32) -> Int? {
        let first = instances.count
        guard first + levelCount(ofRule: rule) <= instancesMax else { return nil }
        let compiled = rules.rules[Int(rule)]
        var window: Int32 = -1
        if !compiled.definition.signal.isReading {
            guard windows.count < instancesMax else { return nil }
            window = Int32(windows.count)
            windows.append(SeriesWindow())
        }
        let threshold = firstThresholds[Int(rule)]
        for level in 0..<Int32(levelCount(ofRule: rule)) {
            var instance = RuleInstance(
                rule: rule,
                level: level,
                threshold: threshold + level,
                device: device,
                metric: metric,
                movesWithTime: compiled.movesWithTime
            )
            instance.window = window
            instances.append(instance)
            contexts.append([])
            firings.append([])
        }
        return first
    }

    /// Whether an event of so many readings may find the tables full.
    @inline(__always)
    func areTablesFull(for readings: Int) -> Bool {
        deviceNames.count &+ rules.groupCount >= RuleLimits.namesMax
            || metricNames.count &+ readings > RuleLimits.namesMax
            || candidates.count &+ bindings.count > tablesMax
    }

    /// Empties the tables and fills them with the names of the live instances.
    mutating func rebuildTables() {
        var devices = Interner(seed: seed, capacityMax: RuleLimits.namesMax)
        var metrics = Interner(seed: seed, capacityMax: RuleLimits.namesMax)
        for index in instances.indices {
            // There are fewer instances, terms and members than either interner holds, so every name finds its place.
            instances[index].device = devices.id(of: deviceNames.bytes(of: instances[index].device)) ?? 0
            instances[index].metric = metrics.id(of: metricNames.bytes(of: instances[index].metric)) ?? 0
        }
        for index in termSets.indices {
            termSets[index].device = devices.id(of: deviceNames.bytes(of: termSets[index].device)) ?? 0
        }
        for index in members.indices {
            members[index].device = devices.id(of: deviceNames.bytes(of: members[index].device)) ?? 0
            members[index].metric = metrics.id(of: metricNames.bytes(of: members[index].metric)) ?? 0
        }
        deviceNames = devices
        metricNames = metrics
        deviceLabels = Array(repeating: DeviceLabels(), count: deviceNames.count)
        table = BindingTable()
        bindings.removeAll(keepingCapacity: true)
        candidates.removeAll(keepingCapacity: true)
        _ = bindInstances()
        // Where the live instances alone nearly fill them, building anew again at once would gain nothing.
        tablesMax = max(RuleLimits.tablesMax, 2 * (candidates.count + bindings.count))
    }

    /// Points the candidates of every live instance at it; false where two instances claim the same one.
    mutating func bindInstances() -> Bool {
        var isUnambiguous = true
        termTable = BindingTable()
        for (index, set) in termSets.enumerated() {
            let key = BindingTable.key(device: set.device, metric: set.rule)
            isUnambiguous = isUnambiguous && termTable.binding(key) == nil
            termTable.insert(key, binding: Int32(index))
        }
        for index in instances.indices where instances[index].level == 0 && isBound(instances[index].rule) {
            let (device, metric) = (instances[index].device, instances[index].metric)
            let known = table.binding(BindingTable.key(device: device, metric: metric)).map { Int($0) }
            let binding = known ?? bind(device: device, metric: metric)
            let first = Int(bindings[binding].first)
            for candidate in first..<first + Int(bindings[binding].count)
            where candidates[candidate].rule == instances[index].rule && candidates[candidate].isWatched {
                isUnambiguous = isUnambiguous && candidates[candidate].instance < 0
                candidates[candidate].instance = Int32(index)
            }
        }
        bindGroups()
        return isUnambiguous
    }

    /// Whether an alert of the rule is that of one series: expressions and groups have tables of their own.
    private func isBound(_ rule: Int32) -> Bool {
        rules.rules[Int(rule)].expression == nil && rules.rules[Int(rule)].memberThreshold == nil
    }
}
