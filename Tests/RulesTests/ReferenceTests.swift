// The engine against a slow, obvious reading of DESIGN section 8, on random series and rules.
import EventModel
import Platform
import Rules
import Testing

/// One level of a rule over one series, remembering everything and computing everything anew.
private struct ReferenceLevel {
    let level: RuleLevel
    var breach: (since: Int64, log: Int64)?
    var isActive = false
    var recovery: Int64?

    func isBeyond(_ value: Double) -> Bool {
        switch level.condition {
        case .above(let limit, _): value > limit
        case .below(let limit, _): value < limit
        case .outside(let low, let high): !(low...high).contains(value)
        case .inside(let low, let high): (low...high).contains(value)
        case .equals(let wanted): value == wanted
        case .absent, .unchanged, .isState, .holds: false
        }
    }

    func isCleared(_ value: Double) -> Bool {
        switch level.condition {
        case .above(_, let clear?): value < clear
        case .below(_, let clear?): value > clear
        default: !isBeyond(value)
        }
    }

    mutating func read(_ now: Int64, _ value: Double, log: Int64) {
        if isActive {
            guard isCleared(value) else {
                recovery = nil
                return
            }
            let since = recovery ?? now
            recovery = since
            guard now - since >= level.clearFor.wholeMilliseconds else { return }
            (isActive, recovery, breach) = (false, nil, nil)
            return
        }
        guard isBeyond(value) else {
            breach = nil
            return
        }
        let since = breach ?? (now, log)
        breach = since
        if now - since.since >= level.holdFor.wholeMilliseconds { isActive = true }
    }

    /// When it fires by this tick.
    mutating func tick(log: Int64) -> Int64? {
        let hold = level.holdFor.wholeMilliseconds
        guard !isActive, let breach, log - breach.log >= hold else { return nil }
        isActive = true
        return breach.since + hold
    }
}

/// One rule over one series.
private struct ReferenceInstance {
    let definition: RuleDefinition
    let device: String
    var levels: [ReferenceLevel]
    var readings: [(time: Int64, value: Double)] = []
    var lastLog: Int64 = 0
    var floor = Int64.min
    var shown: Int?
    var inWindow = 0

    init(definition: RuleDefinition, device: String) {
        self.definition = definition
        self.device = device
        levels = definition.levels.map { ReferenceLevel(level: $0) }
    }

    /// Edges as state and severity.
    private mutating func show(at: Int64) -> [(String, Int64)] {
        let next = levels.lastIndex(where: \.isActive)
        defer { shown = next }
        guard next != shown else { return [] }
        return [
            shown.map { "resolved \(levels[$0].level.severity)" }, next.map { "firing \(levels[$0].level.severity)" },
        ]
        .compactMap { $0 }.map { ($0, at) }
    }

    private var newest: Int64? { readings.map(\.time).max() }

    private var window: [(time: Int64, value: Double)] {
        guard let over = definition.signal.over?.wholeMilliseconds else { return [] }
        let inside = readings.enumerated().filter { $0.element.time > floor - over }
        return inside.sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
    }

    private func amount(_ window: [(time: Int64, value: Double)]) -> Double? {
        let values = window.map(\.value)
        guard let first = window.first, let last = window.last else {
            return definition.signal.aggregate == .count || definition.signal.aggregate == .sum ? 0 : nil
        }
        let sum = values.reduce(0, +)
        let span = Double(last.time - first.time)
        let isKnown = span > 0 && last.time - first.time >= (definition.signal.over?.wholeMilliseconds ?? 0) / 2
        let ranked = values.sorted()
        switch definition.signal.aggregate {
        case .last: return last.value
        case .avg: return sum / Double(values.count)
        case .min: return ranked.first
        case .max: return ranked.last
        case .sum: return sum
        case .count: return Double(values.count)
        case .p50: return ranked[(values.count + 1) / 2 - 1]
        case .p95: return ranked[Int((0.95 * Double(values.count)).rounded(.up)) - 1]
        case .p99: return ranked[Int((0.99 * Double(values.count)).rounded(.up)) - 1]
        case .delta: return isKnown ? last.value - first.value : nil
        case .rate: return isKnown ? (last.value - first.value) / span * 1000 : nil
        case .stddev:
            let mean = sum / Double(values.count)
            return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
        }
    }

    mutating func read(_ time: Int64, _ value: Double, log: Int64) -> [(String, Int64)] {
        if let newest, time < newest - 30_000 { return [] }
        readings.append((time, value))
        lastLog = max(lastLog, log)
        floor = max(floor, newest ?? time)
        guard definition.signal != .reading else { return judge(value, log: log) }
        inWindow = window.count
        return amount(window).map { judge($0, log: log) } ?? []
    }

    private mutating func judge(_ value: Double, log: Int64) -> [(String, Int64)] {
        for index in levels.indices { levels[index].read(floor, value, log: log) }
        return show(at: floor)
    }

    mutating func tick(log: Int64) -> [(String, Int64)] {
        var at = Int64.min
        for index in levels.indices { at = max(at, levels[index].tick(log: log) ?? .min) }
        floor = max(floor, at)
        let edges = show(at: at)
        guard definition.signal != .reading, !readings.isEmpty else { return edges }
        let before = floor
        floor = max(floor, (newest ?? floor) + max(0, log - lastLog))
        guard window.count != inWindow else {
            floor = before
            return edges
        }
        inWindow = window.count
        return edges + (amount(window).map { judge($0, log: log) } ?? [])
    }
}

private struct Observation: Hashable, CustomStringConvertible {
    var step: Int
    var state: String
    var alert: String
    var device: String
    var at: Int64

    var description: String { "\(step): \(state) \(alert) \(device) at \(at - epoch)" }
}

@Suite("Engine against a reference")
struct ReferenceTests {
    @Test("random series and rules give the edges of the reference", arguments: 0..<150)
    func random(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let definitions = (0..<4).map { ReferenceTests.rule($0, &generator) }
        var bench = try RuleBench(definitions)
        var instances: [ReferenceInstance] = []
        var expected: Set<Observation> = []
        var found: Set<Observation> = []
        var (log, anchor, run, now) = (Int64(0), 0.0, 0, 0.0)
        bench.start(0, run: "run-0")
        for step in 0..<400 {
            now += Double.random(in: 0.1...9, using: &generator)
            now = (now * 1000).rounded() / 1000
            switch Int.random(in: 0..<20, using: &generator) {
            case 0:
                run += 1
                now += 500
                bench.start(now, run: "run-\(run)")
                anchor = now
            case 1..<8:
                log += instant(now) - instant(anchor)
                anchor = now
                bench.tick(now, run: "run-\(run)")
                for index in instances.indices {
                    for (state, at) in instances[index].tick(log: log) {
                        expected.insert(Observation(step, state, at, instances[index]))
                    }
                }
            default:
                let device = "freezer-\(Int.random(in: 0..<2, using: &generator))"
                let value = Double(Int.random(in: -6...6, using: &generator))
                let lag: Double = [0, 0, 0, 5.25, 29, 31, 200].randomElement(using: &generator) ?? 0.0
                bench.reading(now - lag, value, device: device, received: now)
                let place = log + min(max(0, instant(now) - instant(anchor)), 20_000)
                for definition in definitions {
                    let index = instances.firstIndex { $0.definition.alert == definition.alert && $0.device == device }
                    let at = index ?? instances.count
                    if index == nil { instances.append(ReferenceInstance(definition: definition, device: device)) }
                    for (state, edge) in instances[at].read(instant(now - lag), value, log: place) {
                        expected.insert(Observation(step, state, edge, instances[at]))
                    }
                }
            }
            found.formUnion(bench.transitions.map { Observation(step, $0) })
            bench.transitions.removeAll()
        }
        #expect(found == expected, "seed \(seed): only one has \(found.symmetricDifference(expected))")
        #expect(!expected.isEmpty)
    }

    private static func rule(_ index: Int, _ generator: inout SeededGenerator) -> RuleDefinition {
        let limit = Double(Int.random(in: -3...3, using: &generator))
        let gap = Double(Int.random(in: 0...2, using: &generator))
        let clear = Bool.random(using: &generator) ? gap : nil
        let kind = Int.random(in: 0..<5, using: &generator)
        let count = Int.random(in: 1...3, using: &generator)
        let levels = (0..<count).map { number in
            let step = Double(number)
            let condition: RuleCondition =
                switch kind {
                case 0: .above(limit: limit + step, clear: clear.map { limit + step - $0 })
                case 1: .below(limit: limit - step, clear: clear.map { limit - step + $0 })
                case 2: .outside(low: limit - gap - step, high: limit + step)
                case 3: .inside(low: limit - 3 + step, high: limit + 3 - step)
                default: .equals(limit)
                }
            return RuleLevel(
                condition,
                holdFor: .seconds([0, 0, 1, 10, 45, 120].randomElement(using: &generator) ?? 0),
                clearFor: .seconds([0, 0, 5, 30].randomElement(using: &generator) ?? 0),
                severity: "level-\(number)"
            )
        }
        var definition = RuleDefinition(
            alert: "Rule\(index)",
            match: RuleMatch(metrics: ["temperature"]),
            levels: kind == 4 ? Array(levels.prefix(1)) : levels
        )
        guard index > 1, let aggregate = RuleAggregate.allCases.randomElement(using: &generator), aggregate != .last
        else { return definition }
        let over = [5, 20, 60, 200].randomElement(using: &generator) ?? 5
        definition.signal = RuleSignal(aggregate, over: .seconds(over))
        return definition
    }
}

extension Observation {
    fileprivate init(_ step: Int, _ state: String, _ at: Int64, _ instance: ReferenceInstance) {
        self.init(step: step, state: state, alert: instance.definition.alert, device: instance.device, at: at)
    }

    fileprivate init(_ step: Int, _ edge: AlertTransition) {
        self.init(
            step: step,
            state: "\(edge.state.rawValue) \(edge.level.severity)",
            alert: edge.rule.definition.alert,
            device: edge.device,
            at: edge.at.milliseconds
        )
    }
}
