// Resident memory and CPU: idle, and with a small site's load over all three inputs.
import Foundation

extension Runner {
    private static let loadedBarMebibytes = 80

    func measureMemory() throws {
        let port = try Scratch.freePort(datagrams: true)
        let broker = try Broker(scratch: scratch)
        let link = scratch.newPath("tty")
        let simulator = try binary("forebay-sim")
        // The serial instruments come later: a port that is absent at the start is a state, not a failure.
        let daemon = try daemon(
            inputs: """
                  plant: { type: mqtt, url: "mqtt://127.0.0.1:\(broker.port)", subscribe: ["forebay/sim/{device}"] }
                  lan: { type: udp, listen: "127.0.0.1:\(port)", format: json }
                  probes: { type: serial, port: "\(link)", framing: line, format: nmea, device: mast }
                """
        )
        try StopFlag.sleep(seconds: 2)
        let cpu = try daemon.child.cpuTime().seconds
        let start = monotonicSeconds()
        try StopFlag.sleep(seconds: options.seconds)
        let idle = (try daemon.child.cpuTime().seconds - cpu) / (monotonicSeconds() - start) * 100
        let idleBytes = try daemon.child.residentBytes()
        results.add(
            Result(
                what: "idle: CPU of one core over \(Int(options.seconds)) s",
                figure: String(format: "%.2f %%", idle),
                bar: "< 1 %",
                verdict: idle < 1 ? .pass : .fail
            )
        )
        results.add(Result(what: "idle: resident memory", figure: Figure.mebibytes(idleBytes)))

        let fleets = [
            try Child([simulator, "mqtt", "--port", "\(broker.port)", "--rate", "100", "--devices", "50"]),
            try Child([simulator, "udp", "--port", "\(port)", "--rate", "100", "--devices", "50", "--seed", "2"]),
            try Child([simulator, "serial", "--pty", link, "--rate", "10", "--devices", "4"]),
        ]
        var most = 0
        let end = monotonicSeconds() + options.seconds
        while monotonicSeconds() < end {
            try StopFlag.sleep(seconds: 0.25)
            most = max(most, try daemon.child.residentBytes())
        }
        fleets.forEach { $0.stop() }
        for input in ["plant", "lan", "probes"] where try daemon.counters(input).appended == 0 {
            throw BenchError(description: "nothing was appended from input \(input)")
        }
        results.add(
            Result(
                what: "210 readings/s over MQTT, UDP and serial: resident memory, at most",
                figure: Figure.mebibytes(most),
                bar: "< \(Self.loadedBarMebibytes) MiB",
                verdict: most < Self.loadedBarMebibytes << 20 ? .pass : .fail
            )
        )
    }
}
