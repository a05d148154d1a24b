// `forebay demo`: a broker, the daemon, simulated devices, a failing freezer and its webhook, for a minute.
internal import Foundation
internal import UnixSignals

/// What can keep the demo from running.
package struct DemoError: Error, CustomStringConvertible {
    package var description: String
}

/// Everything at once in a fresh directory under `/tmp`, ended and removed by itself.
package struct Demo: Sendable {
    private let files: DemoFiles
    private let duration: Duration
    private let daemon: String
    private let simulator: String
    private let broker: String
    private let screen: DemoScreen

    /// - `portBase`: the first of four ports; nil: free ones.
    /// - `keep`: a directory that is used and left behind; nil: a fresh one, removed at the end.
    /// - `write`: takes each line of what the demo says; false, where nobody reads it any more, ends the demo.
    package init(
        portBase: UInt16?,
        duration: Duration,
        keep: String?,
        write: @escaping @Sendable (String) -> Bool
    ) throws {
        self.duration = duration
        screen = DemoScreen(write: write)
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        daemon = own
        let beside = URL(fileURLWithPath: own).deletingLastPathComponent().path
        guard let simulator = ProgramLookup.path(of: "forebay-sim", in: [beside]) else {
            throw DemoError(description: "forebay-sim is not beside \(own) nor in PATH; build it with `make build`")
        }
        self.simulator = simulator
        guard let broker = ProgramLookup.path(of: "mosquitto") else {
            throw DemoError(description: "the demo needs a broker of its own: apt-get install mosquitto")
        }
        self.broker = broker
        files = try DemoFiles(keep: keep, ports: DemoPorts(base: portBase))
    }

    /// Runs until the time is over, nobody reads any more, or SIGINT, SIGTERM or SIGHUP comes.
    ///
    /// - Returns: whether the alert fired, was delivered and resolved, where the time sufficed for it; true where it was
    ///   ended sooner.
    package func run() async throws -> Bool {
        defer { files.remove() }
        // Before the first child starts: what ends the demo must end its children.
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        signal(SIGPIPE, SIG_IGN)
        introduce()
        var services: [ChildProcess] = []
        var simulators: [ChildProcess] = []
        do {
            services.append(try start("mosquitto", broker, ["-c", files.path("mosquitto.conf").path]))
            services.append(try start("forebay", daemon, ["run", "--config", files.path("forebay.yaml").path]))
            for simulation in simulations {
                simulators.append(try start(simulation.name, simulator, simulation.arguments))
            }
            let verdict = try await watch(services, simulators, signals)
            await Demo.stop(services)
            return verdict
        } catch {
            await Demo.stop(services + simulators)
            throw error
        }
    }

    /// Ends the last first.
    private static func stop(_ children: [ChildProcess]) async {
        for child in children.reversed() { await child.stop() }
    }

    private func introduce() {
        let ports = files.ports
        let seconds = duration.components.seconds
        let data = files.path("data").path
        screen.plain("Forebay demo: everything on this machine, for \(seconds) s; Ctrl-C ends it sooner.")
        screen.plain("  directory  \(files.directory.path)\(files.isKept ? "" : "  (removed at the end)")")
        screen.plain("  broker     mosquitto on 127.0.0.1:\(ports.broker)")
        screen.plain(
            "  daemon     forebay: MQTT, UDP 127.0.0.1:\(ports.udp), a serial line; HTTP 127.0.0.1:\(ports.http), "
                + "Kafka 127.0.0.1:\(ports.kafka)"
        )
        screen.plain("  devices    20 over MQTT (JSON), 30 over UDP (line protocol), a mast on a serial line (NMEA)")
        screen.plain("  rule       FreezerTooWarm: temperature of freezer-* above -15 °C for 3 s; clears below -17 °C")
        screen.plain("  hook       a webhook on 127.0.0.1:\(ports.webhook)")
        screen.plain("  try        \(program) tail --follow --data \(data)")
        screen.plain("             \(program) status --data \(data)")
        screen.plain("             curl http://127.0.0.1:\(ports.http)/metrics")
        screen.plain("             kcat -b 127.0.0.1:\(ports.kafka) -C -t readings -o end")
        screen.plain("")
    }

    /// Forebay as it was called: what people type next.
    private var program: String { CommandLine.arguments.first ?? daemon }

    private func start(_ name: String, _ executable: String, _ arguments: [String]) throws -> ChildProcess {
        try ChildProcess(name, executable: executable, arguments: arguments, log: files.path("\(name).log"))
    }

    private var simulations: [(name: String, arguments: [String])] {
        let ports = files.ports
        return [
            (
                "sim-mqtt",
                [
                    "mqtt", "--port", "\(ports.broker)", "--topic", "plant/{line}/{device}", "--devices", "20",
                    "--rate", "100", "--seed", "7", "--scenario", "freezer-failure",
                    "--failure-after", "8", "--failure-for", "12",
                ]
            ),
            (
                "sim-udp",
                [
                    "udp", "--host", "127.0.0.1", "--port", "\(ports.udp)", "--format", "line_protocol",
                    "--devices", "30", "--rate", "300", "--seed", "8",
                ]
            ),
            (
                "sim-serial",
                ["serial", "--pty", files.path("mast").path, "--devices", "3", "--rate", "10", "--seed", "9"]
            ),
        ]
    }

    // MARK: Watching

    private enum End: Sendable {
        case timeOver, stopped
        case failed(String)
    }

    private func watch(
        _ services: [ChildProcess],
        _ simulators: [ChildProcess],
        _ signals: UnixSignalsSequence
    ) async throws -> Bool {
        let alerts = DemoAlerts()
        let receiver = DemoReceiver { [screen] call in
            screen.say("WEBHOOK called: \(call.status)  \(call.summary)")
        }
        let client = ControlClient(socketPath: files.path("data/control.sock").path)
        let end = await withTaskGroup(of: End?.self) { group in
            group.addTask {
                for await _ in signals { return .stopped }
                return nil
            }
            group.addTask {
                await screen.waitUntilClosed()
                return .stopped
            }
            group.addTask {
                try? await Task.sleep(for: duration)
                return Task.isCancelled ? nil : .timeOver
            }
            group.addTask {
                do { try await receiver.run(port: Int(files.ports.webhook)) } catch { return .failed("\(error)") }
                return nil
            }
            group.addTask { await watchChildren(services + simulators) }
            group.addTask { await follow("readings", client) { screen.note(event: $0) } }
            group.addTask {
                await follow("alerts", client) { line in
                    if let said = alerts.note(line) { screen.say(said) }
                }
            }
            group.addTask { await showCounters(client) }
            var end: End?
            while end == nil, let result = await group.next() { end = result }
            group.cancelAll()
            return end ?? .timeOver
        }
        await Demo.stop(simulators)
        await conclude(client, alerts: alerts, receiver: receiver)
        await client.shutdown()
        switch end {
        case .stopped: return true
        case .failed(let reason): throw DemoError(description: reason)
        case .timeOver:
            let sufficed = duration >= .seconds(40)
            return !sufficed || (alerts.hasFired && alerts.hasResolved && receiver.calls.count >= 2)
        }
    }

    private func watchChildren(_ children: [ChildProcess]) async -> End? {
        while !Task.isCancelled {
            if let ended = children.first(where: { !$0.isRunning }) {
                let log = (try? String(contentsOf: files.path("\(ended.name).log"), encoding: .utf8)) ?? ""
                return .failed("\(ended.name) ended too early:\n\(log.suffix(2000))")
            }
            try? await Task.sleep(for: .milliseconds(200))
        }
        return nil
    }

    /// Hands each new record of a topic to `body`, from when the daemon answers until the task is cancelled.
    private func follow(
        _ topic: String,
        _ client: ControlClient,
        _ body: @escaping @Sendable (Data) -> Void
    ) async -> End? {
        while !Task.isCancelled {
            try? await client.lines("/api/v1/topics/\(topic)/records?from=latest&follow=true") { line in
                body(line)
                return !Task.isCancelled
            }
            try? await Task.sleep(for: .milliseconds(100))
        }
        return nil
    }

    private func showCounters(_ client: ControlClient) async -> End? {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(5))
            guard !Task.isCancelled, let counts = await DemoCounts.read(client) else { continue }
            screen.say(counts.text)
            for reading in screen.newestReadings() { screen.plain("         \(reading.input): \(reading.text)") }
        }
        return nil
    }

    /// The counters once nothing is on its way any more; as they are after a few seconds otherwise.
    private func settledCounts(_ client: ControlClient) async -> DemoCounts? {
        var counts: DemoCounts?
        for _ in 0..<50 {
            counts = await DemoCounts.read(client)
            if counts?.isSettled ?? true { return counts }
            try? await Task.sleep(for: .milliseconds(100))
        }
        return counts
    }

    private func conclude(_ client: ControlClient, alerts: DemoAlerts, receiver: DemoReceiver) async {
        screen.plain("")
        if let counts = await settledCounts(client) { screen.say("in the log: \(counts.text)") }
        let alertWords = alerts.hasFired ? (alerts.hasResolved ? "fired and resolved" : "fired") : "has not fired yet"
        screen.say("alert FreezerTooWarm \(alertWords); the webhook was called \(receiver.calls.count) times")
        guard files.isKept else { return }
        let data = files.path("data").path
        screen.plain("try:  \(program) tail --data \(data) --from earliest --max 5")
        screen.plain("      \(program) alerts history --data \(data)")
        screen.plain("      \(program) log verify --data \(data)")
    }
}
