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
        case .absent, .unchanged: false
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
    var times: [Int64] = []
    var floor = Int64.min
    var shown: Int?

    init(definition: RuleDefinition, device: String) {
        self.definition = definition
        self.device = device
        levels = definition.levels.map { ReferenceLevel(level: $0) }
    }

    /// Edges as state and severity.
    private mutating func show() -> [String] {
        let next = levels.lastIndex(where: \.isActive)
        defer { shown = next }
        guard next != shown else { return [] }
        return [
            shown.map { "resolved \(levels[$0].level.severity)" }, next.map { "firing \(levels[$0].level.severity)" },
        ]
        .compactMap { $0 }
    }

    mutating func read(_ time: Int64, _ value: Double, log: Int64) -> ([String], Int64) {
        if let newest = times.max(), time < newest - 30_000 { return ([], 0) }
        times.append(time)
        let now = max(floor, times.max() ?? time)
        for index in levels.indices { levels[index].read(now, value, log: log) }
        return (show(), now)
    }

    mutating func tick(log: Int64) -> ([String], Int64) {
        var at = Int64.min
        for index in levels.indices { at = max(at, levels[index].tick(log: log) ?? .min) }
        floor = max(floor, at)
        return (show(), at)
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
                    let (states, at) = instances[index].tick(log: log)
                    for state in states { expected.insert(Observation(step, state, at, instances[index])) }
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
                    let (states, edge) = instances[at].read(instant(now - lag), value, log: place)
                    for state in states { expected.insert(Observation(step, state, edge, instances[at])) }
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
        return RuleDefinition(
            alert: "Rule\(index)",
            match: RuleMatch(metrics: ["temperature"]),
            levels: kind == 4 ? Array(levels.prefix(1)) : levels
        )
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
