// UDP: the whole daemon, from datagram to synced log with the rules running, beside a C program that only receives.

/// What one receiver made of one load.
private struct Reception {
    var sent: Double
    var received: Double
    /// Readings per second while the load ran.
    var rate: Double
    var cpuNanoseconds: Double
    var counters: Daemon.Counters?

    var lost: Double { sent - received }
}

/// A load from udp-blast: 76 bytes of JSON per datagram, 1000 devices.
private struct Load {
    var rate: Double
    var count: Int
    var segment: Bool

    var seconds: Double { rate > 0 ? Double(count) / rate : 60 }

    func command(_ program: String, port: UInt16) -> [String] {
        [program, "--port", "\(port)", "--rate", "\(rate)", "--count", "\(count)", "--devices", "1000"]
            + (segment ? ["--segment"] : [])
    }
}

extension Runner {
    private static let inputName = "lan"

    /// How often a load that the machine did not deliver is tried.
    private static let attempts = 3

    /// 200,000 readings per second: CPU per reading against the sink, and nothing lost.
    func measureUDP() throws {
        let load = Load(rate: 200_000, count: Int(200_000 * options.seconds), segment: false)
        var (before, daemon, after) = (
            try sinkReception(load), try daemonReception(load), try sinkReception(load)
        )
        // The sender shares the machine: a load that never reached the rate proves nothing about it.
        func isOffered() -> Bool { min(before.rate, daemon.rate, after.rate) >= 0.98 * load.rate }
        for _ in 1..<Self.attempts where !isOffered() {
            let reached = [before, daemon, after].map { Figure.rate($0.rate) }.joined(separator: ", ")
            print("void, for the sender reached \(reached) only; lost \(Figure.count(daemon.lost)); once more")
            (before, daemon, after) = (try sinkReception(load), try daemonReception(load), try sinkReception(load))
        }
        let reference = (before.cpuNanoseconds + after.cpuNanoseconds) / 2
        let ratio = daemon.cpuNanoseconds / reference
        results.add(
            Result(
                what: "UDP at 200,000/s (sent \(Figure.rate(daemon.rate))): CPU per reading, C sink",
                figure: Figure.nanoseconds(daemon.cpuNanoseconds),
                reference: Figure.nanoseconds(reference),
                ratio: ratio,
                bar: "<= 2.00",
                verdict: ratio > 2 ? .fail : isOffered() ? .pass : .unclear
            )
        )
        results.add(
            Result(
                what: "UDP at 200,000/s: lost of \(Figure.count(daemon.sent)), lost by the C sink",
                figure: Figure.count(daemon.lost),
                reference: Figure.count(before.lost + after.lost),
                bar: "0",
                verdict: daemon.lost != 0 ? .fail : isOffered() ? .pass : .unclear
            )
        )
        addConservation("UDP at 200,000/s", daemon)
    }

    /// As many as the sender can cut with UDP_SEGMENT: no bar on what is dropped, but every drop is counted.
    func measureFlood() throws {
        let load = Load(rate: 0, count: Int(500_000 * options.seconds), segment: true)
        let sink = try sinkReception(load)
        let daemon = try daemonReception(load)
        results.add(
            Result(
                what: "UDP flood (UDP_SEGMENT, sent \(Figure.rate(daemon.rate))): CPU per reading, C sink",
                figure: Figure.nanoseconds(daemon.cpuNanoseconds),
                reference: Figure.nanoseconds(sink.cpuNanoseconds),
                ratio: daemon.cpuNanoseconds / sink.cpuNanoseconds
            )
        )
        results.add(
            Result(
                what: "UDP flood: appended of \(Figure.count(daemon.sent)), received by the C sink",
                figure: Figure.count(daemon.received),
                reference: Figure.count(sink.received),
                ratio: daemon.received / sink.received
            )
        )
        addConservation("UDP flood", daemon)
    }

    /// `received = appended + rejected + dropped`, and all that was sent is in it.
    private func addConservation(_ what: String, _ reception: Reception) {
        guard let counters = reception.counters else { return }
        let isExact = counters.isConserved && counters.received == reception.sent
        results.add(
            Result(
                what: "\(what): received, of sent",
                figure: Figure.count(counters.received),
                reference: Figure.count(reception.sent),
                bar: "equal, = appended + rejected + dropped",
                verdict: isExact ? .pass : .fail
            )
        )
    }

    private func sinkReception(_ load: Load) throws -> Reception {
        let sink = try Child([try scratch.program("udp-sink"), "--idle", "1"], output: scratch.newPath("sink"))
        let port = try StopFlag.wait(for: "the C sink", timeout: 10) { try? sink.lastObject().number("port") }
        let sent = try figures(
            load.command(try scratch.program("udp-blast"), port: UInt16(port)),
            timeout: load.seconds * 3 + 30
        )
        guard try sink.waitForExit(timeout: 30) == 0 else {
            throw BenchError(description: "the C sink received nothing")
        }
        let received = try sink.lastObject()
        return Reception(
            sent: try sent.number("sent"),
            received: try received.number("datagrams"),
            rate: try sent.number("rate"),
            cpuNanoseconds: try received.number("cpu_ns_per_datagram")
        )
    }

    private func daemonReception(_ load: Load) throws -> Reception {
        let port = try Scratch.freePort(datagrams: true)
        let daemon = try daemon(
            inputs: "  \(Self.inputName): { type: udp, listen: \"127.0.0.1:\(port)\", format: json }"
        )
        let blast = try scratch.program("udp-blast")
        // Every device is known before the measurement, as after the first seconds of any installation.
        let warmUp = Load(rate: 20_000, count: 20_000, segment: false)
        _ = try figures(warmUp.command(blast, port: port), timeout: 60)
        let first = try daemon.settledCounters(Self.inputName)
        let cpu = try daemon.child.cpuTime().seconds
        let sent = try figures(load.command(blast, port: port), timeout: load.seconds * 3 + 30)
        _ = try daemon.settledCounters(Self.inputName)
        // The kernel tells its drops with the next datagram that it delivers (SO_RXQ_OVFL), so that one more is needed.
        _ = try figures(Load(rate: 0, count: 1, segment: false).command(blast, port: port), timeout: 10)
        let last = try daemon.settledCounters(Self.inputName)
        let used = try daemon.child.cpuTime().seconds - cpu
        let appended = last.appended - first.appended
        return Reception(
            sent: try sent.number("sent") + 1,
            received: appended,
            rate: try sent.number("rate"),
            cpuNanoseconds: appended > 0 ? used * 1e9 / appended : .infinity,
            counters: Daemon.Counters(
                received: last.received - first.received,
                appended: appended,
                rejected: last.rejected - first.rejected,
                dropped: last.dropped - first.dropped
            )
        )
    }
}
