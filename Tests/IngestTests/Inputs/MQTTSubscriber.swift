// An MQTT input as the tests of several files run it.
import Ingest
import MQTT
import Platform
import Testing

/// One subscriber with everything it needs; a second one on the same directory is the same client started again.
struct Subscriber {
    let harness: PipelineHarness
    let state = InputStateBox()
    let clock = ShiftedClock()
    let input: MQTTInput

    init(
        _ directory: ScratchDirectory,
        port: UInt16,
        subscribe: [String] = ["t/{device}"],
        inboxBytesMax: Int = 64 << 20,
        logDirectory: ScratchDirectory? = nil,
        input name: String = "test",
        duplicates: DuplicatePolicy = .mark,
        change: (inout MQTTInputSettings) -> Void = { _ in }
    ) throws {
        harness = try PipelineHarness(directory: logDirectory, inboxBytesMax: inboxBytesMax) { settings in
            settings.input = name
            settings.duplicates = duplicates
        }
        var settings = MQTTInputSettings(clientID: "forebay-test-\(port)", subscribe: subscribe)
        settings.broker = BrokerAddress(host: "127.0.0.1", port: port, usesTLS: false)
        settings.reconnectFirst = .milliseconds(20)
        settings.reconnectLongest = .milliseconds(200)
        change(&settings)
        input = try MQTTInput(
            name: "plant",
            settings: settings,
            pipeline: harness.pipeline,
            state: state,
            environment: .forTests(directory, clock: clock)
        )
    }

    func untilUp() throws {
        try drive(input, "the input is up: \(state.current.text)") { state.current.isUp }
    }

    func until(received count: UInt64) throws {
        try drive(input, "\(count) received, \(state.current.text)") { harness.counts.received >= count }
    }

    /// Steps until every batch is older than the commit interval, and so given to the log.
    func handOver() {
        for _ in 0..<30 {
            input.step()
            pauseThread(for: .milliseconds(1))
        }
    }

    func until(records count: Int) throws {
        try drive(input, "\(count) records, \(state.current.text)") { try harness.readings().count >= count }
    }
}
