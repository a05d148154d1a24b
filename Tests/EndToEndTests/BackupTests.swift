// A backup of a box that takes in, rolls segments and loses old ones; and the box that is made from it.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Backup")
    struct BackupTests {
        /// Alerts that come and go, so that the hook's cursor moves while a backup is taken.
        private func disturb(_ port: UInt16) -> Task<Void, any Error> {
            Task {
                let socket = try DatagramSocket(port: port)
                while !Task.isCancelled {
                    for temperature in [-10, -20] {
                        try socket.send(#"{"device":"freezer-1","temperature":\#(temperature)}"#)
                        try await Task.sleep(for: .milliseconds(3))
                    }
                }
            }
        }

        /// Compares a restored directory with the box that it was taken from.
        private func compare(_ restored: String, with box: Box) throws -> (records: Int, cursor: Int) {
            let verdict = try Command.run("forebay", ["log", "verify", "-o", "json", "--data", restored])
            #expect(verdict.status == 0, "\(verdict.output)")
            var records = 0
            var ends: [String: Int] = [:]
            for partition in try Box.ends(restored) {
                let there = try Box.records(restored, partition)
                #expect(try Box.records(box.data, partition) == there, "\(partition)")
                records += there.split(separator: "\n").count
                ends["\(partition.topic)-\(partition.partition)"] = partition.end
            }
            let cursor = try StoredPositions.cursor("\(restored)/cursors/hook-siren") ?? 0
            #expect(cursor <= ends["alerts-0"] ?? 0, "the hook's cursor is ahead of the log")
            let snapshot = "\(restored)/rules/snapshot"
            if FileManager.default.fileExists(atPath: snapshot) {
                for (partition, position) in try StoredPositions.rules(snapshot) {
                    #expect(position <= ends[partition] ?? 0, "the rules' snapshot is ahead of \(partition)")
                }
            }
            return (records, cursor)
        }

        @Test("under load, everything below the snapshot is in it byte for byte, and no cursor is ahead of it")
        func underLoad() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(bench, configuration: Box.backedUp(port))
                let daemon = try await box.start()
                try await box.fill(port, 2000)
                let fleet = try bench.simulate(
                    "fleet",
                    ["udp", "--port", "\(port)", "--rate", "3000", "--devices", "30"]
                )
                let alerts = disturb(port)
                try await eventually("alerts are delivered") {
                    try await box.metric("forebay_hook_deliveries_total") > 3
                }
                for round in 0..<5 {
                    let file = bench.path("backup-\(round).tar")
                    _ = try box.command(["backup", file, "--config", bench.path("forebay.yaml")])
                    _ = try box.command(["restore", file, "--data", bench.path("restored-\(round)")])
                }
                alerts.cancel()
                _ = await alerts.result
                fleet.kill(SIGTERM)
                _ = try await fleet.exitCode()
                var compared = 0
                for round in 0..<5 {
                    let (records, cursor) = try compare(bench.path("restored-\(round)"), with: box)
                    #expect(records > 2000)
                    #expect(cursor > 0)
                    compared += records
                }
                print("backups 5, records compared \(compared)")
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                try atRest(box)
            }
        }

        /// Without a daemon the backup is of everything, through a pipe as well.
        private func atRest(_ box: Box) throws {
            let bench = box.bench
            let shell = try Command.run(
                "/bin/sh",
                [
                    "-c", "\"$1\" backup - --config \"$2\" | \"$1\" restore - --data \"$3\"", "sh",
                    Workbench.binaries.appendingPathComponent("forebay").path, bench.path("forebay.yaml"),
                    bench.path("piped"),
                ]
            )
            #expect(shell.status == 0, "\(shell.error)")
            #expect(try Box.ends(bench.path("piped")) == Box.ends(box.data))
            #expect(try Box.devices(bench.path("piped")) == Box.devices(box.data))
            _ = try compare(bench.path("piped"), with: box)
            let configuration = URL(fileURLWithPath: bench.path("piped/configuration/forebay.yaml"))
            #expect(
                try Data(contentsOf: configuration)
                    == Data(contentsOf: URL(fileURLWithPath: bench.path("forebay.yaml")))
            )
        }

        @Test("the daemon starts on a restored directory and goes on appending")
        func goesOn() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(bench, configuration: Box.backedUp(port))
                _ = try await box.start()
                try await box.fill(port, 1500)
                _ = try box.command(["backup", bench.path("b.tar"), "--data", box.data])
                let other = try Workbench()
                defer { other.close() }
                let otherPort = try freePort(SOCK_DGRAM)
                let copy = try Box(other, configuration: Box.backedUp(otherPort))
                _ = try box.command(["restore", bench.path("b.tar"), "--data", copy.data])
                let before = try Box.ends(copy.data)
                let daemon = try await copy.start()
                #expect(!daemon.output.contains("missing"), "\(daemon.output)")
                try await copy.fill(otherPort, 500)
                let after = try Box.ends(copy.data)
                func readings(_ ends: [PartitionEnds]) -> Int {
                    ends.filter { $0.topic == "readings" }.reduce(0) { $0 + $1.end }
                }
                #expect(readings(after) == readings(before) + 500)
                for partition in before {
                    #expect(try Box.records(copy.data, partition) == Box.records(box.data, partition))
                }
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                #expect(try Command.run("forebay", ["log", "verify", "--data", copy.data]).status == 0)
            }
        }

        @Test("what retention deletes while the backup is taken, by a daemon that starts anew, does not fail it")
        func retentionMeanwhile() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                var box = try Box(bench, configuration: Box.backedUp(port))
                var daemon = try await box.start()
                try await box.fill(port, 6000)
                let whole = try Box.ends(box.data).filter { $0.topic == "readings" }
                let texts = try whole.map { try Box.records(box.data, $0).split(separator: "\n") }
                // The pipe holds 64 KiB, so the backup waits with most of the log unread until somebody takes more.
                let pipe = Pipe()
                let backup = Process()
                backup.executableURL = Workbench.binaries.appendingPathComponent("forebay")
                backup.arguments = ["backup", "-", "--data", box.data]
                backup.standardOutput = pipe
                try backup.run()
                var archive = try #require(try pipe.fileHandleForReading.read(upToCount: 1))
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                box = try Box(bench, configuration: Box.backedUp(port, log: ", retention_bytes: 256KiB"))
                daemon = try await box.start()
                try await eventually("retention deletes") {
                    try Box.ends(box.data).allSatisfy { $0.topic != "readings" || $0.start > 0 }
                }
                try await box.fill(port, 500)
                archive += pipe.fileHandleForReading.readDataToEndOfFile()
                backup.waitUntilExit()
                #expect(backup.terminationStatus == 0)
                try archive.write(to: URL(fileURLWithPath: bench.path("b.tar")))
                _ = try box.command(["restore", bench.path("b.tar"), "--data", bench.path("restored")])
                #expect(try Command.run("forebay", ["log", "verify", "--data", bench.path("restored")]).status == 0)
                let restored = try Box.ends(bench.path("restored")).filter { $0.topic == "readings" }
                for (index, partition) in restored.enumerated() {
                    #expect(partition.end == whole[index].end, "what came after the snapshot is not in it")
                    #expect(partition.start > 0 && partition.start < partition.end)
                    let there = try Box.records(bench.path("restored"), partition).split(separator: "\n")
                    #expect(there == Array(texts[index].dropFirst(partition.start)))
                }
                #expect(try ArchiveReport(bench.path("b.tar")).unproven.isEmpty)
            }
        }

        @Test("GNU tar lists it, and Python's tarfile and hashlib agree with the manifest")
        func otherPrograms() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(bench, configuration: Box.backedUp(port))
                // A name that fits no ustar header.
                let long = String(repeating: "long-", count: 40) + "name.yaml"
                try FileManager.default.createDirectory(atPath: bench.path("conf.d"), withIntermediateDirectories: true)
                try bench.write("conf.d/\(long)", "devices: { max_metrics: 32 }\n")
                _ = try await box.start()
                try await box.fill(port, 3000)
                _ = try box.command(["backup", bench.path("b.tar"), "--data", box.data])
                let report = try ArchiveReport(bench.path("b.tar"))
                let list = try Command.run("/bin/tar", ["tf", bench.path("b.tar")])
                #expect(list.status == 0)
                #expect(list.error.isEmpty, "\(list.error)")
                #expect(list.output.split(separator: "\n").map(String.init) == report.members)
                for name in [
                    "FORMAT", "registry.sqlite", "configuration/forebay.yaml", "configuration/conf.d/\(long)",
                    "cursors/hook-siren", "log/readings-0/00000000000000000000.log",
                    "log/readings-0/00000000000000000000.index", "log/readings-0/partition.journal",
                ] {
                    #expect(report.members.contains(name), "\(name)")
                }
                _ = try box.command(["restore", bench.path("b.tar"), "--data", bench.path("restored")])
                #expect(FileManager.default.fileExists(atPath: bench.path("restored/configuration/conf.d/\(long)")))
            }
        }
    }
}
