// State after a restart equals the state without it, bit for bit; damaged snapshots are told apart.
import EventModel
import Platform
import Rules
import Testing

@Suite("Rule snapshots")
struct SnapshotTests {
    private static let definitions =
        [
            freezerRule(holdFor: .seconds(20)),
            freezerRule("AtOnce", above: -16, clear: nil, holdFor: .zero, match: RuleMatch(labels: ["line": ["a"]])),
            RuleDefinition(
                alert: "Cold",
                match: RuleMatch(),
                levels: [
                    RuleLevel(.below(limit: -19, clear: nil), holdFor: .seconds(5), clearFor: .seconds(8)),
                    RuleLevel(.below(limit: -19.5, clear: nil)),
                ]
            ),
        ] + signals

    private static var signals: [RuleDefinition] {
        func rule(
            _ alert: String,
            _ condition: RuleCondition,
            _ change: (inout RuleDefinition) -> Void
        ) -> RuleDefinition {
            let match = RuleMatch(metrics: condition.expression == nil ? ["temperature"] : [])
            var rule = RuleDefinition(alert: alert, match: match, levels: [RuleLevel(condition)])
            change(&rule)
            return rule
        }
        let expression = try? RuleExpression("avg(temperature, 20s) > -17.5 and door == \"open\"")
        return [
            rule("Average", .above(limit: -17, clear: nil)) { $0.signal = RuleSignal(.p50, over: .seconds(15)) },
            rule("Few", .below(limit: 2, clear: nil)) { $0.signal = RuleSignal(.count, over: .seconds(12)) },
            rule("Gated", .above(limit: -17, clear: nil)) {
                $0.onlyIf = RuleGate(metric: "door", condition: .isState("open"), within: .seconds(30))
            },
            rule("Two", .above(limit: -16, clear: nil)) {
                $0.group = RuleGroup(atLeast: 2, within: .seconds(30))
            },
        ] + (expression.map { [rule("Drift", .holds($0)) { _ in }] } ?? [])
    }

    /// Three devices around their limits, ticks, a restart in the middle, late data and changing labels.
    private static func script() -> [ScriptStep] {
        var generator = SeededGenerator(seed: 11)
        var steps: [ScriptStep] = [.start(mark(0))]
        for second in 1...240 {
            let time = Double(second)
            let run = second < 130 ? "run-1" : "run-22"
            if second == 130 { steps.append(.start(mark(time, run: run))) }
            if second % 10 == 0 { steps.append(.tick(mark(time, run: run))) }
            guard second % 2 == 0 else { continue }
            let device = "freezer-\(Int.random(in: 1...3, using: &generator))"
            let value = (Double.random(in: -21 ... -12, using: &generator) * 10).rounded() / 10
            let lag = Double([0, 0, 0, 12, 45].randomElement(using: &generator) ?? 0)
            let labels = Bool.random(using: &generator) ? #""line":"a""# : #""line":"b","n":"1""#
            let door = second % 3 == 0 ? #","states":{"door":"\#(second % 18 < 9 ? "open" : "shut")"}"# : ""
            steps.append(
                .event(
                    eventJSON(time - lag, value, device: device, labels: labels, received: time, extra: door)
                )
            )
        }
        return steps
    }

    @Test("at every cut point of a script, restore and replay give the edges and the state of an undisturbed run")
    func everyCut() throws {
        let steps = SnapshotTests.script()
        var whole = try RuleBench(SnapshotTests.definitions)
        var snapshots: [[UInt8]] = []
        var edgeCounts: [Int] = []
        for step in steps {
            snapshots.append(whole.engine.encodeSnapshot())
            edgeCounts.append(whole.transitions.count)
            whole.feed(step)
        }
        let final = whole.engine.encodeSnapshot()
        let expected = whole.edges
        #expect(expected.count > 20, "the script makes edges")
        #expect(Set(expected.map(\.alert)) == Set(SnapshotTests.definitions.map(\.alert)), "of every rule")
        let rules = try RuleSet(SnapshotTests.definitions)
        for cut in steps.indices {
            let engine = try restored(snapshots[cut], rules, seed: UInt64(cut))
            var rest = RuleBench(engine: engine, offset: Int64(cut))
            #expect(rest.engine.encodeSnapshot() == snapshots[cut], "a restored state is the state")
            for step in steps[cut...] { rest.feed(step) }
            #expect(rest.edges == Array(expected[edgeCounts[cut]...]), "cut at \(cut)")
            #expect(rest.engine.encodeSnapshot() == final, "cut at \(cut)")
        }
    }

    @Test("the planted bug: forgetting log time at the cut is noticed")
    func plantedBug() throws {
        let steps = SnapshotTests.script()
        let rules = try RuleSet(SnapshotTests.definitions)
        var whole = try RuleBench(SnapshotTests.definitions)
        for step in steps { whole.feed(step) }
        var differs = false
        for cut in stride(from: 20, to: steps.count, by: 10) {
            var part = try RuleBench(SnapshotTests.definitions)
            for step in steps[..<cut] { part.feed(step) }
            let engine = try restored(part.engine.encodeSnapshot(), rules, seed: 1)
            var rest = RuleBench(engine: engine, offset: Int64(cut))
            rest.start(0, run: "another")
            for step in steps[cut...] { rest.feed(step) }
            differs = differs || rest.engine.encodeSnapshot() != whole.engine.encodeSnapshot()
        }
        #expect(differs)
    }

    @Test("names that were seen but have no instance leave no trace in the state")
    func cachesAreNoState() throws {
        var first = try RuleBench([freezerRule()])
        var second = try RuleBench([freezerRule()])
        for index in 0..<100 { second.reading(0, 1, device: "other-\(index)", metric: "m\(index)") }
        first.reading(1, -10)
        second.reading(1, -10)
        #expect(first.engine.encodeSnapshot() == second.engine.encodeSnapshot())
    }

    private static func populated() throws -> [UInt8] {
        var bench = try RuleBench(definitions)
        for step in script().prefix(80) { bench.feed(step) }
        return bench.engine.encodeSnapshot()
    }

    @Test("every truncation and every flipped byte is refused")
    func damage() throws {
        let snapshot = try SnapshotTests.populated()
        let rules = try RuleSet(SnapshotTests.definitions)
        func isRefused(_ bytes: [UInt8]) -> Bool {
            do { return try restored(bytes, rules).instanceCount < 0 } catch { return true }
        }
        #expect(!isRefused(snapshot))
        for length in 0..<snapshot.count { #expect(isRefused(Array(snapshot[..<length])), "cut to \(length)") }
        #expect(isRefused(snapshot + [0]))
        for index in snapshot.indices {
            var flipped = snapshot
            flipped[index] ^= 0x10
            #expect(isRefused(flipped), "byte \(index)")
        }
    }

    @Test("hostile bytes under a valid checksum never trap")
    func hostile() throws {
        let snapshot = try SnapshotTests.populated()
        let rules = try RuleSet(SnapshotTests.definitions)
        var generator = SeededGenerator(seed: 3)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = snapshot
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 12..<bytes.count, using: &generator)
                bytes[index] =
                    [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &generator)]
                    .randomElement(using: &generator) ?? 0
            }
            if Bool.random(using: &generator) {
                bytes.removeLast(Int.random(in: 0..<bytes.count - 12, using: &generator))
            }
            let crc = bytes[12...].withUnsafeBytes { CRC32C.checksum($0) }
            for shift in 0..<4 { bytes[8 + shift] = UInt8(truncatingIfNeeded: crc >> UInt32(8 * shift)) }
            guard let engine = RuleEngine(restoring: bytes, rules: rules, seed: 1) else { continue }
            accepted += 1
            var bench = RuleBench(engine: engine, offset: 0)
            for step in SnapshotTests.script().prefix(40) { bench.feed(step) }
            let again = try restored(bench.engine.encodeSnapshot(), rules)
            #expect(again.encodeSnapshot() == bench.engine.encodeSnapshot())
        }
        #expect(accepted > 100, "some mutations are plausible states")
    }

    @Test("rules that are gone or whose condition changed leave their instances behind")
    func otherRules() throws {
        let snapshot = try SnapshotTests.populated()
        var changed = SnapshotTests.definitions
        changed[0].levels[0].holdFor = .seconds(61)
        changed[1].levels[0].severity = "critical"
        changed.remove(at: 2)
        let engine = try restored(snapshot, try RuleSet(changed), seed: 1)
        let before = try restored(snapshot, try RuleSet(SnapshotTests.definitions), seed: 1)
        let (left, all) = (engine.instanceCount, before.instanceCount)
        #expect(left == all - 9)
    }
}

@Suite("Changing rules")
struct ChangeTests {
    private func firing() throws -> RuleBench {
        var bench = try RuleBench([
            freezerRule("Gone", holdFor: .zero), freezerRule("Kept"), freezerRule("Changed", holdFor: .zero),
        ])
        bench.start(0)
        bench.reading(0, -10)
        bench.reading(300, -9)
        bench.tick(310)
        return bench
    }

    @Test("a removed rule and a changed condition resolve with a reason; both edges name the firing's cause")
    func reasons() throws {
        var bench = try firing()
        let firings = bench.transitions
        bench.transitions.removeAll()
        bench.engine.apply(try RuleSet([freezerRule("Changed", above: -14, holdFor: .zero), freezerRule("Kept")]))
        bench.engine.takeTransitions(into: &bench.transitions)
        #expect(bench.transitions.map(\.rule.definition.alert) == ["Gone", "Changed"])
        #expect(bench.transitions.map(\.state) == [.resolved, .resolved])
        #expect(bench.transitions.map(\.reason) == [.ruleRemoved, .conditionChanged])
        #expect(bench.transitions.map(\.cause) == firings.map(\.cause))
        #expect(bench.transitions.map(\.at.milliseconds) == [instant(310), instant(310)])
        let count = bench.engine.instanceCount
        #expect(count == 1)
    }

    @Test("changed words keep the state: a running `for` goes on, and the new words are used")
    func words() throws {
        var bench = try firing()
        bench.transitions.removeAll()
        var kept = freezerRule("Kept")
        kept.levels[0].severity = "critical"
        bench.engine.apply(try RuleSet([kept]))
        bench.transitions.removeAll()
        bench.engine.takeTransitions(into: &bench.transitions)
        bench.transitions.removeAll()
        bench.reading(600, -11)
        #expect(bench.edges.map(\.at) == [instant(600)])
        #expect(bench.transitions.first?.level.severity == "critical")
        #expect(bench.transitions.first?.peak == -9)
    }

    @Test("a rule that comes back begins anew")
    func comesBack() throws {
        var bench = try firing()
        bench.engine.apply(.empty)
        bench.engine.apply(try RuleSet([freezerRule("Kept")]))
        bench.engine.takeTransitions(into: &bench.transitions)
        bench.transitions.removeAll()
        bench.reading(600, -10)
        #expect(bench.transitions.isEmpty)
        let pending = bench.engine.pendingCount
        #expect(pending == 1)
    }

    @Test("a reload with the same rules changes nothing, at any point of a running state")
    func sameRules() throws {
        var bench = try firing()
        let before = bench.engine.encodeSnapshot()
        let same = [freezerRule("Gone", holdFor: .zero), freezerRule("Kept"), freezerRule("Changed", holdFor: .zero)]
        bench.engine.apply(try RuleSet(same))
        let (hasEdges, after) = (bench.engine.hasTransitions, bench.engine.encodeSnapshot())
        #expect(!hasEdges && after == before)
    }
}
