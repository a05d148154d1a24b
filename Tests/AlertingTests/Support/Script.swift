// Records in the words of the tests: seconds after one instant, events as ingest stores them, alerts as the topic has them.
import Alerting
import EventModel
import Platform
import Rules

/// Times in tests are seconds after this instant, 2027-01-15T08:00:00Z; the manual clock starts there too.
let epoch: Int64 = 1_800_000_000_000

func instant(_ seconds: Double) -> Timestamp {
    Timestamp(milliseconds: epoch + Int64((seconds * 1000).rounded()))
}

func timeText(_ seconds: Double) -> String { TimestampText.string(instant(seconds)) }

/// One record of `readings` or `system`.
enum ScriptStep: Sendable {
    /// Taken and received at that second.
    case reading(Double, Double, device: String = "freezer-7")
    case start(Double, run: String = "run-1")
    case tick(Double, run: String = "run-1")
}

/// The value of a record in topic `readings`, of one temperature.
///
/// `extra`: further members, each with a comma before it.
func eventJSON(
    _ time: Double,
    _ value: Double,
    device: String = "freezer-7",
    labels: String = #""line":"a""#,
    extra: String = ""
) -> String {
    #"{"device":"\#(device)","time":"\#(timeText(time))","received":"\#(timeText(time))","clock":"device","#
        + #""readings":{"temperature":\#(value)},"units":{"temperature":"°C"},"labels":{\#(labels)},"#
        + #""quality":"good"\#(extra)}"#
}

/// `temperature > -15`, clears below -17, for a minute.
func freezerRule(
    _ alert: String = "FreezerTooWarm",
    above: Double = -15,
    clear: Double? = -17,
    holdFor: Duration = .seconds(60),
    summary: String? = nil
) -> RuleDefinition {
    RuleDefinition(
        alert: alert,
        match: RuleMatch(metrics: ["temperature"], devices: ["freezer-*"]),
        levels: [RuleLevel(.above(limit: above, clear: clear), holdFor: holdFor, severity: "critical")],
        summary: summary
    )
}

/// An edge in short: what tests compare.
struct Edge: Hashable, Sendable, CustomStringConvertible {
    var state: AlertState
    var alert: String
    var device: String
    /// Seconds after `epoch`.
    var at: Double
    var cause: AlertCause
    var reason: ResolutionReason?

    init(
        _ state: AlertState,
        _ alert: String = "FreezerTooWarm",
        _ device: String = "freezer-7",
        at: Double,
        by topic: String,
        _ offset: Int64,
        reason: ResolutionReason? = nil
    ) {
        self.state = state
        self.alert = alert
        self.device = device
        self.at = at
        cause = AlertCause(topic: topic, partition: 0, offset: offset)
        self.reason = reason
    }

    init(_ record: AlertRecord) {
        state = record.state
        alert = record.alert
        device = record.device
        at = Double(record.at.milliseconds - epoch) / 1000
        cause = record.cause
        reason = record.reason
    }

    var description: String {
        "\(state.rawValue) \(alert) \(device) at \(at) by \(cause.topic) \(cause.offset) \(reason?.rawValue ?? "")"
    }
}

extension AlertRecord {
    /// One edge of a freezer that was too warm for ten minutes, and recovered 42 minutes later.
    ///
    /// `cause`: the offset in `readings`; another one is another edge.
    static func sample(
        _ alert: String = "FreezerTooWarm",
        device: String = "freezer-7",
        state: AlertState = .firing,
        cause: Int64 = 1041,
        summary: String = "Walk-in freezer is at -11.8 °C",
        notify: [String]? = nil
    ) -> AlertRecord {
        let isResolved = state == .resolved
        return AlertRecord(
            alert: alert,
            state: state,
            device: device,
            name: "Walk-in freezer",
            location: "kitchen",
            box: "edge-01",
            metric: "temperature",
            value: -11.8,
            unit: "°C",
            threshold: -15,
            condition: "temperature > -15 °C for 10m",
            peak: -11.2,
            severity: "critical",
            labels: ["line": "a"],
            at: instant(isResolved ? 3120 : 600),
            breachedAt: instant(0),
            firedAt: instant(600),
            resolvedAt: isResolved ? instant(3120) : nil,
            lastSeen: instant(580),
            fingerprint: AlertFingerprint.of(alert: alert, device: device, metric: "temperature"),
            summary: summary,
            cause: AlertCause(topic: "readings", partition: 0, offset: cause),
            samples: 7,
            notify: notify,
            ruleHash: "0123456789abcdef"
        )
    }
}
