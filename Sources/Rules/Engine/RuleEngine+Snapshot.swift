// The engine's state as bytes, and back: what makes a restart invisible.
//
// All integers little-endian; `text` is a length of 2 bytes and that many bytes, `bytes` one of 4.
//
// | At | Bytes | Field    | Holds                                                                          |
// |---:|------:|----------|--------------------------------------------------------------------------------|
// |  0 |     8 | magic    | `FBRULES3`; the digit is the version                                            |
// |  8 |     4 | crc      | CRC-32C of everything from byte 12                                              |
// | 12 |    24 | log time | now, wall and monotonic milliseconds of the last start or tick                    |
// |    |     1 | has run  | 1 where `run` is known, else 0                                                  |
// |    |  text | run      | identifier of the run                                                          |
// |    |    48 | counters | evaluations, late, overflowing, unnamed, foreign, crowded out                     |
// |    |     4 | rules    | count; each: text name, 8 bytes condition hash                                  |
// |    |     4 | instances | count; each as `encode` writes it, in the order in which they were made             |
// |    |     4 | terms    | count; each as `encode(_: TermSet)` writes it                                       |
// |    |     4 | members  | count; each as `encode(_: GroupMember)` writes it                                   |
//
// Valid if magic and checksum match, every length lies inside, counts are within `RuleLimits`, the levels of a rule for one
// device and metric stand side by side, all of them and once, and nothing is left over. Anything else is no snapshot, and the log is read again.
internal import EventModel
internal import Platform

private let snapshotMagic: [UInt8] = Array("FBRULES3".utf8)
private let checksummedFrom = 12

extension RuleEngine {
    /// The state at this instant. Equal states give equal bytes.
    package func encodeSnapshot() -> [UInt8] {
        var writer = SnapshotWriter()
        writer.bytes = snapshotMagic + [0, 0, 0, 0]
        writer.put(logTime.now)
        writer.put(logTime.anchorWall)
        writer.put(logTime.anchorMonotonic)
        writer.put(UInt8(logTime.run == nil ? 0 : 1))
        writer.put(text: Array((logTime.run ?? "").utf8))
        writer.put(counters.evaluations)
        writer.put(counters.late)
        writer.put(counters.overflowing)
        writer.put(counters.unnamed)
        writer.put(counters.foreign)
        writer.put(counters.crowdedOut)
        writer.put(UInt32(clamping: rules.rules.count))
        for rule in rules.rules {
            writer.put(text: Array(rule.definition.alert.utf8))
            writer.put(rule.conditionHash)
        }
        writer.put(UInt32(clamping: instances.count))
        for (index, instance) in instances.enumerated() { encode(instance, index, to: &writer) }
        writer.put(UInt32(clamping: termSets.count))
        for set in termSets { encode(set, to: &writer) }
        writer.put(UInt32(clamping: members.count))
        for member in members { encode(member, to: &writer) }
        let crc = writer.bytes[checksummedFrom...].withUnsafeBytes { CRC32C.checksum($0) }
        for shift in 0..<4 { writer.bytes[8 + shift] = UInt8(truncatingIfNeeded: crc >> UInt32(8 * shift)) }
        return writer.bytes
    }

    private func encode(_ instance: RuleInstance, _ index: Int, to writer: inout SnapshotWriter) {
        writer.put(UInt32(bitPattern: instance.rule))
        writer.put(text: Array(deviceNames.bytes(of: instance.device)))
        writer.put(text: Array(metricNames.bytes(of: instance.metric)))
        writer.put(UInt8(truncatingIfNeeded: instance.level))
        writer.put(instance.phase.rawValue)
        writer.put(UInt8(instance.isShown ? 1 : 0))
        writer.put(UInt32(bitPattern: instance.transitions))
        writer.put(instance.newest)
        writer.put(instance.clock)
        writer.put(instance.lastLogTime)
        writer.put(instance.interval)
        writer.put(instance.value.bitPattern)
        writer.put(instance.since)
        writer.put(instance.sinceLogTime)
        writer.put(instance.firedAt)
        writer.put(instance.peak.bitPattern)
        writer.put(instance.samples)
        writer.put(instance.clearedAt)
        writer.put(instance.clearedLogTime)
        writer.put(instance.firedCause.source.rawValue)
        writer.put(UInt32(bitPattern: instance.firedCause.partition))
        writer.put(instance.firedCause.offset)
        writer.put(UInt8(instance.isState ? 1 : 0))
        writer.put(UInt32(clamping: contexts[index].count))
        writer.bytes += contexts[index]
        writer.put(UInt8(clamping: firings[index].count))
        for firing in firings[index] { writer.put(firing) }
        let hasWindow = instance.window >= 0 && instance.level == 0
        writer.put(UInt8(hasWindow ? 1 : 0))
        if hasWindow { encode(windows[Int(instance.window)], to: &writer) }
    }

    private func encode(_ window: SeriesWindow, to writer: inout SnapshotWriter) {
        writer.put(UInt8(window.isDeviceTime ? 1 : 0))
        writer.put(UInt32(clamping: window.count))
        for reading in window.contents {
            writer.put(reading.time)
            writer.put(reading.value.bitPattern)
        }
    }

    private func encode(_ set: TermSet, to writer: inout SnapshotWriter) {
        writer.put(UInt32(bitPattern: set.rule))
        writer.put(text: Array(deviceNames.bytes(of: set.device)))
        writer.put(set.instance)
        writer.put(set.clock)
        writer.put(set.lastLogTime)
        let terms = rules.rules[Int(set.rule)].terms
        writer.put(UInt8(clamping: terms.count))
        for term in terms.indices { encode(windows[Int(set.first) + term], to: &writer) }
    }

    private func encode(_ member: GroupMember, to writer: inout SnapshotWriter) {
        writer.put(UInt32(bitPattern: member.rule))
        writer.put(text: Array(deviceNames.bytes(of: member.device)))
        writer.put(text: Array(metricNames.bytes(of: member.metric)))
        writer.put(member.group)
        writer.put(member.newest)
        writer.put(member.beyondLogTime)
        writer.put(UInt8(member.isBeyond ? 1 : 0))
    }

    /// The engine as it was when `snapshot` was taken, under `rules`: a rule that is gone or whose condition changed
    /// leaves its instances behind, without an edge. nil where the bytes are no valid snapshot.
    package init?(
        restoring snapshot: [UInt8],
        rules: RuleSet,
        seed: UInt64,
        instancesMax: Int = RuleLimits.instancesMax
    ) {
        self.init(rules: rules, seed: seed, instancesMax: instancesMax)
        guard RuleEngine.isIntact(snapshot) else { return nil }
        var reader = SnapshotReader(snapshot, from: checksummedFrom)
        guard restoreTime(&reader), let places = restoreRules(&reader), let count = reader.uint32(),
            count <= RuleLimits.instancesMax
        else { return nil }
        var moves: [Int32] = []
        for _ in 0..<count {
            guard let place = restoreInstance(&reader, places) else { return nil }
            moves.append(place)
        }
        guard isLastComplete, let sets = reader.uint32(), sets <= RuleLimits.instancesMax else { return nil }
        for _ in 0..<sets {
            guard restoreTerms(&reader, places, moves) else { return nil }
        }
        guard let memberCount = reader.uint32(), memberCount <= RuleLimits.groupMembersMax else { return nil }
        for _ in 0..<memberCount {
            guard restoreMember(&reader, places, moves) else { return nil }
        }
        windowedReadings = windows.reduce(0) { $0 + $1.count }
        guard reader.isAtEnd, bindInstances() else { return nil }
        deviceLabels = Array(repeating: DeviceLabels(), count: deviceNames.count)
    }

    private static func isIntact(_ snapshot: [UInt8]) -> Bool {
        guard snapshot.count > checksummedFrom, snapshot.count <= RuleLimits.snapshotBytesMax,
            snapshot.starts(with: snapshotMagic)
        else { return false }
        let crc = snapshot[checksummedFrom...].withUnsafeBytes { CRC32C.checksum($0) }
        var stored = SnapshotReader(snapshot, from: 8)
        return stored.uint32() == crc
    }

    private mutating func restoreTime(_ reader: inout SnapshotReader) -> Bool {
        guard let now = reader.int64(), let wall = reader.int64(), let monotonic = reader.int64(),
            let hasRun = reader.byte(), let run = reader.text(), let evaluations = reader.uint64(),
            let late = reader.uint64(), let overflowing = reader.uint64(), let unnamed = reader.uint64(),
            let foreign = reader.uint64(), let crowdedOut = reader.uint64()
        else { return false }
        logTime = LogTime(
            now: now,
            anchorWall: wall,
            anchorMonotonic: monotonic,
            run: hasRun == 0 ? nil : String(decoding: run, as: UTF8.self)
        )
        counters.evaluations = evaluations
        counters.late = late
        counters.overflowing = overflowing
        counters.unnamed = unnamed
        counters.foreign = foreign
        counters.crowdedOut = crowdedOut
        return true
    }

    /// For each rule of the snapshot its place in the set in force, -1 where it has none.
    private func restoreRules(_ reader: inout SnapshotReader) -> [Int32]? {
        guard let count = reader.uint32(), count <= UInt32(snapshotRulesMax) else { return nil }
        var known: [String: Int] = [:]
        for (index, rule) in rules.rules.enumerated() { known[rule.definition.alert] = index }
        var places: [Int32] = []
        for _ in 0..<count {
            guard let name = reader.text(), let hash = reader.uint64() else { return nil }
            let place = known[String(decoding: name, as: UTF8.self)]
            let isSame = place.map { rules.rules[$0].conditionHash == hash } ?? false
            places.append(isSame ? Int32(place ?? -1) : -1)
        }
        return places
    }

    /// - Returns: its place among those restored, -1 where its rule is gone; nil where the bytes are none.
    private mutating func restoreInstance(_ reader: inout SnapshotReader, _ places: [Int32]) -> Int32? {
        guard let rule = reader.uint32(), rule < places.count, let device = reader.text(), let metric = reader.text(),
            let level = reader.byte(), let phase = reader.byte().flatMap({ RuleInstance.Phase(rawValue: $0) }),
            let isShown = reader.byte(),
            let transitions = reader.uint32(),
            let newest = reader.int64(), let clock = reader.int64(), let lastLogTime = reader.int64(),
            let interval = reader.int64(), let value = reader.double(), let since = reader.int64(),
            let sinceLogTime = reader.int64(), let firedAt = reader.int64(), let peak = reader.double(),
            let samples = reader.int64(), let clearedAt = reader.int64(), let clearedLogTime = reader.int64(),
            let source = reader.byte().flatMap({ RecordPosition.Source(rawValue: $0) }),
            let partition = reader.uint32(), let offset = reader.int64(), let isState = reader.byte(),
            let context = reader.bytes(), BreachContext.isPlausible(context), let fired = restoreFirings(&reader),
            let hasWindow = reader.byte()
        else { return nil }
        let place = places[Int(rule)]
        let signal = place < 0 ? nil : rules.rules[Int(place)].definition.signal
        var window: SeriesWindow?
        if hasWindow == 1 {
            window = restoreWindow(&reader, signal ?? .reading)
            if window == nil { return nil }
        }
        guard place >= 0 else { return -1 }
        guard (window != nil) == (signal?.isReading == false && level == 0) else { return nil }
        let deviceID = device.withUnsafeBytes { deviceNames.id(of: $0) }
        let metricID = metric.withUnsafeBytes { metricNames.id(of: $0) }
        guard let deviceID, let metricID, instances.count < instancesMax else { return nil }
        guard isNext(level, ofRule: place, device: deviceID, metric: metricID) else { return nil }
        var instance = RuleInstance(
            rule: place,
            level: Int32(level),
            threshold: firstThresholds[Int(place)] + Int32(level),
            device: deviceID,
            metric: metricID,
            movesWithTime: rules.rules[Int(place)].movesWithTime
        )
        instance.phase = phase
        instance.isShown = isShown == 1
        instance.isState = isState == 1
        guard isPossible(instance) else { return nil }
        if let window { windows.append(window) }
        if signal?.isReading == false { instance.window = Int32(windows.count - 1) }
        instance.transitions = Int32(bitPattern: transitions)
        instance.newest = newest
        instance.clock = clock
        instance.lastLogTime = lastLogTime
        instance.interval = interval
        instance.value = value
        instance.since = since
        instance.sinceLogTime = sinceLogTime
        instance.firedAt = firedAt
        instance.peak = peak
        instance.samples = samples
        instance.clearedAt = clearedAt
        instance.clearedLogTime = clearedLogTime
        instance.firedCause = RecordPosition(source: source, partition: Int32(bitPattern: partition), offset: offset)
        if phase == .pending || phase == .watching { enterTimers(&instance, instances.count, phase) }
        instances.append(instance)
        contexts.append(context)
        firings.append(fired)
        return Int32(instances.count - 1)
    }

    private func restoreWindow(_ reader: inout SnapshotReader, _ signal: RuleSignal) -> SeriesWindow? {
        guard let isDeviceTime = reader.byte(), let count = reader.uint32(), count <= RuleLimits.windowReadingsMax
        else { return nil }
        var window = SeriesWindow(isDeviceTime: isDeviceTime == 1)
        for _ in 0..<count {
            guard let time = reader.int64(), let value = reader.double(), value.isFinite else { return nil }
            let reading = WindowReading(time: time, value: value)
            _ = window.add(reading, isDeviceTime: isDeviceTime == 1, signal: signal, mayGrow: true)
        }
        return window
    }

    private mutating func restoreTerms(_ reader: inout SnapshotReader, _ places: [Int32], _ moves: [Int32]) -> Bool {
        guard let rule = reader.uint32(), rule < places.count, let device = reader.text(),
            let instance = reader.int32(),
            instance < moves.count, let clock = reader.int64(), let lastLogTime = reader.int64(),
            let count = reader.byte()
        else { return false }
        let place = places[Int(rule)]
        let terms = place < 0 ? [] : rules.rules[Int(place)].terms
        guard place < 0 || terms.count == count else { return false }
        var restored: [SeriesWindow] = []
        for term in 0..<Int(count) {
            let signal = term < terms.count ? terms[term].signal : .reading
            guard let window = restoreWindow(&reader, signal) else { return false }
            restored.append(window)
        }
        guard place >= 0 else { return true }
        guard let id = device.withUnsafeBytes({ deviceNames.id(of: $0) }) else { return false }
        var set = TermSet(rule: place, device: id, first: Int32(windows.count))
        set.instance = instance < 0 ? -1 : moves[Int(instance)]
        guard set.instance < 0 || instances[Int(set.instance)].rule == place else { return false }
        set.clock = clock
        set.lastLogTime = lastLogTime
        termSets.append(set)
        windows += restored
        return true
    }

    private mutating func restoreMember(_ reader: inout SnapshotReader, _ places: [Int32], _ moves: [Int32]) -> Bool {
        guard let rule = reader.uint32(), rule < places.count, let device = reader.text(), let metric = reader.text(),
            let group = reader.int32(), group < moves.count, let newest = reader.int64(),
            let beyondLogTime = reader.int64(), let isBeyond = reader.byte()
        else { return false }
        let place = places[Int(rule)]
        guard place >= 0 else { return true }
        guard let deviceID = device.withUnsafeBytes({ deviceNames.id(of: $0) }),
            let metricID = metric.withUnsafeBytes({ metricNames.id(of: $0) })
        else { return false }
        var member = GroupMember(rule: place, device: deviceID, metric: metricID)
        member.group = group < 0 ? -1 : moves[Int(group)]
        guard member.group < 0 || instances[Int(member.group)].rule == place,
            rules.rules[Int(place)].memberThreshold != nil
        else { return false }
        member.newest = newest
        member.beyondLogTime = beyondLogTime
        member.isBeyond = isBeyond == 1
        members.append(member)
        return true
    }

    private func restoreFirings(_ reader: inout SnapshotReader) -> [Int64]? {
        guard let count = reader.byte(), count <= RuleLimits.flapsMax else { return nil }
        var fired: [Int64] = []
        for _ in 0..<count {
            guard let at = reader.int64() else { return nil }
            fired.append(at)
        }
        return fired
    }
}

extension RuleEngine {
    /// Whether an instance of this level may come after those that were restored.
    private func isNext(_ level: UInt8, ofRule rule: Int32, device: Int32, metric: Int32) -> Bool {
        guard Int(level) < levelCount(ofRule: rule) else { return false }
        guard let last = instances.last, Int(last.level) + 1 < levelCount(ofRule: last.rule) else { return level == 0 }
        return last.rule == rule && last.device == device && last.metric == metric && last.level + 1 == Int32(level)
    }

    /// Whether an instance may come after those that were restored, with this phase and this face.
    private func isPossible(_ instance: RuleInstance) -> Bool {
        let isWatch = thresholds[Int(instance.threshold)].isWatch
        switch instance.phase {
        case .ok, .firing: break
        case .watching: guard isWatch else { return false }
        case .pending, .recovering: guard !isWatch else { return false }
        }
        guard instance.isShown else { return true }
        let lower = instances.suffix(Int(instance.level))
        return instance.isActive && !lower.contains(where: \.isShown)
    }

    /// Whether the last alert that was restored has all of its levels.
    private var isLastComplete: Bool {
        instances.last.map { Int($0.level) + 1 == levelCount(ofRule: $0.rule) } ?? true
    }
}

/// More rules than any configuration may name.
private let snapshotRulesMax = 1_000_000

private struct SnapshotWriter {
    var bytes: [UInt8] = []

    mutating func put<Number: FixedWidthInteger>(_ value: Number) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// - Parameter text: at most 65,535 bytes; every name's bound lies far below.
    mutating func put(text: [UInt8]) {
        put(UInt16(clamping: text.count))
        bytes += text.prefix(Int(UInt16.max))
    }
}

/// Reads what `SnapshotWriter` wrote; nil at any length that does not lie inside.
private struct SnapshotReader {
    private let source: [UInt8]
    private var at: Int

    init(_ source: [UInt8], from start: Int) {
        self.source = source
        at = start
    }

    var isAtEnd: Bool { at == source.count }

    private mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
        let size = MemoryLayout<Number>.size
        guard size <= source.count - at else { return nil }
        defer { at += size }
        return source.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: at, as: type)) }
    }

    mutating func byte() -> UInt8? { number(UInt8.self) }
    mutating func uint32() -> UInt32? { number(UInt32.self) }
    mutating func uint64() -> UInt64? { number(UInt64.self) }
    mutating func int32() -> Int32? { number(Int32.self) }
    mutating func int64() -> Int64? { number(Int64.self) }
    mutating func double() -> Double? { uint64().map { Double(bitPattern: $0) } }

    mutating func text() -> [UInt8]? {
        number(UInt16.self).flatMap { take(Int($0)) }
    }

    mutating func bytes() -> [UInt8]? {
        uint32().flatMap { take(Int($0)) }
    }

    private mutating func take(_ count: Int) -> [UInt8]? {
        guard count <= source.count - at else { return nil }
        defer { at += count }
        return Array(source[at..<at + count])
    }
}
