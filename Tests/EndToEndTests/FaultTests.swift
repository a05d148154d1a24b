// What is missing, taken, broken or hostile around the daemon: a clear message or a visible state, and nothing lost.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Faults around the daemon")
    struct FaultTests {
        /// The daemon is expected to end at once: its exit code and what it said.
        private func failedStart(_ box: Box) async throws -> (status: Int32, output: String) {
            let daemon = try await box.start(ready: false)
            let status = try await daemon.exitCode()
            return (status, daemon.output)
        }

        private func inputStatus(_ box: Box, _ name: String) async throws -> [String: Any] {
            let status = try JSONSerialization.jsonObject(with: Data(try await box.get("/api/v1/status").utf8))
            let inputs = (status as? [String: Any])?["inputs"] as? [[String: Any]]
            return try #require(inputs?.first { $0["name"] as? String == name })
        }

        @Test("a broker that dies and returns costs nothing that was acknowledged")
        func brokerReturns() async throws {
            try await Workbench.use { bench in
                let broker = try Broker(bench)
                var running = try await broker.start()
                let box = try Box(
                    bench,
                    configuration: """
                        inputs:
                          plant: { type: mqtt, url: "mqtt://127.0.0.1:\(broker.port)", subscribe: ["plant/{device}"] }
                        """
                )
                _ = try await box.start()
                try await eventually("the input is up") { try await box.metric("forebay_input_up") == 1 }
                func publish(_ count: Int, seed: Int) throws {
                    let report = try bench.simulated([
                        "mqtt", "--port", "\(broker.port)", "--topic", "plant/{device}", "--rate", "0", "--count",
                        "\(count)", "--seed", "\(seed)",
                    ])
                    #expect(report.count("acknowledged") == count)
                }
                try publish(1000, seed: 1)
                try await eventually("all is stored") {
                    try await box.metric("forebay_input_appended_total") == 1000
                }
                // Ended in order, the broker keeps its sessions; the daemon sees the connection go.
                running.kill(SIGTERM)
                _ = try await running.exitCode()
                try await eventually("the input is down") { try await box.metric("forebay_input_up") == 0 }
                #expect(try await inputStatus(box, "plant")["connected"] as? Bool == false)
                running = try await broker.start()
                try await eventually("the input is up again") { try await box.metric("forebay_input_up") == 1 }
                try publish(1000, seed: 2)
                try await eventually("the rest is stored") {
                    try await box.metric("forebay_input_appended_total") >= 2000
                }
            }
        }

        @Test(
            "a broker that ends the connection with a reason is left, named and tried again",
            arguments: [0x8B, 0x8E]
        )
        func brokerDisconnects(reason: Int) async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_STREAM)
                let script = Workbench.script("ending_broker.py")
                let broker = try bench.start("broker", Workbench.python, [script, "\(port)", "\(reason)"])
                let box = try Box(
                    bench,
                    configuration: """
                        inputs:
                          plant: { type: mqtt, url: "mqtt://127.0.0.1:\(port)", subscribe: ["plant/{device}"] }
                        """
                )
                let daemon = try await box.start()
                let words = reason == 0x8B ? "shutting down" : "taken over"
                try await eventually("the reason is shown") {
                    (try await inputStatus(box, "plant")["detail"] as? String)?.contains(words) == true
                }
                try await eventually("it connects again") { broker.output.split(separator: "\n").count >= 2 }
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
            }
        }

        @Test("a port that is taken is a visible state, and the input comes up when it is free")
        func portTaken() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let configuration = "inputs: { lan: { type: udp, listen: \"127.0.0.1:\(port)\", format: json } }\n"
                let other = try Workbench()
                defer { other.close() }
                let first = try await Box(other, configuration: configuration).start()
                let box = try Box(bench, configuration: configuration)
                _ = try await box.start()
                let state = try await inputStatus(box, "lan")
                #expect(state["connected"] as? Bool == false)
                let detail = try #require(state["detail"] as? String)
                #expect(detail.contains("in use"), "\(detail)")
                first.kill(SIGTERM)
                _ = try await first.exitCode()
                try await eventually("the input listens") { try await box.metric("forebay_input_up") == 1 }
                try DatagramSocket(port: port).send(#"{"device":"a","temperature":1}"#)
                try await eventually("it takes in") { try await box.metric("forebay_input_appended_total") == 1 }
            }
        }

        @Test("a serial port that is absent at start, unplugged and plugged again is served without a restart")
        func serialPortComesAndGoes() async throws {
            try await Workbench.use { bench in
                let box = try Box(
                    bench,
                    configuration: """
                        inputs:
                          mast: { type: serial, port: "\(bench.path("mast"))", format: nmea, device: mast }
                        """
                )
                _ = try await box.start()
                #expect(try await inputStatus(box, "mast")["connected"] as? Bool == false)
                let report = try bench.simulated([
                    "serial", "--pty", bench.path("mast"), "--rate", "200", "--count", "300", "--replug-every", "100",
                    "--unplugged-for", "300",
                ])
                #expect(report.count("replugged") == 2)
                try await eventually("all lines are stored") {
                    try await Int(box.metric("forebay_input_appended_total")) == report.count("payloads")
                }
            }
        }

        @Test("a second daemon on the same data is refused, with the first one's process id")
        func secondDaemon() async throws {
            try await Workbench.use { bench in
                let box = try Box(bench, configuration: "")
                let first = try await box.start()
                let run = try Command.run("forebay", ["run", "--config", bench.path("forebay.yaml")])
                #expect(run.status == 73)
                #expect(run.error.contains("\(first.identifier)"), "\(run.error)")
                #expect(first.isRunning)
            }
        }

        @Test("a data directory that cannot be made says where and why")
        func unwritableDirectory() async throws {
            try await Workbench.use { bench in
                try bench.write("file", "not a directory")
                try bench.write(
                    "forebay.yaml",
                    "data: \(bench.path("file"))/data\nlisten: { http: none, kafka: none }\n"
                )
                let run = try Command.run("forebay", ["run", "--config", bench.path("forebay.yaml")])
                #expect(run.status == 73)
                #expect(run.error.contains(bench.path("file")), "\(run.error)")
            }
        }

        @Test("a registry that is not SQLite is kept aside, and the box runs on with a new one")
        func damagedRegistry() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: "inputs: { lan: { type: udp, listen: \"127.0.0.1:\(port)\", format: json } }\n"
                )
                let directory = URL(fileURLWithPath: box.data)
                try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
                let rubbish = Data("this is no database, and longer than a page of one would have to be".utf8)
                try rubbish.write(to: directory.appendingPathComponent("registry.sqlite"))
                let daemon = try await box.start()
                try DatagramSocket(port: port).send(#"{"device":"a","temperature":1}"#)
                try await eventually("it takes in") { try await box.metric("forebay_input_appended_total") == 1 }
                let names = try FileManager.default.contentsOfDirectory(atPath: box.data)
                let kept = try #require(names.first { $0.hasPrefix("registry.sqlite.damaged-") })
                #expect(try Data(contentsOf: directory.appendingPathComponent(kept)) == rubbish)
                #expect(daemon.output.contains("damaged"), "\(daemon.output)")
            }
        }

        @Test("ten mistakes in a configuration, and what this machine lacks, are told at once, each with its place")
        func tenMistakes() async throws {
            try await Workbench.use { bench in
                try bench.write("file", "not a directory")
                try bench.write(
                    "forebay.yaml",
                    """
                    nmae: edge
                    clock: maybe
                    listen: { http: nowhere, kafka: none }
                    data: \(bench.path("file"))
                    log: { commit_interval: soon, segment_bytes: 64 parsecs }
                    inputs:
                      plant: { type: mqtt, subscribe: ["plant/{device"] }
                      lan: { type: upd, listen: "127.0.0.1:8094" }
                      probes: { type: serial }
                    rules:
                      - alert: TooWarm
                        match: { metric: temperature }
                        abvoe: 5
                    hooks:
                      pager: { type: webhook, url: "gopher://x" }

                    """
                )
                let run = try Command.run("forebay", ["check", "--config", bench.path("forebay.yaml")])
                #expect(run.status == 78)
                let lines = run.output.split(separator: "\n").filter { $0.contains("forebay.yaml:") }
                #expect(lines.count >= 11, "\(run.output)")
                for line in [1, 2, 3, 4, 5, 7, 8, 9, 13, 15] {
                    #expect(lines.contains { $0.contains("forebay.yaml:\(line):") }, "line \(line): \(run.output)")
                }
                #expect(run.output.contains("name"), "the nearest key is named")
                #expect(run.output.contains("above"), "the nearest key is named")
                #expect(run.output.contains("is not a directory"), "what the machine lacks")
                let offline = try Command.run(
                    "forebay",
                    ["check", "--offline", "--config", bench.path("forebay.yaml")]
                )
                #expect(offline.status == 78)
                #expect(!offline.output.contains("is not a directory"))
                let start = try Command.run("forebay", ["run", "--config", bench.path("forebay.yaml")])
                #expect(start.status == 78)
            }
        }

        @Test("garbage, floods of devices and huge datagrams disturb nobody else")
        func hostileDatagrams() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: """
                        devices: { max_automatic: 50 }
                        inputs:
                          lan: { type: udp, listen: "127.0.0.1:\(port)", payload_bytes_max: 8KiB }
                        """
                )
                let daemon = try await box.start()
                let socket = try DatagramSocket(port: port)
                var random = TestRandom()
                print("seed \(random.seed)")
                var sent = 0.0
                func settle() async throws {
                    try await eventually("all is accounted for") {
                        try await box.metric("forebay_input_received_total") == sent
                    }
                }
                for number in 0..<200 {
                    try socket.send(#"{"device":"forged-\#(number)","temperature":1}"#)
                    try socket.send(
                        (0..<Int.random(in: 1...600, using: &random)).map { _ in
                            UInt8.random(in: 0...255, using: &random)
                        }
                    )
                    sent += 2
                    if number % 50 == 49 { try await settle() }
                }
                try socket.send([UInt8](repeating: 0x5B, count: 60_000))
                try socket.send(#"{"device":"forged-1","temperature":1,"pressure":}"#)
                try socket.send(String(repeating: #"{"a":"#, count: 1000))
                sent += 3
                try await settle()
                let reasons = try box.records("rejected").compactMap {
                    ($0["headers"] as? [String: Any])?["reason"] as? String
                }
                #expect(reasons.filter { $0 == "too_many_devices" }.count == 150)
                #expect(reasons.contains("too_large"))
                try socket.send(#"{"device":"forged-1","temperature":2}"#)
                sent += 1
                try await settle()
                try await eventually("what came in adds up") {
                    let appended = try await box.metric("forebay_input_appended_total")
                    let rejected = try await box.metric("forebay_input_rejected_total")
                    return sent == appended + rejected && rejected == Double(reasons.count)
                }
                try await eventually("the registry is at its limit") { try await box.metric("forebay_devices") == 50 }
                #expect(daemon.isRunning)
            }
        }
    }
}
