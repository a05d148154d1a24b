// Hook type `mqtt` against Debian's mosquitto: what a late subscriber finds, and what counts as delivered.
import Alerting
import Foundation
import MQTT
import Platform
import Rules
import Testing

@Suite("MQTT hook", .serialized, .timeLimit(.minutes(5)))
struct MQTTHookTests {
    private func hook(
        _ port: UInt16,
        topic: String = "forebay/alerts",
        discovery: String? = nil,
        timeout: Duration = .seconds(10),
        change: (inout MQTTConnectionSettings) -> Void = { _ in }
    ) -> HookSettings {
        var connection = MQTTConnectionSettings(
            broker: BrokerAddress(host: "127.0.0.1", port: port, usesTLS: false),
            clientID: "forebay-test-\(port)"
        )
        connection.reconnectFirst = .milliseconds(20)
        connection.reconnectLongest = .milliseconds(200)
        change(&connection)
        let target = MQTTHookTarget(connection: connection, topic: topic, discoveryPrefix: discovery)
        return HookSettings(name: "bus", target: .mqtt(target), timeout: timeout)
    }

    private func record(_ text: String?) throws -> AlertRecord {
        let bytes = Array(try #require(text).utf8)
        return try #require(bytes.withUnsafeBytes { AlertRecord(json: $0) })
    }

    @Test("publishes what fires and what is over, retained: a subscriber that comes later sees the present")
    func retained() async throws {
        let harness = try AlertingHarness()
        let broker = try MosquittoBench(harness.directory)
        try await broker.start()
        let topic = "forebay/alerts/edge-01/FreezerTooWarm/freezer-7/temperature"
        let firing = AlertRecord.sample()
        let resolved = AlertRecord.sample(state: .resolved)
        try await withHooks(harness, [hook(broker.port)]) { dispatcher in
            try harness.appendAlerts([firing, .sample("Other", device: "press-1")])
            try await eventually("both are delivered") { dispatcher.status("bus").delivered == 2 }
            let present = try await broker.retained()
            #expect(try record(present[topic]) == firing)
            #expect(try record(present["forebay/alerts/edge-01/Other/press-1/temperature"]).state == .firing)
            #expect(present["forebay/alerts/edge-01/status"] == "online")
            #expect(present.count == 3)
            let object =
                try JSONSerialization.jsonObject(with: Data(try #require(present[topic]).utf8)) as? [String: Any]
            #expect(object?["offset"] as? Int == 0)

            try harness.appendAlerts([resolved])
            try await eventually("the end is delivered") { dispatcher.status("bus").delivered == 3 }
            #expect(try await record(broker.retained()[topic]) == resolved)
        }
        #expect(try await broker.retained()["forebay/alerts/edge-01/status"] == "offline", "after a stop")
    }

    @Test("a test of the hook arrives, and leaves nothing behind")
    func test() async throws {
        let harness = try AlertingHarness()
        let broker = try MosquittoBench(harness.directory)
        try await broker.start()
        try await withHooks(harness, [hook(broker.port, discovery: "homeassistant")]) { dispatcher in
            let result = try #require(await dispatcher.test("bus"))
            #expect(result.delivered, "\(result.error ?? "")")
            #expect(try await broker.retained().keys.sorted() == ["forebay/alerts/edge-01/status"])
        }
    }

    @Test("what a topic cannot hold becomes `_`, and the alert says what it was")
    func sanitised() async throws {
        let harness = try AlertingHarness()
        let broker = try MosquittoBench(harness.directory)
        try await broker.start()
        let device = "hall/1+#\u{1}\u{85}\u{FFFF}ö"
        try await withHooks(harness, [hook(broker.port, topic: "a/b")]) { dispatcher in
            let sample = AlertRecord.sample(device: device)
            try harness.appendAlerts([sample])
            try await eventually("it is delivered") { dispatcher.status("bus").delivered == 1 }
            let mark = sample.fingerprint.prefix(8)
            let alert = try await broker.retained()["a/b/edge-01/FreezerTooWarm/hall_1_____ö/temperature-\(mark)"]
            #expect(try record(alert).device == device)
        }
    }

    @Test("with discovery, Home Assistant is told of a sensor for each alert")
    func discovery() async throws {
        let harness = try AlertingHarness()
        let broker = try MosquittoBench(harness.directory)
        try await broker.start()
        let alert = AlertRecord.sample()
        try await withHooks(harness, [hook(broker.port, discovery: "ha")]) { dispatcher in
            try harness.appendAlerts([alert])
            try await eventually("it is delivered") { dispatcher.status("bus").delivered == 1 }
            let id = "forebay_edge-01_\(alert.fingerprint)"
            let text = try #require(try await broker.retained()["ha/binary_sensor/\(id)/config"])
            let sensor = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            let topic = "forebay/alerts/edge-01/FreezerTooWarm/freezer-7/temperature"
            #expect(sensor["unique_id"] as? String == id)
            #expect(sensor["device_class"] as? String == "problem")
            #expect(sensor["state_topic"] as? String == topic)
            #expect(sensor["json_attributes_topic"] as? String == topic)
            #expect(sensor["value_template"] as? String == "{{ value_json.state }}")
            #expect(sensor["payload_on"] as? String == "firing")
            #expect(sensor["payload_off"] as? String == "resolved")
            #expect(sensor["availability_topic"] as? String == "forebay/alerts/edge-01/status")
            #expect((sensor["device"] as? [String: Any])?["identifiers"] as? [String] == ["forebay_edge-01"])
        }
    }

    // MARK: What counts as delivered

    /// Deliveries that count, with a broker that has the message and may acknowledge it.
    private func delivered(acknowledging: Bool) async throws -> UInt64 {
        let harness = try AlertingHarness()
        let broker = try HoldingBroker()
        defer { broker.end() }
        var count: UInt64 = 0
        // The status message at the connection is one, the alert another.
        let settings = hook(broker.port, timeout: .seconds(1))
        try await withHooks(harness, [settings]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("the broker has both messages") { broker.published >= 2 }
            if acknowledging {
                broker.release()
                try await eventually("it is delivered") { dispatcher.status("bus").delivered == 1 }
            } else {
                try await eventually("it is tried again") { dispatcher.status("bus").failed >= 2 }
                let error = try #require(dispatcher.status("bus").lastError)
                #expect(error.contains("did not acknowledge in time"), "\(error)")
            }
            count = dispatcher.status("bus").delivered
            try await eventually("its place says the same") {
                dispatcher.status("bus").lagRecords == (acknowledging ? 0 : 1)
            }
        }
        return count
    }

    @Test("delivered is what the broker has acknowledged")
    func acknowledged() async throws {
        #expect(try await delivered(acknowledging: true) == 1)
    }

    @Test("the planted bug: what was sent and not acknowledged would count")
    func unacknowledged() async throws {
        #expect(try await delivered(acknowledging: false) == 0)
    }

    @Test("while the broker is away it is tried again, and delivered when it is back; then its edges are in order")
    func brokerAway() async throws {
        let harness = try AlertingHarness()
        let broker = try MosquittoBench(harness.directory)
        try await withHooks(harness, [hook(broker.port)]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("two attempts fail") { dispatcher.status("bus").failed >= 2 }
            let error = try #require(dispatcher.status("bus").lastError)
            #expect(error.contains("mqtt://127.0.0.1:\(broker.port)"), "\(error)")
            try await broker.start()
            try await eventually("it is delivered") { dispatcher.status("bus").delivered == 1 }
            broker.kill()
            try harness.appendAlerts([.sample(state: .resolved)])
            try await eventually("the loss is seen") { dispatcher.status("bus").lastError != nil }
            try await broker.start()
            try await eventually("the end is delivered") { dispatcher.status("bus").delivered == 2 }
            let topic = "forebay/alerts/edge-01/FreezerTooWarm/freezer-7/temperature"
            #expect(try await record(broker.retained()[topic]).state == .resolved)
        }
    }

    @Test("a broker that refuses the password is named as what it is, and the right one is tried without a reload")
    func password() async throws {
        let harness = try AlertingHarness()
        let users = try harness.directory.file("users", "box:right\n")
        try tool("mosquitto_passwd", "-U", users)
        let broker = try MosquittoBench(
            harness.directory,
            lines: ["allow_anonymous false", "password_file \(users)"]
        )
        try await broker.start()
        let file = try harness.directory.file("password", "wrong\n")
        let settings = hook(broker.port) { connection in
            connection.user = "box"
            connection.passwordFile = file
        }
        try await withHooks(harness, [settings]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("two attempts fail") { dispatcher.status("bus").failed >= 2 }
            let error = try #require(dispatcher.status("bus").lastError)
            #expect(error.lowercased().contains("authori"), "\(error)")
            #expect(!error.contains("wrong"))
            try write(Array("right\n".utf8), to: file)
            try await eventually("it is delivered") { dispatcher.status("bus").delivered == 1 }
        }
    }

    @Test("a topic that the broker does not let it write is refused for good: to the dead letters")
    func notAuthorised() async throws {
        let harness = try AlertingHarness()
        let rights = try harness.directory.file("rights", "topic write other/#\ntopic read #\n")
        let broker = try MosquittoBench(harness.directory, lines: ["allow_anonymous true", "acl_file \(rights)"])
        try await broker.start()
        try await withHooks(harness, [hook(broker.port)]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("it is refused") { dispatcher.status("bus").refused == 1 }
            #expect(dispatcher.status("bus").delivered == 0)
        }
        let letter = try #require(try DeadLetter.all(harness, of: "bus").first)
        #expect(letter.status == 135 && letter.error.contains("Not authorized"), "\(letter.error)")
    }

    @Test("when the box dies, the broker says that it is offline")
    func lastWill() async throws {
        let harness = try AlertingHarness()
        let broker = try MosquittoBench(harness.directory)
        try await broker.start()
        let online = MQTTPresence(topic: "a/status")
        var connection = MQTTConnectionSettings(
            broker: BrokerAddress(host: "127.0.0.1", port: broker.port, usesTLS: false),
            clientID: "box"
        )
        connection.reconnectFirst = .seconds(60)
        let publisher = MQTTPublisher(connection, presence: online, disk: PosixDisk(), clock: SystemClock(), seed: 1)
        try await eventually("it is online") { try await broker.retained()["a/status"] == "online" }
        // Another client with its id: the broker throws it out as it does with one that is lost.
        let other = MQTTPublisher(
            connection,
            presence: MQTTPresence(topic: "b/status"),
            disk: PosixDisk(),
            clock: SystemClock(),
            seed: 1
        )
        try await eventually("it is offline") { try await broker.retained()["a/status"] == "offline" }
        await other.stop()
        await publisher.stop()
    }

    @Test(
        "the first levels of topics",
        arguments: [
            ("forebay/alerts", true), ("a", true), ("", false), ("/a", false), ("a/", false), ("a//b", false),
            ("a/+/b", false), ("#", false), ("$SYS/a", false), ("a\u{7}", false),
        ]
    )
    func prefixes(text: String, isPrefix: Bool) {
        #expect(MQTTTopic.isPrefix(text) == isPrefix)
    }
}
