// The command line as people and scripts use it, against a running daemon and against its files.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Commands")
    struct CommandTests {
        private func configuration(_ port: UInt16) -> String {
            """
            inputs:
              lan: { type: udp, listen: "127.0.0.1:\(port)", format: json }
            rules:
              - alert: FreezerTooWarm
                match: { metric: temperature, device: "freezer-*" }
                above: -15
                severity: critical
            """
        }

        /// A daemon that has stored ten readings of `a`, one of `freezer-7` that fires, and one reject.
        private func prepared(_ bench: Workbench) async throws -> (box: Box, daemon: Child, port: UInt16) {
            let port = try freePort(SOCK_DGRAM)
            let box = try Box(bench, configuration: configuration(port))
            let daemon = try await box.start()
            let socket = try DatagramSocket(port: port)
            for number in 1...10 {
                try socket.send(#"{"device":"a","temperature":\#(number),"humidity":50,"seq":\#(number)}"#)
            }
            try socket.send(#"{"device":"freezer-7","temperature":-11.5,"unit":"C"}"#)
            try socket.send("{")
            try await eventually("all is stored") {
                let appended = try await box.metric("forebay_input_appended_total")
                let rejected = try await box.metric("forebay_input_rejected_total")
                let firing = try await box.metric("forebay_alerts", "firing")
                return appended == 11 && rejected == 1 && firing == 1
            }
            return (box, daemon, port)
        }

        private func objects(_ text: String) throws -> [[String: Any]] {
            try text.split(separator: "\n").map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
        }

        @Test("a replay finds what the daemon found, beside it and after it, and calls no hook")
        func replay() async throws {
            try await Workbench.use { bench in
                let (box, daemon, _) = try await prepared(bench)
                let alert = try #require(try box.records("alerts").first?["value"] as? [String: Any])
                let rule = "- { alert: FreezerTooWarm, match: { metric: temperature }, above: -15 }\n"
                try bench.write("rules.yaml", rule)
                func firings() throws -> [[String: Any]] {
                    let arguments = ["rules", "replay", bench.path("rules.yaml"), "--data", box.data, "-o", "ndjson"]
                    let run = try Command.run("forebay", arguments)
                    #expect(run.status == 0, "\(run.error)")
                    return try run.output.split(separator: "\n").map { line in
                        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                    }
                }
                for _ in 0..<2 {
                    // Device `a` is too warm for this rule, too.
                    let found = try firings()
                    #expect(found.compactMap { $0["device"] as? String } == ["a", "freezer-7"])
                    let freezer = try #require(found.last)
                    for key in ["alert", "device", "metric", "fired_at", "breached_at"] {
                        #expect(freezer[key] as? String == alert[key] as? String, "\(key)")
                    }
                    #expect(freezer["peak"] as? Double == -11.5 && freezer["resolved_at"] is NSNull)
                    daemon.kill(SIGTERM)
                    #expect(try await daemon.exitCode() == 0)
                }
            }
        }

        @Test("tail filters by device, metric, offset and count, and says the same of a live box and of its files")
        func tail() async throws {
            try await Workbench.use { bench in
                let (box, daemon, _) = try await prepared(bench)
                func look() throws {
                    func tail(_ arguments: String...) throws -> [[String: Any]] {
                        try objects(box.command(["tail"] + arguments + ["-o", "ndjson", "--data", box.data]))
                    }
                    #expect(try tail().count == 10)
                    #expect(try tail("--from", "earliest").count == 11)
                    #expect(
                        try tail("--from", "earliest", "--max", "3").compactMap { $0["offset"] as? Int } == [0, 1, 2]
                    )
                    #expect(try tail("--from", "4", "--to", "6").compactMap { $0["offset"] as? Int } == [4, 5])
                    #expect(try tail("--from", "earliest", "--device", "freezer-*").count == 1)
                    #expect(try tail("--from", "earliest", "--metric", "humidity").count == 10)
                    #expect(try tail("--from", "latest").isEmpty)
                    #expect(try tail("--from", "2000-01-01T00:00:00Z").count == 11)
                    let record = try #require(try tail("--from", "earliest").first)
                    #expect(
                        Set(record.keys) == ["topic", "partition", "offset", "timestamp", "key", "headers", "value"]
                    )
                    #expect(record["key"] as? String == "a")
                    let reject = try #require(try tail("rejected").first)
                    #expect(reject["value"] as? String == "{")
                }
                try look()
                let csv = try box.command(["tail", "--device", "a", "-o", "csv", "--data", box.data])
                let rows = csv.split(separator: "\n")
                #expect(rows.count > 10, "\(csv)")
                #expect(rows[0].contains("device") && rows[0].contains("value"), "\(rows[0])")
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                try look()
            }
        }

        @Test("tail --follow shows what is appended while it looks")
        func tailFollow() async throws {
            try await Workbench.use { bench in
                let (box, _, port) = try await prepared(bench)
                let follower = try bench.start(
                    "follower",
                    Workbench.binaries.appendingPathComponent("forebay").path,
                    ["tail", "--from", "latest", "--follow", "-o", "ndjson", "--data", box.data]
                )
                let socket = try DatagramSocket(port: port)
                try await eventually("the new reading is shown") {
                    try socket.send(#"{"device":"new-one","temperature":1}"#)
                    try await Task.sleep(for: .milliseconds(50))
                    return follower.output.contains("new-one")
                }
                #expect(!follower.output.contains(#""key":"a""#))
            }
        }

        @Test("topics, log, alerts, devices and status answer in the contract's keys")
        func readers() async throws {
            try await Workbench.use { bench in
                let (box, daemon, _) = try await prepared(bench)
                func command(_ arguments: String...) throws -> String {
                    try box.command(arguments + ["--data", box.data])
                }
                let topics = try objects(command("topics", "list"))
                #expect(
                    Set(topics.compactMap { $0["topic"] as? String }).isSuperset(of: [
                        "readings", "alerts", "rejected", "system",
                    ])
                )
                #expect(try command("topics", "describe", "readings").contains("400d"))
                let verdict = try #require(try objects(command("log", "verify")).first)
                let partitions = try #require(verdict["partitions"] as? [[String: Any]])
                let readings = try #require(partitions.first { $0["topic"] as? String == "readings" })
                #expect(
                    Set(readings.keys).isSuperset(of: [
                        "topic", "partition", "logStartOffset", "logEndOffset", "segments", "bytes", "records",
                    ])
                )
                #expect(readings["records"] as? Int == 11)
                let firing = try objects(command("alerts", "list"))
                #expect(firing.compactMap { $0["fingerprint"] as? String } == ["a27ac6f6a394764f"])
                #expect(try objects(command("alerts", "history")).count == 1)
                #expect(try command("alerts", "show", "a27a").contains("FreezerTooWarm"))
                #expect(try Command.run("forebay", ["alerts", "show", "ffff", "--data", box.data]).status == 66)
                let status = try #require(try objects(command("status")).first)
                #expect(status["pid"] as? Int == Int(daemon.identifier))
                #expect(try Command.run("forebay", ["status", "--exit-code", "--data", box.data]).status == 2)
                try await eventually("the registry knows both devices") {
                    try objects(command("devices", "list")).count == 2
                }
                let segment = box.data + "/log/readings-0/00000000000000000000.log"
                let dump = try box.command(["log", "dump", segment])
                #expect(dump.contains("freezer-7"))
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                #expect(try objects(command("alerts", "list")).count == 1)
                #expect(try Command.run("forebay", ["status", "--data", box.data]).status == 69)
            }
        }

        @Test("devices set changes what later events carry, live and with the daemon stopped")
        func devicesSet() async throws {
            try await Workbench.use { bench in
                let (box, daemon, port) = try await prepared(bench)
                try await eventually("the registry knows the device") {
                    try Command.run("forebay", ["devices", "show", "a", "--data", box.data]).status == 0
                }
                _ = try box.command([
                    "devices", "set", "a", "--name", "Boiler room", "--label", "line=b", "--metric", "temperature",
                    "--unit",
                    "°C", "--scale", "0.1", "--offset", "-40", "--data", box.data,
                ])
                let socket = try DatagramSocket(port: port)
                var event: [String: Any] = [:]
                try await eventually("an event carries the change") {
                    try socket.send(#"{"device":"a","temperature":450}"#)
                    try await Task.sleep(for: .milliseconds(50))
                    event = try #require(box.records("readings").last?["value"] as? [String: Any])
                    return event["calibration"] != nil
                }
                #expect((event["readings"] as? [String: Double])?["temperature"] == 5)
                #expect((event["raw"] as? [String: Double])?["temperature"] == 450)
                #expect((event["units"] as? [String: String])?["temperature"] == "°C")
                #expect((event["labels"] as? [String: String])?["line"] == "b")
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                _ = try box.command(["devices", "set", "a", "--location", "cellar", "--data", box.data])
                #expect(try box.command(["devices", "show", "a", "--data", box.data]).contains("cellar"))
                #expect(
                    try Command.run("forebay", ["devices", "set", "nobody", "--name", "x", "--data", box.data]).status
                        == 66
                )
            }
        }

        @Test("check, explain and reload tell what would be, and a bad file leaves the old configuration")
        func configurationCommands() async throws {
            try await Workbench.use { bench in
                let (box, _, port) = try await prepared(bench)
                let path = bench.path("forebay.yaml")
                _ = try box.command(["check", "--config", path])
                let explained = try box.command([
                    "explain", "lan", #"{"device":"freezer-7","temperature":-12}"#, "--config", path,
                ])
                #expect(explained.contains("FreezerTooWarm"))
                let refused = try Command.run("forebay", ["explain", "lan", "{", "--config", path])
                #expect(refused.status == 1)
                #expect(refused.output.contains("malformed"))
                #expect(try Command.run("forebay", ["explain", "nobody", "1", "--config", path]).status == 66)

                let good = try String(contentsOfFile: path, encoding: .utf8)
                try bench.write("forebay.yaml", good.replacingOccurrences(of: "above: -15", with: "above: minus"))
                let bad = try Command.run("forebay", ["reload", "--config", path, "--data", box.data])
                #expect(bad.status == 78)
                #expect(bad.error.contains("forebay.yaml:"), "\(bad.error)")
                #expect(try await box.metric("forebay_config_last_reload_successful") == 0)
                let next = try freePort(SOCK_DGRAM)
                try bench.write(
                    "forebay.yaml",
                    good.replacingOccurrences(of: "\(port)", with: "\(next)")
                )
                #expect(try box.command(["reload", "--data", box.data]).contains("lan"))
                #expect(try await box.metric("forebay_config_last_reload_successful") == 1)
                let before = try await box.metric("forebay_input_appended_total")
                let socket = try DatagramSocket(port: next)
                try await eventually("the new port takes in") {
                    try? socket.send(#"{"device":"a","temperature":1}"#)
                    try await Task.sleep(for: .milliseconds(20))
                    return try await box.metric("forebay_input_appended_total") > before
                }
            }
        }

        @Test(
            "check wants to read a serial port, not to write to it, as the daemon does",
            .enabled(if: getuid() == 0, "only root can run it as a user with fewer rights"),
            arguments: [(mode: 0o444, status: 0), (mode: 0o222, status: 1)]
        )
        func serialPort(mode: Int, status: Int) throws {
            let bench = try Workbench()
            defer { bench.close() }
            let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
            defer { close(terminal) }
            var number: CInt = -1
            // TIOCGPTN: the number of the other end.
            try #require(terminal >= 0 && ioctl(terminal, UInt(0x8004_5430), &number) == 0)
            let port = "/dev/pts/\(number)"
            let box = try Box(
                bench,
                configuration: "inputs: { probes: { type: serial, port: \(port), device: p, format: key_value } }\n"
            )
            try FileManager.default.createDirectory(atPath: box.data, withIntermediateDirectories: true)
            let nobody: UInt32 = 65534
            let isReady = chmod(bench.directory.path, 0o755) == 0 && chown(box.data, nobody, nobody) == 0
            try #require(isReady && chmod(port, mode_t(mode)) == 0)
            let run = try Command.run(
                "/usr/bin/setpriv",
                ["--reuid", "\(nobody)", "--regid", "\(nobody)", "--clear-groups"]
                    + [Workbench.binaries.appendingPathComponent("forebay").path]
                    + ["check", "--config", bench.path("forebay.yaml")]
            )
            #expect(run.status == status, "\(run.output)\(run.error)")
            if status != 0 { #expect((run.output + run.error).contains("`\(port)`: Permission denied")) }
        }

        @Test("a reload that the registry does not answer changes nothing, and says so")
        func reloadWithoutRegistry() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let more = try freePort(SOCK_DGRAM)
                let lan = "  lan: { type: udp, listen: \"127.0.0.1:\(port)\", format: json }\n"
                let box = try Box(bench, configuration: "inputs:\n" + lan)
                _ = try await box.start()
                func renameTable(_ old: String, _ new: String) throws {
                    let script = """
                        import sqlite3, sys
                        registry = sqlite3.connect(sys.argv[1])
                        registry.execute(f"ALTER TABLE {sys.argv[2]} RENAME TO {sys.argv[3]}")
                        registry.commit()
                        """
                    let arguments = ["-c", script, "\(box.data)/registry.sqlite", old, new]
                    let run = try Command.run("/usr/bin/python3", arguments)
                    try #require(run.status == 0, "\(run.error)")
                }
                func inputs() throws -> [String] {
                    let text = try box.command(["status", "-o", "json", "--data", box.data])
                    let status = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
                    let inputs = try #require(status?["inputs"] as? [[String: Any]])
                    return inputs.compactMap { $0["name"] as? String }
                }
                let path = bench.path("forebay.yaml")
                let text = try String(contentsOfFile: path, encoding: .utf8)
                try bench.write(
                    "forebay.yaml",
                    text + "  more: { type: udp, listen: \"127.0.0.1:\(more)\", format: json }\n"
                )
                try renameTable("devices", "elsewhere")
                let failed = try Command.run("forebay", ["reload", "--data", box.data])
                #expect(failed.status == 74, "\(failed.output)")
                #expect(failed.error.contains("registry"), "\(failed.error)")
                #expect(try await box.metric("forebay_config_last_reload_successful") == 0)
                #expect(try inputs() == ["lan"])
                try renameTable("elsewhere", "devices")
                _ = try box.command(["reload", "--data", box.data])
                #expect(try await box.metric("forebay_config_last_reload_successful") == 1)
                #expect(try inputs() == ["lan", "more"])
            }
        }

        @Test("alerts list shows what fires, and what waits for its time where a daemon knows it")
        func pendingAlerts() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: """
                        inputs: { lan: { type: udp, listen: "127.0.0.1:\(port)", format: json } }
                        rules:
                          - { alert: Slow, match: { metric: t }, above: 5, for: 1h }
                          - { alert: AtOnce, match: { metric: t }, above: 5 }

                        """
                )
                let daemon = try await box.start()
                func listed() throws -> [String] {
                    try box.command(["alerts", "list", "-o", "ndjson", "--data", box.data]).split(separator: "\n").map {
                        let alert = try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
                        return "\(alert?["alert"] ?? "") \(alert?["state"] ?? "")"
                    }
                }
                #expect(try listed() == [])
                try DatagramSocket(port: port).send(#"{"device":"a","t":6}"#)
                try await eventually("both are listed") { try listed() == ["AtOnce firing", "Slow pending"] }
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                #expect(try listed() == ["AtOnce firing"])
            }
        }

        @Test("hooks test says how it went")
        func hooksTest() async throws {
            try await Workbench.use { bench in
                let receiver = try await WebhookReceiver(bench)
                let box = try Box(
                    bench,
                    configuration: """
                        hooks:
                          good: { type: webhook, url: "\(receiver.url("/ok"))" }
                          bad: { type: webhook, url: "\(receiver.url("/fail"))" }
                        """
                )
                _ = try await box.start()
                let good = try Command.run("forebay", ["hooks", "test", "good", "--data", box.data])
                #expect(good.status == 0)
                #expect(good.output.contains("200"), "\(good.output)")
                let bad = try Command.run("forebay", ["hooks", "test", "bad", "--data", box.data])
                #expect(bad.status == 1)
                #expect(bad.output.contains("500"), "\(bad.output)")
                #expect(try Command.run("forebay", ["hooks", "test", "nobody", "--data", box.data]).status == 66)
                #expect(try receiver.requests("/ok").count == 1)
            }
        }

        @Test(
            "what a later version brings is absent, and says so",
            arguments: [
                ["redecode"], ["devices", "rename"],
            ]
        )
        func laterCommands(words: [String]) throws {
            let run = try Command.run("forebay", words)
            #expect(run.status == 64)
            #expect(run.error.contains("not in this version"))
        }

        @Test("a wrong option is a usage error, a missing configuration a missing input")
        func usage() throws {
            #expect(try Command.run("forebay", ["tail", "--form", "earliest"]).status == 64)
            #expect(try Command.run("forebay", ["run", "--config", "/nonexistent/forebay.yaml"]).status == 66)
        }

        @Test(
            "an empty name or place is a usage error with a sentence",
            arguments: [
                ["devices", "show", ""], ["devices", "set", "", "--name", "x"], ["tail", ""], ["tail", "--data", ""],
                ["tail", "--device", ""], ["topics", "describe", ""], ["topics", "create", ""],
                ["groups", "describe", ""], ["users", "add", ""],
                ["log", "dump", ""], ["alerts", "show", ""],
                ["hooks", "test", ""], ["explain", "", "{}"], ["run", "--config", ""], ["demo", "--keep", ""],
            ]
        )
        func empty(words: [String]) throws {
            let run = try Command.run("forebay", words)
            #expect(run.status == 64)
            #expect(run.error.contains("it is empty"), "\(run.error)")
        }
    }
}
