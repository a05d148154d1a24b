// The rules: what a reading costs them, what an instance holds, how fast they read a log again, and when a hook is called.
import Foundation

extension Runner {
    private func rulesBench(_ load: String) throws -> JSONObject {
        let here = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        return try figures([here.appendingPathComponent("forebay-bench-rules").path, load], timeout: 120)
    }

    func measureRules() throws {
        let cost = try rulesBench("evaluate")
        let (alone, whole) = (try cost.number("ns_per_reading"), try cost.number("ns_with_decoding"))
        results.add(
            Result(
                what: "a reading through 100 rules, of which 3 match: CPU (with decoding)",
                figure: Figure.nanoseconds(alone),
                reference: Figure.nanoseconds(whole),
                bar: "< 150 (500) ns",
                verdict: alone < 150 && whole < 500 ? .pass : .fail
            )
        )
        let memory = try rulesBench("instances")
        let bytes = Int(try memory.number("bytes"))
        results.add(
            Result(
                what: "50,000 live instances, a third of them pending: resident memory",
                figure: Figure.mebibytes(bytes),
                bar: "< 64 MiB",
                verdict: bytes < 64 << 20 ? .pass : .fail
            )
        )
    }

    /// A log that the daemon has written from datagrams, read by `rules replay` with a hundred rules.
    func measureReplay() throws {
        let port = try Scratch.freePort(datagrams: true)
        let directory = try scratch.newDirectory("daemon")
        var daemon: Daemon? = try daemon(
            inputs: "  lan: { type: udp, listen: \"127.0.0.1:\(port)\", format: json }",
            in: directory
        )
        let count = 1_500_000
        let simulator = try Child(
            [
                try binary("forebay-sim"), "udp", "--port", "\(port)", "--rate", "120000", "--count", "\(count)",
                "--devices", "500",
            ],
            output: scratch.newPath("fleet")
        )
        guard try simulator.waitForExit(timeout: 120) == 0 else {
            throw BenchError(description: "the simulator failed: \(simulator.outputText)")
        }
        let appended = try daemon?.settledCounters("lan").appended ?? 0
        // The last readings are read with the tick behind them.
        try StopFlag.sleep(seconds: 11)
        daemon?.child.stop()
        daemon = nil
        let rules = "\(directory)/replay.yaml"
        let list = (0..<100).map { index in
            let metric = index < 3 ? "temperature" : "metric-\(index)"
            return "  - { alert: R\(index), match: { metric: \(metric) }, above: 900, clear_below: 800, for: 10m }"
        }
        try "rules:\n\(list.joined(separator: "\n"))\n".write(toFile: rules, atomically: true, encoding: .utf8)
        var best = Double.infinity
        for _ in 0..<3 {
            let start = monotonicSeconds()
            let replay = try Child(
                [try binary("forebay"), "rules", "replay", rules, "--data", "\(directory)/data", "-o", "ndjson"],
                output: scratch.newPath("replay")
            )
            guard try replay.waitForExit(timeout: 120) == 0 else {
                throw BenchError(description: "rules replay failed: \(replay.outputText)")
            }
            best = min(best, monotonicSeconds() - start)
        }
        let rate = appended / best
        results.add(
            Result(
                what: "rules replay of \(Figure.count(appended)) readings with 100 rules, from page cache",
                figure: Figure.rate(rate),
                bar: ">= 2000000/s",
                verdict: rate >= 2_000_000 ? .pass : .fail
            )
        )
    }

    /// One datagram after the other, each of a device of its own that fires with it: from its departure to the hook's call.
    /// That holds the reading's own way to the disk, too, which the bar leaves out.
    func measureHook() throws {
        let port = try Scratch.freePort(datagrams: true)
        let receiver = try HookReceiver()
        let daemon = try daemon(
            inputs: "  lan: { type: udp, listen: \"127.0.0.1:\(port)\", format: json }",
            alerting: """
                rules:
                  - { alert: Probe, match: { metric: temperature }, above: 50, severity: critical }
                hooks:
                  receiver: { type: webhook, url: "http://127.0.0.1:\(receiver.port)/" }
                """
        )
        defer { daemon.child.stop() }
        let socket = try LoopbackAddress.connect(SOCK_DGRAM, port: port)
        defer { close(socket) }
        var called: [Double] = []
        for number in 0..<400 {
            let text = "{\"device\":\"probe-\(number)\",\"metric\":\"temperature\",\"value\":80}"
            let bytes = Array(text.utf8)
            let start = monotonicSeconds()
            guard send(socket, bytes, bytes.count, 0) == bytes.count else {
                throw BenchError(description: "cannot send")
            }
            called.append(try receiver.wait(timeout: 10) - start)
        }
        let p99 = Figure.percentile(Array(called.dropFirst(20)), 0.99)
        let p50 = Figure.percentile(Array(called.dropFirst(20)), 0.5)
        results.add(
            Result(
                what: "datagram to its idle hook called: p99 (p50 \(Figure.milliseconds(p50)))",
                figure: Figure.milliseconds(p99),
                bar: "< 20.00 ms",
                verdict: p99 < 0.020 ? .pass : .fail
            )
        )
    }
}
