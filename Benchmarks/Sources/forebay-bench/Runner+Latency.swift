// From a datagram's departure to its durability, at 1,000 per second.
import Foundation

/// One datagram per millisecond from one thread, which also asks for the log's end offset all the time.
///
/// The offset of the n-th datagram is the end offset at the start plus n: one input, one partition, one reading each.
/// It is durable at the latest when an answer shows an end offset beyond it, because nothing is visible before it is
/// synced. So the time from its departure to the arrival of that answer is an upper bound of its latency, too large by
/// at most one round of asking, whose p99 is reported beside it. Nothing in the daemon measures itself here.
struct LatencyProbe {
    let daemon: Daemon
    let socket: Int32
    let count: Int
    private var departures: [Double] = []
    private(set) var latencies: [Double] = []
    private(set) var rounds: [Double] = []

    init(daemon: Daemon, socket: Int32, count: Int) {
        self.daemon = daemon
        self.socket = socket
        self.count = count
    }

    static func endOffset(_ body: String) throws -> Int {
        Int(try MetricsText(body).sum("forebay_log_end_offset", "topic=\"readings\""))
    }

    mutating func run() throws {
        let base = try Self.endOffset(try daemon.connection.get("/metrics").body)
        let start = monotonicSeconds()
        var asked: Double?
        while latencies.count < count {
            guard !StopFlag.isRaised else { throw BenchError.interrupted }
            let now = monotonicSeconds()
            guard now < start + Double(count) / 1000 + 20 else {
                throw BenchError(description: "\(count - latencies.count) of \(count) datagrams did not become durable")
            }
            if departures.count < count, now >= start + Double(departures.count) / 1000 { try sendOne() }
            if asked == nil {
                try daemon.connection.request("/metrics")
                asked = monotonicSeconds()
            }
            // Waits at most until the next datagram is due.
            let next = start + Double(departures.count) / 1000 - monotonicSeconds()
            guard let answer = try daemon.connection.answer(timeout: max(0, min(next, 0.001))) else { continue }
            let arrival = monotonicSeconds()
            if let asked { rounds.append(arrival - asked) }
            asked = nil
            let durable = min(try Self.endOffset(answer.body) - base, departures.count)
            while latencies.count < durable { latencies.append(arrival - departures[latencies.count]) }
        }
    }

    private mutating func sendOne() throws {
        let text = "{\"device\":\"probe\",\"metric\":\"temperature\",\"value\":21.5,\"seq\":\(departures.count + 1)}"
        let bytes = Array(text.utf8)
        departures.append(monotonicSeconds())
        guard send(socket, bytes, bytes.count, 0) == bytes.count else { throw BenchError(description: "cannot send") }
    }
}

extension Runner {
    func measureLatency() throws {
        if diskP99 == nil { _ = try syncFigures() }
        let port = try Scratch.freePort(datagrams: true)
        let daemon = try daemon(inputs: "  lan: { type: udp, listen: \"127.0.0.1:\(port)\", format: json }")
        let socket = try LoopbackAddress.connect(SOCK_DGRAM, port: port)
        defer { close(socket) }
        var warmUp = LatencyProbe(daemon: daemon, socket: socket, count: 500)
        try warmUp.run()
        let before = try daemon.metrics().buckets("forebay_commit_duration_seconds")
        var probe = LatencyProbe(daemon: daemon, socket: socket, count: Int(1000 * options.seconds))
        try probe.run()
        let after = try daemon.metrics().buckets("forebay_commit_duration_seconds")
        let p50 = Figure.percentile(probe.latencies, 0.5)
        let p99 = Figure.percentile(probe.latencies, 0.99)
        let bar = 2 * Daemon.commitInterval + (diskP99 ?? 0)
        results.add(
            Result(
                what: "datagram to durable at 1,000/s: p99 (p50 \(Figure.milliseconds(p50)))",
                figure: Figure.milliseconds(p99),
                reference: "asking: " + Figure.milliseconds(Figure.percentile(probe.rounds, 0.99)),
                bar: "< \(Figure.milliseconds(bar))",
                verdict: p99 < bar ? .pass : .fail
            )
        )
        if let commit = MetricsText.percentile(0.99, from: before, to: after) {
            results.add(
                Result(
                    what: "commits meanwhile: p99 as the daemon counts it",
                    figure: "<= \(Figure.milliseconds(commit))"
                )
            )
        }
    }
}
