// The value of a record in topic `alerts`: its keys, its identity, its words, and what is none.
import Alerting
import EventModel
import Foundation
import Platform
import Rules
import Testing

@Suite("Alert record")
struct AlertRecordTests {
    /// CONTRACT section 4, topic `alerts`.
    private static let contractKeys: Set = [
        "alert", "state", "device", "name", "location", "box", "metric", "value", "unit", "threshold", "condition",
        "peak", "severity", "labels", "since", "at", "breached_at", "fired_at", "resolved_at", "last_seen",
        "fingerprint", "summary", "runbook", "cause",
    ]

    /// The contract's example with its times filled in, and the keys that were added to it.
    private static let golden = #"""
        {"alert":"FreezerTooWarm","state":"firing","device":"freezer-7","name":"Walk-in freezer","location":"kitchen",
         "box":"edge-01","metric":"temperature","value":-11.8,"unit":"°C","threshold":-15,
         "condition":"temperature > -15 °C for 10m","peak":-11.2,"severity":"critical","labels":{"line":"a"},
         "since":"2027-01-15T08:00:00.000Z","at":"2027-01-15T08:10:00.000Z",
         "breached_at":"2027-01-15T08:00:00.000Z","fired_at":"2027-01-15T08:10:00.000Z","resolved_at":null,
         "last_seen":"2027-01-15T08:09:40.000Z","fingerprint":"a27ac6f6a394764f",
         "summary":"Walk-in freezer is at -11.8 °C","runbook":null,
         "cause":{"topic":"readings","partition":0,"offset":1041},"samples":7,"rule":"0123456789abcdef"}
        """#

    private func decoded(_ json: [UInt8]) -> AlertRecord? {
        json.withUnsafeBytes { AlertRecord(json: $0) }
    }

    private func object(_ json: [UInt8]) throws -> [String: Any] {
        let value = try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any]
        return try #require(value)
    }

    // MARK: JSON

    @Test("a firing alert is written as the contract's example")
    func firing() throws {
        let json = try AlertRecord.sample().encoded()
        #expect(try canonicalJSON(json) == canonicalJSON(Array(AlertRecordTests.golden.utf8)))
        #expect(try keysOfJSON(json).isSuperset(of: AlertRecordTests.contractKeys))
    }

    @Test("the contract's example is read back as the same alert")
    func readBack() throws {
        #expect(decoded(Array(AlertRecordTests.golden.utf8)) == AlertRecord.sample())
    }

    @Test("the contract's keys alone are an alert: what was added later may be missing")
    func contractOnly() throws {
        var object = try self.object(try AlertRecord.sample().encoded())
        for key in object.keys where !AlertRecordTests.contractKeys.contains(key) { object[key] = nil }
        let shorter = Array(try JSONSerialization.data(withJSONObject: object))
        let record = try #require(decoded(shorter))
        #expect(Edge(record) == Edge(AlertRecord.sample()))
        #expect(record.goes(to: "anybody"))
    }

    @Test("the contract's keys are there, with null, where nothing is known")
    func unknown() throws {
        var record = AlertRecord.sample()
        record.location = nil
        record.unit = nil
        let object = try self.object(try record.encoded())
        #expect(Set(object.keys).isSuperset(of: AlertRecordTests.contractKeys))
        let unknown = AlertRecordTests.contractKeys.filter { object[$0] is NSNull }
        #expect(unknown == ["location", "unit", "resolved_at", "runbook"])
    }

    @Test("a resolved alert has its end and, where no reading ended it, the reason")
    func resolved() throws {
        let firing = AlertRecord.sample()
        let record = firing.resolved(.ruleRemoved, at: instant(900), origin: AlertingHarness.origin)
        let object = try self.object(try record.encoded())
        #expect(object["state"] as? String == "resolved")
        #expect(object["resolved_at"] as? String == timeText(900))
        #expect(object["at"] as? String == timeText(900))
        #expect(object["fired_at"] as? String == timeText(600))
        #expect(object["reason"] as? String == "rule_removed")
        #expect(record.cause == firing.cause)
        #expect(record.fingerprint == firing.fingerprint)
        #expect(record.edgeID != firing.edgeID)
        // An edge never lies before the one that it ends.
        let early = firing.resolved(.stateLost, at: instant(1), origin: AlertingHarness.origin)
        #expect(early.resolvedAt == firing.at)
    }

    @Test("everything that an alert can say survives being written")
    func roundTrip() throws {
        var record = AlertRecord.sample(state: .resolved, notify: ["pager", "siren"])
        record.details = "Line one\nand \"two\" \u{1F976} \u{1}"
        record.runbook = "https://wiki.example/a?b=c"
        record.isStale = true
        record.reason = .conditionChanged
        record.location = nil
        record.unit = nil
        record.value = 1e-9
        record.peak = -1.5e300
        record.labels = ["": "", "line": "\\", "ä": "°"]
        record.at = Timestamp(milliseconds: -1)
        #expect(try decoded(record.encoded()) == record)
        let object = try self.object(try record.encoded())
        #expect(object["stale"] as? Bool == true)
        #expect(object["notify"] as? [String] == ["pager", "siren"])
        #expect(object["description"] as? String == record.details)
    }

    @Test("a number that JSON cannot say is refused and not written", arguments: [Double.nan, .infinity, -.infinity])
    func notFinite(value: Double) {
        var record = AlertRecord.sample()
        record.value = value
        #expect(throws: (any Error).self) { try record.encoded() }
    }

    @Test("every truncation of an alert is none")
    func truncated() throws {
        let json = try AlertRecord.sample().encoded()
        #expect(decoded(json) != nil)
        #expect(json.indices.filter { decoded(Array(json[..<$0])) != nil } == [])
    }

    @Test(
        "an object without one of these keys is no alert",
        arguments: [
            "alert", "state", "device", "box", "metric", "value", "threshold", "condition", "peak", "severity", "at",
            "breached_at", "fired_at", "last_seen", "fingerprint", "summary", "cause",
        ]
    )
    func missing(key: String) throws {
        var object = try self.object(try AlertRecord.sample().encoded())
        #expect(object.removeValue(forKey: key) != nil)
        let shorter = Array(try JSONSerialization.data(withJSONObject: object))
        #expect(decoded(shorter) == nil)
    }

    // MARK: Identity

    /// From the shell: `printf 'FreezerTooWarm\0freezer-7\0temperature' | sha256sum | cut -c1-16`, and so on.
    @Test(
        "the fingerprint is the beginning of SHA-256 over alert, device and metric, joined by NUL",
        arguments: [
            ("FreezerTooWarm", "freezer-7", "temperature", "a27ac6f6a394764f"),
            ("a", "bc", "d", "702f90638317c6b7"),
            ("ab", "c", "d", "1e8937e355807742"),
            ("Zu warm °C", "kühlraum/1", "temperatur", "b6915aadb9539272"),
            ("", "", "", "96a296d224f285c6"),
        ]
    )
    func fingerprint(alert: String, device: String, metric: String, expected: String) {
        #expect(AlertFingerprint.of(alert: alert, device: device, metric: metric) == expected)
    }

    @Test("an edge is another one by its state, its cause and its rule's condition, and by nothing else")
    func edgeIdentity() {
        let record = AlertRecord.sample()
        var other = record
        other.summary = "other words"
        other.severity = "info"
        other.value = 0
        #expect(other.edgeID == record.edgeID)
        other.ruleHash = "fedcba9876543210"
        #expect(other.edgeID != record.edgeID)
        #expect(AlertRecord.sample(cause: 1).edgeID != record.edgeID)
        #expect(AlertRecord.sample(state: .resolved).edgeID != record.edgeID)
        #expect(AlertRecord.sample(device: "freezer-8").edgeID != record.edgeID)
    }

    // MARK: Words

    /// A freezer that is too warm for ten minutes from three in the morning on, and well again 42 minutes later.
    private func night(_ rule: RuleDefinition) throws -> [AlertRecord] {
        let harness = try AlertingHarness()
        let runner = try harness.runner([rule])
        let labels = #""line":"a","name":"Walk-in freezer","location":"kitchen""#
        // 02:00:00 UTC on the day of `epoch` is 03:00 in Berlin.
        let night = -6.0 * 3600
        try harness.append(.start(night))
        try harness.appendReadings([eventJSON(night, -11.2, labels: labels)])
        try harness.append(.tick(night + 580))
        try harness.appendReadings([eventJSON(night + 580, -11.8, labels: labels)])
        try harness.append(.tick(night + 600))
        try harness.settle(runner)
        try harness.appendReadings([eventJSON(night + 600 + 42 * 60, -18, labels: labels)])
        try harness.settle(runner)
        return try harness.alerts()
    }

    @Test("the default summary can be acted on at three in the morning")
    func summary() throws {
        let alerts = try night(freezerRule(holdFor: .seconds(600)))
        try #require(alerts.count == 2)
        #expect(
            alerts[0].summary
                == "CRITICAL Walk-in freezer (kitchen): -11.8 °C, limit -15 °C, for 10 min, worst -11.2, "
                + "last reading 20 s ago, 03:10 CET, edge-01. Ack: forebay alerts ack a27ac6f6"
        )
        #expect(alerts[1].summary.hasPrefix("RESOLVED after 42 min, worst -11.2"))
        #expect(alerts[0].name == "Walk-in freezer")
        #expect(alerts[0].location == "kitchen")
        #expect(alerts[0].at == instant(-6 * 3600 + 600))
    }

    @Test("a rule's own template is filled for both edges")
    func template() throws {
        let template = "{{name}} is at {{value}} {{unit}}, limit {{threshold|1}}, {{labels.line}}, {{state}}"
        let alerts = try night(freezerRule(holdFor: .seconds(600), summary: template))
        #expect(
            alerts.map(\.summary) == [
                "Walk-in freezer is at -11.8 °C, limit -15.0, a, firing",
                "Walk-in freezer is at -18 °C, limit -15.0, a, resolved",
            ]
        )
    }
}
