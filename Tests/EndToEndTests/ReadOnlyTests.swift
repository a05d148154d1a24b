// What the daemon does about a disk that keeps failing, and the commands about a directory that holds no log.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("A failing disk")
    struct ReadOnlyTests {
        private func configuration(_ port: UInt16) -> String {
            "inputs: { lan: { type: udp, listen: \"127.0.0.1:\(port)\", format: json } }\n"
        }

        /// Every file of the log with its bytes.
        private func logFiles(_ box: Box) throws -> [String: Data] {
            let root = URL(fileURLWithPath: box.data + "/log")
            var files: [String: Data] = [:]
            for name in try FileManager.default.subpathsOfDirectory(atPath: root.path) {
                files[name] = try? Data(contentsOf: root.appendingPathComponent(name))
            }
            return files
        }

        /// `failures`: how many runs of the last hour a failing disk has ended.
        private func startsReadOnly(_ bench: Workbench, after failures: Int) async throws -> Bool {
            let port = try freePort(SOCK_DGRAM)
            let box = try Box(bench, configuration: configuration(port))
            let first = try await box.start()
            try await eventually("the input is up") { try await box.metric("forebay_input_up") == 1 }
            try DatagramSocket(port: port).send(#"{"device":"a","temperature":1}"#)
            try await eventually("it takes in") { try await box.metric("forebay_input_appended_total") == 1 }
            first.kill(SIGTERM)
            #expect(try await first.exitCode() == 0)
            let before = try logFiles(box)
            let file = box.data + "/disk-failures"
            let now = Int(Date().timeIntervalSince1970 * 1000)
            let lines = (0..<failures).map { "\(now - $0 * 1000) sync x: Input/output error (errno 5)\n" }
            // One of another day, which does not count.
            let text = "\(now - 90_000_000) long ago\n" + lines.joined()
            try Data(text.utf8).write(to: URL(fileURLWithPath: file))

            let second = try await box.start(ready: false)
            try await eventually("it serves") { (try? await box.metric("forebay_log_end_offset", "readings")) == 1 }
            try await eventually("it has started") {
                try HTTP.get(box.http, "/readyz")?.body.contains("started yet") == false
            }
            guard try await box.metric("forebay_log_read_only") == 1 else { return false }
            let ready = try #require(try HTTP.get(box.http, "/readyz"))
            #expect(ready.status == 503 && ready.body.contains("disk-failures"), "\(ready.body)")
            #expect(try await box.get("/api/v1/status").contains("disk-failures"))
            #expect(second.output.contains("read-only"), "\(second.output)")
            #expect(try box.records("readings").count == 1)
            #expect(try await box.metric("forebay_input_appended_total") == 0)
            second.kill(SIGTERM)
            #expect(try await second.exitCode() == 0)
            #expect(try logFiles(box) == before, "nothing was written")

            try FileManager.default.removeItem(atPath: file)
            _ = try await box.start()
            #expect(try await box.metric("forebay_log_read_only") == 0)
            return true
        }

        @Test("after three runs that a failing disk ended the daemon only reads, says so and how to leave that")
        func readOnly() async throws {
            try await Workbench.use { bench in
                let isReadOnly = try await startsReadOnly(bench, after: 3)
                #expect(isReadOnly)
            }
        }

        @Test("after two it writes")
        func writes() async throws {
            try await Workbench.use { bench in
                let isReadOnly = try await startsReadOnly(bench, after: 2)
                #expect(!isReadOnly)
            }
        }

        private static let mayMount =
            (try? Command.run("/usr/bin/unshare", ["--mount", "true"]).status) == 0

        /// What `box` runs, with its data directory mounted read-only.
        private static let readOnlyMount =
            "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\""

        @Test(
            "on a data directory that is mounted read-only the daemon serves, says so, and keeps out a second one",
            .enabled(if: mayMount, "a mount of its own needs root"),
            arguments: [false, true]
        )
        func mountedReadOnly(withRegistry: Bool) async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(bench, configuration: configuration(port))
                let daemon = try await box.start()
                try await eventually("the input is up") { try await box.metric("forebay_input_up") == 1 }
                try DatagramSocket(port: port).send(#"{"device":"a","temperature":1}"#)
                try await eventually("it takes in") { try await box.metric("forebay_input_appended_total") == 1 }
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                if !withRegistry { try FileManager.default.removeItem(atPath: box.data + "/registry.sqlite") }
                let before = try logFiles(box)
                func run(_ arguments: [String]) throws -> (status: Int32, output: String, error: String) {
                    let mount = ["--mount", "/bin/sh", "-c", ReadOnlyTests.readOnlyMount, box.data]
                    return try Command.run("/usr/bin/unshare", mount + arguments)
                }
                let forebay = Workbench.binaries.appendingPathComponent("forebay").path
                let tail = try run([forebay, "tail", "--data", box.data, "-o", "ndjson"])
                #expect(tail.status == 0 && tail.output.contains("temperature"), "\(tail.error)")

                let mount = ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", ReadOnlyTests.readOnlyMount, box.data]
                let second = try await box.start(under: mount, ready: false)
                try await eventually("it serves") { (try? await box.metric("forebay_log_end_offset", "readings")) == 1 }
                #expect(try await box.metric("forebay_log_read_only") == 1)
                let status = try await box.get("/api/v1/status")
                #expect(status.contains("mounted read-only") && status.contains("dmesg"), "\(status)")
                #expect(status.contains("the registry cannot be read") == !withRegistry, "\(status)")
                let devices = try await box.get("/api/v1/devices")
                #expect(devices.contains("\"a\"") == withRegistry, "\(devices)")
                let third = try run([forebay, "run", "--config", bench.path("forebay.yaml")])
                #expect(third.status == 73 && third.error.contains("uses this data directory"), "\(third.error)")
                second.kill(SIGTERM)
                #expect(try await second.exitCode() == 0)
                #expect(try logFiles(box) == before)
                #expect(!FileManager.default.fileExists(atPath: box.data + "/disk-failures"))
            }
        }

        @Test("a directory without a log and a file that is no segment are missing inputs")
        func noLog() async throws {
            try await Workbench.use { bench in
                let empty = bench.path("empty")
                try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
                for directory in [empty, "/"] {
                    let verify = try Command.run("forebay", ["log", "verify", "--data", directory])
                    #expect(verify.status == 66)
                    #expect(verify.error.contains("FORMAT"), "\(verify.error)")
                }
                for file in ["/dev/null", empty] {
                    #expect(try Command.run("forebay", ["log", "dump", file]).status == 66, "\(file)")
                }
            }
        }
    }
}
