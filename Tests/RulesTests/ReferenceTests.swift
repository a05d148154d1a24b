// The engine against a slow, obvious reading of DESIGN section 8, on random series and rules.
import EventModel
import Platform
import Rules
import Testing

/// One rule over one series, remembering everything and computing everything anew.
private struct ReferenceInstance {
    let definition: RuleDefinition
    let device: String
    var times: [Int64] = []
    var floor = Int64.min
    var breach: (since: Int64, log: Int64)?
    var isFiring = false

    func isBeyond(_ value: Double) -> Bool {
        switch definition.condition {
        case .above(let limit, _): value > limit
        case .below(let limit, _): value < limit
        }
    }

    func isCleared(_ value: Double) -> Bool {
        switch definition.condition {
        case .above(let limit, let clear): clear.map { value < $0 } ?? (value <= limit)
        case .below(let limit, let clear): clear.map { value > $0 } ?? (value >= limit)
        }
    }

    var holdFor: Int64 { definition.holdFor.wholeMilliseconds }

    mutating func read(_ time: Int64, _ value: Double, log: Int64) -> (String, Int64)? {
        if let newest = times.max(), time < newest - 30_000 { return nil }
        times.append(time)
        let now = max(floor, times.max() ?? time)
        if isFiring {
            guard isCleared(value) else { return nil }
            isFiring = false
            breach = nil
            return ("resolved", now)
        }
        guard isBeyond(value) else {
            breach = nil
            return nil
        }
        let since = breach ?? (now, log)
        breach = since
        guard now - since.since >= holdFor else { return nil }
        isFiring = true
        return ("firing", now)
    }

    mutating func tick(log: Int64) -> (String, Int64)? {
        guard !isFiring, let breach, log - breach.log >= holdFor else { return nil }
        isFiring = true
        floor = breach.since + holdFor
        return ("firing", breach.since + holdFor)
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
                    guard let (state, at) = instances[index].tick(log: log) else { continue }
                    expected.insert(Observation(step, state, at, instances[index]))
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
                    guard let (state, edge) = instances[at].read(instant(now - lag), value, log: place) else {
                        continue
                    }
                    expected.insert(Observation(step, state, edge, instances[at]))
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
        let hasClear = Bool.random(using: &generator)
        let isAbove = Bool.random(using: &generator)
        let hold = [0, 0, 1, 10, 45, 120].randomElement(using: &generator) ?? 0
        return RuleDefinition(
            alert: "Rule\(index)",
            match: RuleMatch(metrics: ["temperature"]),
            condition: isAbove
                ? .above(limit: limit, clear: hasClear ? limit - gap : nil)
                : .below(limit: limit, clear: hasClear ? limit + gap : nil),
            holdFor: .seconds(hold)
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
            state: edge.state.rawValue,
            alert: edge.rule.definition.alert,
            device: edge.device,
            at: edge.at.milliseconds
        )
    }
}
