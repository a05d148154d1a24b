// The daemon under test, with a configuration, data and ports of its own.
import Foundation

/// One running `forebay run`. Stopped and forgotten with this object; its data is below the scratch directory.
final class Daemon {
    /// Counters of one input.
    struct Counters {
        var received: Double
        var appended: Double
        var rejected: Double
        var dropped: Double

        /// Whether every payload that came in is accounted for.
        var isConserved: Bool { received == appended + rejected + dropped }
    }

    /// The longest that a batch waits for its sync, in seconds, as configured below.
    static let commitInterval = 0.010

    let child: Child
    private(set) var connection: HTTPConnection
    private let httpPort: UInt16

    /// Starts the daemon with `inputs`, the lines below `inputs:`, and waits until it is ready.
    ///
    /// `alerting`: the sections `rules` and `hooks`; `kafka`: the port of its Kafka listener, none without it.
    init(binary: String, directory: String, inputs: String, alerting: String, kafka: UInt16?) throws {
        let port = try Scratch.freePort()
        let configuration = "\(directory)/forebay.yaml"
        try Self.configuration(directory: directory, port: port, inputs: inputs, alerting: alerting, kafka: kafka)
            .write(toFile: configuration, atomically: true, encoding: .utf8)
        let child = try Child([binary, "run", "--config", configuration], output: "\(directory)/output")
        self.child = child
        httpPort = port
        connection = try StopFlag.wait(for: "the daemon's readiness", timeout: 30, interval: 0.05) {
            guard child.exitCode() == nil else {
                throw BenchError(description: "the daemon ended: \(child.outputText.suffix(800))")
            }
            guard let connection = try? HTTPConnection(port: port), let answer = try? connection.get("/readyz") else {
                return nil
            }
            return answer.status == 200 ? connection : nil
        }
    }

    deinit {
        child.stop()
    }

    /// One rule that looks at every temperature and never fires, and a hook for it.
    static let quietAlerting = """
        rules:
          - alert: FreezerTooWarm
            match: { metric: temperature }
            above: 90
            clear_below: 80
            for: 10m
            severity: critical
        hooks:
          nobody: { type: exec, command: ["/bin/true"] }
        """

    private static func configuration(
        directory: String,
        port: UInt16,
        inputs: String,
        alerting: String,
        kafka: UInt16?
    ) -> String {
        """
        name: bench
        data: \(directory)/data
        listen:
          http: 127.0.0.1:\(port)
          kafka: \(kafka.map { "127.0.0.1:\($0)" } ?? "none")
        log:
          commit_interval: \(Int(commitInterval * 1000))ms
        inputs:
        \(inputs)
        \(alerting)

        """
    }

    /// A new connection: the daemon closes one that asked nothing for a while.
    func reconnect() throws {
        connection = try HTTPConnection(port: httpPort)
    }

    func metrics() throws -> MetricsText {
        let answer = try connection.get("/metrics")
        guard answer.status == 200 else { throw BenchError(description: "GET /metrics: \(answer.status)") }
        return MetricsText(answer.body)
    }

    func counters(_ input: String) throws -> Counters {
        let metrics = try metrics()
        let label = "input=\"\(input)\""
        return Counters(
            received: try metrics.sum("forebay_input_received_total", label),
            appended: try metrics.sum("forebay_input_appended_total", label),
            rejected: metrics.sumOrZero("forebay_input_rejected_total", label),
            dropped: metrics.sumOrZero("forebay_input_dropped_total", label)
        )
    }

    /// The counters once they have stood still for a second and are conserved, or after 60 s as they are.
    func settledCounters(_ input: String) throws -> Counters {
        var last = try counters(input)
        var since = monotonicSeconds()
        let end = since + 60
        while monotonicSeconds() < end {
            try StopFlag.sleep(seconds: 0.1)
            let next = try counters(input)
            if next.appended != last.appended || next.received != last.received || !next.isConserved {
                since = monotonicSeconds()
            }
            last = next
            if monotonicSeconds() - since >= 1 { break }
        }
        return last
    }
}
