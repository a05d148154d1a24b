// forebay-bench-rules: the rule engine alone, as the daemon links it: what a reading costs, and what an instance holds.
import EventModel
import Foundation
import Glibc
import Platform
import Rules

/// Prints one JSON object with figures. forebay-bench starts it.
@main
enum RulesBench {
    static func main() {
        do {
            switch CommandLine.arguments.dropFirst().first {
            case "evaluate": print(try EngineLoad().cost())
            case "instances": print(try EngineLoad().memory())
            default:
                print("usage: forebay-bench-rules evaluate|instances")
                exit(64)
            }
        } catch {
            print("forebay-bench-rules: \(error)")
            exit(1)
        }
    }
}

/// 1,000 devices with one temperature each, and a hundred rules, of which three look at it.
private struct EngineLoad {
    private static let devices = 1000
    private static let rounds = 50
    /// Short ones, and many: what else runs on the machine spoils some of them.
    private static let passes = 100

    private let rules: RuleSet
    /// One event of each device, as the log stores it.
    private let events: [[UInt8]]

    init() throws {
        let matching = (0..<3).map { index in
            EngineLoad.rule("Warm\(index)", RuleMatch(metrics: ["temperature"], devices: ["device-*"]))
        }
        let others = (0..<97).map { index in
            EngineLoad.rule("Other\(index)", RuleMatch(metrics: ["metric-\(index)"], devices: ["pump-*"]))
        }
        rules = try RuleSet(matching + others)
        events = (0..<EngineLoad.devices).map { EngineLoad.event($0) }
    }

    private static func rule(_ alert: String, _ match: RuleMatch) -> RuleDefinition {
        RuleDefinition(
            alert: alert,
            match: match,
            levels: [RuleLevel(.above(limit: 90, clear: 80), holdFor: .seconds(600), severity: "critical")]
        )
    }

    private static func event(_ device: Int) -> [UInt8] {
        let text = """
            {"device":"device-\(device)","time":"2026-11-25T12:00:00.123Z","received":"2026-11-25T12:00:00.131Z",\
            "clock":"device","readings":{"temperature":\(Double(device % 500) / 10)},"units":{"temperature":"°C"},\
            "labels":{"line":"a"},"quality":"good","seq":42}
            """
        return Array(text.utf8)
    }

    /// Decoding alone and decoding with evaluation, by turns, on this thread's CPU time; the best of each counts.
    func cost() throws -> String {
        var engine = RuleEngine(rules: rules, seed: 7)
        var event = StoredEvent()
        var decoding = Double.infinity
        var both = Double.infinity
        for _ in 0..<EngineLoad.passes {
            decoding = min(decoding, pass(&event) { _, _, _ in })
            both = min(
                both,
                pass(&event) { event, value, offset in
                    engine.observe(event, value, at: RecordPosition(source: .readings, partition: 0, offset: offset))
                }
            )
        }
        let evaluations = engine.counters.evaluations
        guard evaluations == UInt64(3 * EngineLoad.passes * EngineLoad.devices * EngineLoad.rounds) else {
            throw BenchFailure(description: "\(evaluations) evaluations are not three a reading")
        }
        return "{\"ns_per_reading\":\(both - decoding),\"ns_with_decoding\":\(both)}"
    }

    /// Nanoseconds per event.
    private func pass(
        _ event: inout StoredEvent,
        _ body: (borrowing StoredEvent, RawSpan, Int64) -> Void
    ) -> Double {
        let start = threadSeconds()
        var offset: Int64 = 0
        for _ in 0..<EngineLoad.rounds {
            for value in events {
                let bytes = value.span.bytes
                guard event.decode(bytes) else { continue }
                body(event, bytes, offset)
                offset += 1
            }
        }
        return (threadSeconds() - start) * 1e9 / Double(EngineLoad.rounds * EngineLoad.devices)
    }

    /// Resident memory that 50,000 instances take, a third of them pending with a context of their own.
    func memory() throws -> String {
        var engine = RuleEngine(rules: rules, seed: 7)
        var event = StoredEvent()
        let before = try residentBytes()
        var device = 0
        while engine.instanceCount < 50_000 {
            var text = String(decoding: EngineLoad.event(device), as: UTF8.self)
            if device % 3 == 0 {
                text = text.replacingOccurrences(
                    of: #""readings":{"temperature":"#,
                    with: #""readings":{"temperature":1"#
                )
            }
            let bytes = Array(text.utf8)
            guard event.decode(bytes.span.bytes) else { throw BenchFailure(description: "no event: \(text)") }
            let position = RecordPosition(source: .readings, partition: 0, offset: Int64(device))
            engine.observe(event, bytes.span.bytes, at: position)
            device += 1
        }
        return "{\"instances\":\(engine.instanceCount),\"pending\":\(engine.pendingCount),"
            + "\"bytes\":\(try residentBytes() - before)}"
    }

    private func residentBytes() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else {
            throw BenchFailure(description: "no /proc/self/statm")
        }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// CPU time of the calling thread in seconds.
    private func threadSeconds() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }
}

private struct BenchFailure: Error, CustomStringConvertible {
    var description: String
}
