// An engine fed from a script of events, ticks and starts, as the runner would feed it from the log.
import EventModel
import Foundation
import Platform
import Rules

/// One record of the script.
enum ScriptStep: Sendable {
    case event(String)
    case tick(RunTick)
    case start(RunStart)
}

/// Edges in short: what tests compare.
struct Edge: Hashable, CustomStringConvertible {
    var state: String
    var alert: String
    var device: String
    var at: Int64
    var cause: RecordPosition

    init(_ transition: AlertTransition) {
        state = transition.state.rawValue
        alert = transition.rule.definition.alert
        device = transition.device
        at = transition.at.milliseconds
        cause = transition.cause
    }

    var description: String { "\(state) \(alert) \(device) at \(at) by \(cause.source) \(cause.offset)" }
}

/// Times in tests are seconds after this instant; the log's wall clock starts there too.
let epoch: Int64 = 1_800_000_000_000

struct RuleBench: ~Copyable {
    var engine: RuleEngine
    var transitions: [AlertTransition] = []
    private var event = StoredEvent()
    private var offset: Int64 = 0

    init(_ definitions: [RuleDefinition], instancesMax: Int = RuleLimits.instancesMax) throws {
        engine = RuleEngine(rules: try RuleSet(definitions), seed: 7, instancesMax: instancesMax)
    }

    init(engine: consuming RuleEngine, offset: Int64) {
        self.engine = engine
        self.offset = offset
    }

    var edges: [Edge] { transitions.map { Edge($0) } }

    mutating func feed(_ step: ScriptStep) {
        switch step {
        case .event(let json):
            let bytes = Array(json.utf8)
            precondition(event.decode(bytes.span.bytes), "the script holds events: \(json)")
            engine.observe(event, bytes.span.bytes, at: position(.readings))
        case .tick(let tick): engine.tick(tick, at: position(.system))
        case .start(let start): engine.start(start)
        }
        offset += 1
        engine.takeTransitions(into: &transitions)
    }

    /// A reading at `time` seconds, received at once or at `received`.
    mutating func reading(
        _ time: Double,
        _ value: Double,
        device: String = "freezer-7",
        metric: String = "temperature",
        labels: String = #""line":"a""#,
        received: Double? = nil,
        extra: String = ""
    ) {
        feed(
            .event(
                eventJSON(time, value, device: device, metric: metric, labels: labels, received: received, extra: extra)
            )
        )
    }

    /// A reading without a time of its own, received while the box's clock says `wall` seconds.
    mutating func reading(receivedAt wall: Double, _ value: Double) {
        feed(
            .event(eventJSON(wall, value).replacingOccurrences(of: #""clock":"device""#, with: #""clock":"receive""#))
        )
    }

    mutating func tick(_ time: Double, run: String = "run-1") {
        feed(.tick(mark(time, run: run)))
    }

    mutating func start(_ time: Double, run: String = "run-1") {
        feed(.start(mark(time, run: run)))
    }

    private func position(_ source: RecordPosition.Source) -> RecordPosition {
        RecordPosition(source: source, partition: 0, offset: offset)
    }
}

/// Wall and monotonic clock of one run go together; each run's monotonic clock starts elsewhere.
func mark(_ time: Double, run: String = "run-1") -> RunTick {
    let milliseconds = Int64((time * 1000).rounded())
    return RunTick(run: run, wall: epoch + milliseconds, monotonic: milliseconds + Int64(run.utf8.count) * 1_000_000)
}

func instant(_ time: Double) -> Int64 { epoch + Int64((time * 1000).rounded()) }

func timeText(_ time: Double) -> String {
    TimestampText.string(Timestamp(milliseconds: instant(time)))
}

func eventJSON(
    _ time: Double,
    _ value: Double,
    device: String = "freezer-7",
    metric: String = "temperature",
    labels: String = #""line":"a""#,
    received: Double? = nil,
    extra: String = ""
) -> String {
    let labelMap = labels.isEmpty ? "" : #","labels":{\#(labels)}"#
    return #"{"device":"\#(device)","time":"\#(timeText(time))","received":"\#(timeText(received ?? time))","#
        + #""clock":"device","readings":{"\#(metric)":\#(value)},"units":{"\#(metric)":"°C"}\#(labelMap),"quality":"good"\#(extra)}"#
}

/// `temperature > -15`, clears below -17, for ten minutes.
func freezerRule(
    _ alert: String = "FreezerTooWarm",
    above: Double = -15,
    clear: Double? = -17,
    holdFor: Duration = .seconds(600),
    match: RuleMatch = RuleMatch(metrics: ["temperature"], devices: ["freezer-*"])
) -> RuleDefinition {
    RuleDefinition(
        alert: alert,
        match: match,
        levels: [RuleLevel(.above(limit: above, clear: clear), holdFor: holdFor)]
    )
}

struct RefusedSnapshot: Error {}

/// The engine that was saved; throws where the bytes are refused.
func restored(_ snapshot: [UInt8], _ rules: RuleSet, seed: UInt64 = 1) throws -> RuleEngine {
    guard let engine = RuleEngine(restoring: snapshot, rules: rules, seed: seed) else { throw RefusedSnapshot() }
    return engine
}
