// The daemon as systemd and Prometheus see it, and the demo.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Service")
    struct ServiceTests {
        /// A socket as systemd's, which remembers what it is told.
        private final class NotifySocket {
            private let descriptor: Int32
            let path: String
            private(set) var heard: [String] = []

            init(_ path: String) throws {
                self.path = path
                descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
                var address = sockaddr_un()
                address.sun_family = sa_family_t(AF_UNIX)
                withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
                let result = withUnsafePointer(to: &address) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                    }
                }
                guard descriptor >= 0, result == 0 else { throw WorkbenchError(description: "no socket \(path)") }
            }

            deinit {
                close(descriptor)
            }

            func listen() {
                var bytes = [UInt8](repeating: 0, count: 4096)
                while true {
                    let count = recv(descriptor, &bytes, bytes.count, 0)
                    guard count > 0 else { return }
                    heard += String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").map(String.init)
                }
            }
        }

        @Test("systemd is told READY when the box listens, fed while it steps, and told STOPPING")
        func notify() async throws {
            try await Workbench.use { bench in
                let manager = try NotifySocket(bench.path("notify"))
                let box = try Box(bench, configuration: "")
                let daemon = try await box.start(environment: [
                    "NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000",
                ])
                try await eventually("the watchdog is fed twice") {
                    manager.listen()
                    return manager.heard.count { $0 == "WATCHDOG=1" } >= 2
                }
                #expect(manager.heard.count { $0 == "READY=1" } == 1)
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                manager.listen()
                #expect(manager.heard.contains("STOPPING=1"))
            }
        }

        @Test("whoever is told that the box is ready may send: every socket is open")
        func ready() async throws {
            try await Workbench.use { bench in
                let ports = try (0..<64).map { _ in try freePort(SOCK_DGRAM) }
                let inputs = ports.map { "  lan-\($0): { type: udp, listen: \"127.0.0.1:\($0)\", format: json }\n" }
                let box = try Box(bench, configuration: "inputs:\n" + inputs.joined())
                for round in 0..<10 {
                    let manager = try NotifySocket(bench.path("notify-\(round)"))
                    let daemon = try await box.start(environment: ["NOTIFY_SOCKET": manager.path], ready: false)
                    let deadline = Date().addingTimeInterval(30)
                    while !manager.heard.contains("READY=1"), Date() < deadline { manager.listen() }
                    for port in ports.reversed() {
                        try DatagramSocket(port: port).send(#"{"device":"a","temperature":21.5}"#)
                    }
                    try await eventually("all is stored") {
                        try await box.metric("forebay_input_appended_total") == Double(ports.count)
                    }
                    daemon.kill(SIGTERM)
                    #expect(try await daemon.exitCode() == 0)
                }
            }
        }

        @Test("promtool finds nothing to say about the metrics, before and after traffic")
        func metrics() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: """
                        inputs: { lan: { type: udp, listen: "127.0.0.1:\(port)", format: json } }
                        rules: [{ alert: TooWarm, match: { metric: temperature }, above: 5 }]
                        hooks: { siren: { type: exec, command: ["/bin/true"] } }
                        """
                )
                _ = try await box.start()
                func check(_ path: String) async throws {
                    let text = try await box.get(path)
                    let run = try Command.run("/usr/bin/promtool", ["check", "metrics"], input: Data(text.utf8))
                    #expect(run.status == 0, "\(path): \(run.error)")
                    #expect(run.error.isEmpty && run.output.isEmpty, "\(path): \(run.error)\(run.output)")
                }
                try await check("/metrics")
                let socket = try DatagramSocket(port: port)
                try socket.send(#"{"device":"a \"quoted\"\n","temperature":8,"unit":"°C"}"#)
                try socket.send(#"{"device":"b","temperature":9,"unit":"°C"}"#)
                try socket.send("{")
                try await eventually("an alert fires") { try await box.metric("forebay_alerts", "firing") >= 1 }
                try await check("/metrics")
                try await check("/metrics/readings")
                let readings = try await box.get("/metrics/readings")
                #expect(readings.contains(#"forebay_reading{device="b",metric="temperature",unit="°C"} 9"#))
            }
        }

        @Test("readyz waits for a required input, and says what is missing")
        func readiness() async throws {
            try await Workbench.use { bench in
                let broker = try Broker(bench)
                let box = try Box(
                    bench,
                    configuration: """
                        inputs:
                          plant:
                            type: mqtt
                            url: mqtt://127.0.0.1:\(broker.port)
                            subscribe: ["plant/#"]
                            device: plant
                            required: true
                        """
                )
                let daemon = try await box.start(ready: false)
                try await eventually("it lives") { (try? await box.get("/healthz")) != nil }
                // Inputs have a second to begin.
                try await eventually("it says what is missing") {
                    let answer = try #require(try HTTP.get(box.http, "/readyz"))
                    try #require(answer.status == 503)
                    return answer.body.contains("plant")
                }
                _ = try await broker.start()
                try await eventually("it is ready") { (try? await box.get("/readyz")) != nil }
                #expect(daemon.isRunning)
            }
        }

        @Test("the demo shows an alert that fires, is delivered and resolves, and leaves nothing behind")
        func demo() async throws {
            try await Workbench.use { bench in
                let before = try demoDirectories()
                let run = try Command.run("forebay", ["demo", "--for", "45s"])
                #expect(run.status == 0, "\(run.output)\(run.error)")
                for words in ["FIRING", "RESOLVED", "fired and resolved", "freezer-7"] {
                    #expect(run.output.contains(words), "\(words): \(run.output)")
                }
                #expect(try demoDirectories() == before)
            }
        }

        @Test("Ctrl-C ends the demo cleanly")
        func demoInterrupted() async throws {
            try await Workbench.use { bench in
                let before = try demoDirectories()
                let demo = try bench.start(
                    "demo",
                    Workbench.binaries.appendingPathComponent("forebay").path,
                    ["demo"]
                )
                try await eventually("it runs") { demo.output.contains("payloads received") }
                demo.kill(SIGINT)
                #expect(try await demo.exitCode() == 0)
                #expect(try demoDirectories() == before)
            }
        }

        @Test("the demo ends, and leaves nothing behind, when its reader has gone")
        func demoWithoutReader() async throws {
            let before = try demoDirectories()
            let forebay = Workbench.binaries.appendingPathComponent("forebay").path
            let run = try Command.run("/bin/sh", ["-c", "\(forebay) demo --for 30s | head -n 2"])
            #expect(run.output.split(separator: "\n").count == 2)
            try await eventually("its directory is gone") { try demoDirectories() == before }
        }

        @Test("an HTTP port that is taken ends the start with 73, and says which")
        func portTaken() async throws {
            try await Workbench.use { bench in
                let box = try Box(bench, configuration: "")
                _ = try await box.start()
                let listen = "listen: { http: \"127.0.0.1:\(box.http)\" }"
                try bench.write("second.yaml", "data: \(bench.path("second"))\nclock: trust\n\(listen)\n")
                let run = try Command.run("forebay", ["run", "--config", bench.path("second.yaml")])
                #expect(run.status == 73)
                #expect(run.error.contains("\(box.http)"), "\(run.error)")
            }
        }

        @Test("a stop ends those who follow, in order")
        func stopWithFollower() async throws {
            try await Workbench.use { bench in
                let box = try Box(bench, configuration: "")
                let daemon = try await box.start()
                let follower = try bench.start(
                    "follower",
                    Workbench.binaries.appendingPathComponent("forebay").path,
                    ["tail", "system", "--from", "earliest", "--follow", "-o", "ndjson", "--data", box.data]
                )
                try await eventually("it follows") { follower.output.contains(#""type":"start""#) }
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                #expect(try await follower.exitCode() == 0)
                #expect(!daemon.output.contains("error"), "\(daemon.output)")
            }
        }

        private func demoDirectories() throws -> Set<String> {
            Set(try FileManager.default.contentsOfDirectory(atPath: "/tmp").filter { $0.hasPrefix("forebay-demo-") })
        }
    }
}
