// MQTT at QoS 1: the daemon, which acknowledges after its sync, beside mosquitto_sub, which stores nothing.
import Foundation

extension Runner {
    func measureMQTT() throws {
        let count = Int(20_000 * options.seconds)
        let rounds = 3
        var subscriber: [Double] = []
        var daemon: [Double] = []
        for _ in 0..<rounds {
            subscriber.append(try subscriberRate(count))
            daemon.append(try daemonRate(count))
        }
        let figure = daemon.sorted()[rounds / 2]
        let reference = subscriber.sorted()[rounds / 2]
        results.add(
            Result(
                what: "MQTT QoS 1, \(count) messages, median of \(rounds): daemon, mosquitto_sub -q 1 > /dev/null",
                figure: Figure.rate(figure),
                reference: Figure.rate(reference),
                ratio: figure / reference,
                bar: ">= 1.00",
                verdict: figure >= reference ? .pass : .fail
            )
        )
    }

    private func publisher(_ broker: Broker, count: Int) throws -> Child {
        let command = [
            try binary("forebay-sim"), "mqtt", "--port", "\(broker.port)", "--rate", "0", "--count", "\(count)",
            "--devices", "1000", "--window", "1000",
        ]
        return try Child(command, output: scratch.newPath("publisher"))
    }

    /// Messages per second, from the publisher's start to the subscriber's last message.
    private func subscriberRate(_ count: Int) throws -> Double {
        let broker = try Broker(scratch: scratch)
        let subscriber = try Child([
            "/usr/bin/mosquitto_sub", "-p", "\(broker.port)", "-q", "1", "-t", "forebay/sim/#", "-C", "\(count)",
        ])
        try broker.waitForSubscriber()
        let start = monotonicSeconds()
        let publisher = try publisher(broker, count: count)
        guard try subscriber.waitForExit(timeout: 120) == 0 else {
            throw BenchError(description: "mosquitto_sub failed")
        }
        let rate = Double(count) / (monotonicSeconds() - start)
        _ = try publisher.waitForExit(timeout: 30)
        return rate
    }

    /// Messages per second, from the publisher's start until the daemon has counted the last one as appended.
    private func daemonRate(_ count: Int) throws -> Double {
        let broker = try Broker(scratch: scratch)
        let daemon = try daemon(
            inputs: "  plant: { type: mqtt, url: \"mqtt://127.0.0.1:\(broker.port)\", "
                + "subscribe: [\"forebay/sim/{device}\"], format: json, required: true }"
        )
        try broker.waitForSubscriber()
        let start = monotonicSeconds()
        let publisher = try publisher(broker, count: count)
        try StopFlag.wait(for: "the daemon's last message", timeout: 120, interval: 0.03) {
            try daemon.counters("plant").appended >= Double(count) ? () : nil
        }
        let rate = Double(count) / (monotonicSeconds() - start)
        _ = try publisher.waitForExit(timeout: 30)
        return rate
    }
}
