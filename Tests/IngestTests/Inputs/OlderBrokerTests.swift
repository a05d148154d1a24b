// A scripted broker of MQTT 3.1.1: the fall-back from version 5, and what is on the wire before and after a commit.
import Glibc
import Ingest
import MQTT
import Platform
import Synchronization
import Testing

/// Speaks 3.1.1 only. Runs on its own thread; the test reads what it saw.
private final class ScriptedBroker: Sendable {
    struct Seen {
        var connectLevels: [UInt8] = []
        var acknowledged: [[UInt8]] = []
        var failure: String?
    }

    /// How it treats a version that it does not know.
    enum Refusal: Sendable, CaseIterable {
        case withReason
        case bySilentClose
    }

    let port: UInt16
    let seen = Mutex(Seen())
    private let listener: Int32

    init(refusal: Refusal, messages: Int) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        port = try freeTCPPort()
        var address = loopback(port: port)
        var on: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        let descriptor = listener
        guard withSocketAddress(&address, { bind(descriptor, $0, $1) }) == 0, listen(listener, 8) == 0 else {
            throw TestFailure("listen: \(systemErrorText(errno))")
        }
        _ = PlatformThread(name: "scripted-broker") { [self] in
            do {
                try serve(refusal: refusal, messages: messages)
            } catch {
                seen.withLock { $0.failure = "\(error)" }
            }
        }
    }

    private func serve(refusal: Refusal, messages: Int) throws {
        while true {
            let accepted = accept(listener, nil, nil)
            guard accepted >= 0 else { return }
            let connection = WireConnection(taking: accepted)
            guard let connect = try connection.receive(), connect.kind == 1, connect.body.count > 7 else { continue }
            let level = connect.body[6]
            seen.withLock { $0.connectLevels.append(level) }
            if level == 4 {
                try connection.send(WirePacket(first: 0x20, body: [0, 0]))
                try converse(connection, messages: messages)
                return
            }
            if refusal == .withReason { try connection.send(WirePacket(first: 0x20, body: [0, 1])) }
        }
    }

    private func converse(_ connection: WireConnection, messages: Int) throws {
        while let packet = try connection.receive() {
            switch packet.kind {
            case 8:
                // One code per filter; the first SUBSCRIBE has one, that for the broker's figures two.
                let isOurs = packet.body.count < 16
                try connection.send(WirePacket(first: 0x90, body: packet.identifier + (isOurs ? [1] : [0x80, 0x80])))
                guard isOurs else { continue }
                for number in 1...messages {
                    let payload = Array("{\"temperature\":\(number)}".utf8)
                    try connection.send(
                        .publish("t/dev", payload, qos: 1, identifier: UInt16(number), isRetained: false)
                    )
                }
            case 4: seen.withLock { $0.acknowledged.append(packet.identifier) }
            case 14: return
            default: break
            }
        }
    }
}

@Suite("MQTT input and an older broker")
struct OlderBrokerTests {
    @Test(
        "falls back to 3.1.1, and acknowledges nothing before the commit",
        arguments: [true, false]
    )
    func fallBack(refusesWithReason: Bool) throws {
        let directory = try ScratchDirectory()
        let broker = try ScriptedBroker(refusal: refusesWithReason ? .withReason : .bySilentClose, messages: 5)
        let harness = try PipelineHarness()
        harness.holdCommits()
        let state = InputStateBox()
        var settings = MQTTInputSettings(clientID: "box", subscribe: ["t/{device}"])
        settings.broker = BrokerAddress(host: "127.0.0.1", port: broker.port, usesTLS: false)
        settings.reconnectFirst = .milliseconds(5)
        let input = try MQTTInput(
            name: "plant",
            settings: settings,
            pipeline: harness.pipeline,
            state: state,
            environment: .forTests(directory)
        )
        try drive(input, "5 messages: \(state.current.text)") { harness.counts.received == 5 }
        for _ in 0..<3 { input.step() }
        #expect(broker.seen.withLock { $0.acknowledged } == [])
        #expect(state.current.details["protocol"] == "3.1.1")
        harness.releaseCommits()
        try drive(input, "5 acknowledgements") { broker.seen.withLock { $0.acknowledged.count } == 5 }
        input.finish()
        let seen = broker.seen.withLock { $0 }
        #expect(seen.acknowledged == (1...5).map { [0, UInt8($0)] })
        #expect(seen.connectLevels.first == 5 && seen.connectLevels.last == 4)
        #expect(seen.failure == nil)
    }
}
