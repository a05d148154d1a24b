// The MQTT input against Debian's mosquitto, and against a scripted broker of the older version.
import EventModel
import Glibc
import Ingest
import MQTT
import Platform
import Testing

private func reading(_ number: Int) -> String { "{\"temperature\":\(number)}" }

@Suite("MQTT input", .serialized)
struct MQTTInputTests {
    private let directory: ScratchDirectory

    init() throws {
        directory = try ScratchDirectory()
    }

    @Test("stores what it subscribed to, with device, labels, topic and message id")
    func stores() throws {
        let broker = try BrokerProcess(in: directory)
        let subscriber = try Subscriber(directory, port: broker.port, subscribe: ["plant/{line}/{device}/{metric}"])
        try subscriber.untilUp()
        let publisher = try WirePublisher(port: broker.port)
        try publisher.publish("plant/a/press-1/temperature", "21.5")
        try publisher.publish("plant/b/press-2/temperature", "22.5", qos: 0)
        try subscriber.until(records: 2)
        let records = try subscriber.harness.readings()
        #expect(records.map(\.key) == ["press-1", "press-2"])
        #expect(records[0].headers["from"] == "plant/a/press-1/temperature")
        #expect(records[0].headers["mid"] != nil)
        #expect(records[1].headers["mid"] == nil)
        #expect(records[0].value.contains("\"line\":\"a\""))
        #expect(subscriber.state.current.details["protocol"] == "5")
        #expect(subscriber.harness.counts.received == 2)
        #expect(subscriber.harness.counts.appended == 2)
        subscriber.input.finish()
        #expect(!subscriber.state.current.isUp)
    }

    @Test("holds every acknowledgement until the commit: what was not durable comes again")
    func redelivery() throws {
        let broker = try BrokerProcess(in: directory)
        var first: Subscriber? = try Subscriber(directory, port: broker.port)
        try first?.untilUp()
        first?.harness.holdCommits()
        let publisher = try WirePublisher(port: broker.port)
        for number in 0..<15 { try publisher.publish("t/dev", reading(number)) }
        try first?.until(received: 15)
        for _ in 0..<3 { first?.input.step() }
        // As by kill -9: the connection breaks, nothing is finished.
        first = nil
        let second = try Subscriber(directory, port: broker.port)
        try second.until(received: 15)
        #expect(second.state.current.details["session"] == "resumed")
        second.input.finish()
        #expect(second.harness.counts.appended == 15)
    }

    @Test("acknowledges what is durable: it does not come again")
    func acknowledged() throws {
        let broker = try BrokerProcess(in: directory)
        var first: Subscriber? = try Subscriber(directory, port: broker.port)
        try first?.untilUp()
        let publisher = try WirePublisher(port: broker.port)
        for number in 0..<15 { try publisher.publish("t/dev", reading(number)) }
        try first?.until(records: 15)
        // One more step lets the acknowledgements out, whatever the last one ended with.
        first?.input.step()
        first = nil
        let second = try Subscriber(directory, port: broker.port)
        try second.untilUp()
        try publisher.publish("t/dev", reading(99))
        try second.until(records: 1)
        second.input.finish()
        #expect(second.harness.counts.received == 1)
        #expect(try second.harness.readings().first?.value.contains("99") == true)
    }

    @Test("takes in more than its window, in several commits")
    func window() throws {
        let broker = try BrokerProcess(in: directory, lines: ["allow_anonymous true", "max_queued_messages 0"])
        let subscriber = try Subscriber(directory, port: broker.port) { $0.receiveMaximum = 10 }
        try subscriber.untilUp()
        let publisher = try WirePublisher(port: broker.port)
        for number in 0..<500 { try publisher.publish("t/dev", reading(number)) }
        try subscriber.until(records: 500)
        subscriber.input.finish()
        let values = try subscriber.harness.readings().map(\.value)
        #expect(values.count == 500)
        for (number, value) in values.enumerated() { #expect(value.contains("\"temperature\":\(number)")) }
    }

    @Test("stops reading while the log takes nothing, and loses and repeats nothing")
    func fullInbox() throws {
        let broker = try BrokerProcess(in: directory, lines: ["allow_anonymous true", "max_queued_messages 0"])
        let subscriber = try Subscriber(directory, port: broker.port, inboxBytesMax: 1) { $0.receiveMaximum = 50 }
        try subscriber.untilUp()
        subscriber.harness.holdCommits()
        let publisher = try WirePublisher(port: broker.port)
        for number in 0..<300 { try publisher.publish("t/dev", reading(number)) }
        try subscriber.until(received: 1)
        for _ in 0..<5 { subscriber.input.step() }
        #expect(subscriber.harness.counts.received <= 50)
        subscriber.harness.releaseCommits()
        try subscriber.until(records: 300)
        subscriber.input.finish()
        #expect(subscriber.harness.counts.received == 300)
        #expect(subscriber.harness.counts.appended == 300)
        #expect(subscriber.state.current.details["connections"] == "1")
    }

    @Test("comes back when the broker dies and returns")
    func brokerReturns() throws {
        let broker = try BrokerProcess(in: directory)
        let subscriber = try Subscriber(directory, port: broker.port)
        try subscriber.untilUp()
        broker.kill()
        try drive(subscriber.input, "the loss is seen") { !subscriber.state.current.isUp }
        #expect(subscriber.state.current.text.contains("127.0.0.1:\(broker.port)"))
        try drive(subscriber.input, "a refused attempt") { subscriber.state.current.text.contains("cannot connect") }
        try broker.start()
        try subscriber.untilUp()
        try WirePublisher(port: broker.port).publish("t/dev", reading(1))
        try subscriber.until(records: 1)
        #expect(subscriber.state.current.details["session"] == "new")
        subscriber.input.finish()
    }

    @Test("unsubscribes what the session holds and nobody wants any more")
    func changedSubscriptions() throws {
        let broker = try BrokerProcess(in: directory)
        let first = try Subscriber(directory, port: broker.port, subscribe: ["old/{device}", "both/{device}"])
        try first.untilUp()
        first.input.finish()
        #expect(directory.text(of: "plant.subscriptions") == "both/+\nold/+\n")
        let publisher = try WirePublisher(port: broker.port)
        try publisher.publish("old/dev", reading(1))
        let second = try Subscriber(directory, port: broker.port, subscribe: ["new/{device}", "both/{device}"])
        try drive(second.input, "the file names the new ones only") {
            directory.text(of: "plant.subscriptions") == "both/+\nnew/+\n"
        }
        // What the broker had queued for the old filter came, was acknowledged, and is no payload of this input.
        try drive(second.input, "the queued one is noticed") { second.state.current.details["unmatched"] == "1" }
        try publisher.publish("old/dev", reading(2))
        try publisher.publish("both/dev", reading(3))
        try publisher.publish("new/dev", reading(4))
        try second.until(records: 2)
        second.input.finish()
        #expect(second.harness.counts.received == 2)
        #expect(second.state.current.details["unmatched"] == "1")
    }

    @Test("marks retained messages, and gets them once")
    func retained() throws {
        let broker = try BrokerProcess(in: directory)
        let publisher = try WirePublisher(port: broker.port)
        try publisher.publish("t/old", reading(1), isRetained: true)
        let subscriber = try Subscriber(directory, port: broker.port)
        try subscriber.until(records: 1)
        try publisher.publish("t/live", reading(2), isRetained: true)
        try subscriber.until(records: 2)
        subscriber.input.finish()
        let records = try subscriber.harness.readings()
        #expect(records.map { $0.value.contains("\"retained\":true") } == [true, false])
        let again = try Subscriber(directory, port: broker.port)
        try again.untilUp()
        try publisher.publish("t/live", reading(3))
        try again.until(records: 1)
        again.input.finish()
        #expect(again.harness.counts.received == 1)
    }

    @Test("leaves excluded topics aside, and acknowledges them")
    func excluded() throws {
        let broker = try BrokerProcess(in: directory)
        let subscriber = try Subscriber(directory, port: broker.port, subscribe: ["t/{device...}"]) {
            $0.exclude = ["t/+/set"]
        }
        try subscriber.untilUp()
        let publisher = try WirePublisher(port: broker.port)
        try publisher.publish("t/dev/set", "on")
        try publisher.publish("t/dev", reading(1))
        try subscriber.until(records: 1)
        subscriber.input.finish()
        #expect(subscriber.harness.counts.received == 1)
        #expect(subscriber.state.current.details["excluded"] == "1")
    }

    @Test("refuses empty and oversized payloads, and keeps them")
    func refused() throws {
        let broker = try BrokerProcess(in: directory)
        let subscriber = try Subscriber(directory, port: broker.port)
        try subscriber.untilUp()
        let publisher = try WirePublisher(port: broker.port)
        try publisher.publish("t/dev", "")
        try publisher.publish("t/dev", [UInt8](repeating: 0x20, count: InputLimits.payloadBytesMax + 1))
        try publisher.publish("t/dev", "{\"temperature\":")
        try publisher.publish("t/dev", reading(1))
        try subscriber.until(received: 4)
        subscriber.input.finish()
        let counts = subscriber.harness.counts
        #expect(counts.rejected == [.empty: 1, .tooLarge: 1, .malformed: 1])
        #expect(counts.received == 4 && counts.appended == 1)
        let rejects = try subscriber.harness.rejects()
        #expect(rejects.map { $0.headers["reason"] } == ["empty", "too_large", "malformed"])
        #expect(rejects.last?.value == "{\"temperature\":")
    }

    @Test("gives up a connection whose acknowledgements are held too long, counts that, and gets everything again")
    func keepAliveStall() throws {
        let broker = try BrokerProcess(in: directory)
        let subscriber = try Subscriber(directory, port: broker.port)
        try subscriber.untilUp()
        subscriber.harness.holdCommits()
        try WirePublisher(port: broker.port).publish("t/dev", reading(1))
        try subscriber.until(received: 1)
        subscriber.clock.advance(by: .seconds(91))
        try drive(subscriber.input, "the stall is noticed") {
            subscriber.state.current.details["keep_alive_reconnects"] == "1"
        }
        subscriber.harness.releaseCommits()
        try subscriber.until(records: 2)
        subscriber.input.finish()
        #expect(subscriber.harness.counts.received == 2)
        #expect(subscriber.state.current.details["connections"] == "2")
    }

    @Test("says what the broker says of itself")
    func brokerDetails() throws {
        let broker = try BrokerProcess(in: directory)
        let subscriber = try Subscriber(directory, port: broker.port)
        try drive(subscriber.input, "the broker's figures") {
            let details = subscriber.state.current.details
            return details["broker_version"]?.contains("mosquitto") == true && details["broker_dropped"] != nil
        }
        subscriber.input.finish()
        #expect(subscriber.harness.counts.received == 0)
    }

    @Test("reads the password at each connection, and reports a missing and a refused one")
    func password() throws {
        let passwords = "\(directory.path)/passwords"
        try run(["mosquitto_passwd", "-b", "-c", passwords, "box", "right"], log: "\(directory.path)/passwd.log")
        let broker = try BrokerProcess(in: directory, lines: ["allow_anonymous false", "password_file \(passwords)"])
        let file = "\(directory.path)/password"
        let subscriber = try Subscriber(directory, port: broker.port) {
            $0.user = "box"
            $0.passwordFile = file
            $0.reconnectLongest = .milliseconds(500)
        }
        let state = subscriber.state
        try drive(subscriber.input, "the missing file") { state.current.text.contains("no password: open \(file)") }
        _ = try directory.file("password", "wrong\n")
        try drive(subscriber.input, "the refusal") { state.current.text.contains("authori") }
        #expect(!state.current.isUp)
        _ = try directory.file("password", "right\r\n")
        try subscriber.untilUp()
        subscriber.input.finish()
    }

    @Test("speaks TLS to a broker whose certificate it can verify, and to no other")
    func tls() throws {
        let log = "\(directory.path)/openssl.log"
        let key = "\(directory.path)/key.pem"
        let certificate = "\(directory.path)/cert.pem"
        try run(
            [
                "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
            ],
            log: log
        )
        let broker = try BrokerProcess(
            in: directory,
            lines: ["allow_anonymous true", "certfile \(certificate)", "keyfile \(key)"]
        )
        let trusting = try Subscriber(directory, port: broker.port) {
            $0.broker.usesTLS = true
            $0.caFile = certificate
        }
        try trusting.untilUp()
        trusting.input.finish()
        let strict = try Subscriber(directory, port: broker.port) { $0.broker.usesTLS = true }
        try drive(strict.input, "the refusal") { strict.state.current.text.contains("certificate verify failed") }
        strict.input.finish()
        let mistaken = try Subscriber(directory, port: broker.port) {
            $0.broker.usesTLS = true
            $0.caFile = "\(directory.path)/absent.pem"
        }
        try drive(mistaken.input, "the missing file") { mistaken.state.current.text.contains("ca_file") }
        mistaken.input.finish()
    }

    @Test("works without its file of held subscriptions, and says that it cannot write it")
    func damagedFile() throws {
        let broker = try BrokerProcess(in: directory)
        guard mkdir("\(directory.path)/plant.subscriptions", 0o700) == 0 else { throw TestFailure("mkdir") }
        let subscriber = try Subscriber(directory, port: broker.port)
        try subscriber.untilUp()
        #expect(subscriber.state.current.details["subscriptions_file"]?.contains("plant.subscriptions") == true)
        subscriber.input.finish()
    }
}
