// A damaged archive, a restore that is killed, a disk that is full, a format of the future: refused, and nothing left.
import Foundation
import Platform
import Testing

extension EndToEndTests {
    @Suite("Restore")
    struct RestoreTests {
        /// A stopped box with a few segments, and its backup.
        private func archived(_ bench: Workbench, readings: Int = 600) async throws -> (box: Box, file: String) {
            let port = try freePort(SOCK_DGRAM)
            let box = try Box(bench, configuration: Box.backedUp(port))
            let daemon = try await box.start()
            try await box.fill(port, readings)
            daemon.kill(SIGTERM)
            #expect(try await daemon.exitCode() == 0)
            let file = bench.path("b.tar")
            _ = try box.command(["backup", file, "--config", bench.path("forebay.yaml")])
            return (box, file)
        }

        /// Restores `archive`, which must be refused with nothing left; what was said.
        private func refused(_ bench: Workbench, _ archive: Data) throws -> String? {
            let (file, target) = (bench.path("bad.tar"), bench.path("never"))
            try archive.write(to: URL(fileURLWithPath: file))
            let run = try Command.run("forebay", ["restore", file, "--data", target])
            let left = [target, target + ".restoring"].filter { FileManager.default.fileExists(atPath: $0) }
            for path in left { try FileManager.default.removeItem(atPath: path) }
            guard run.status == 1, left.isEmpty, run.error.contains(file) else { return nil }
            return run.error
        }

        @Test("500 flipped bytes and truncations, in each member and anywhere, are each refused")
        func corruption() async throws {
            try await Workbench.use { bench in
                var random = TestRandom()
                print("seed \(random.seed): FOREBAY_SEED=\(random.seed) repeats it")
                let (_, file) = try await archived(bench)
                let whole = try Data(contentsOf: URL(fileURLWithPath: file))
                let report = try ArchiveReport(file)
                var flips = report.places.values.filter { $0.size > 0 }.map { place in
                    place.offset + Int.random(in: 0..<place.size, using: &random)
                }
                let members = flips.count
                while flips.count < 300 { flips.append(Int.random(in: 0..<whole.count, using: &random)) }
                let cuts = (flips.count..<500).map { _ in Int.random(in: 0..<whole.count, using: &random) }
                var missed: [String] = []
                for place in flips {
                    var archive = whole
                    archive[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    if try refused(bench, archive) == nil { missed.append("flip at \(place)") }
                }
                for place in cuts where try refused(bench, whole.prefix(place)) == nil {
                    missed.append("cut at \(place)")
                }
                print("corruptions \(flips.count + cuts.count), members hit \(members), not refused \(missed.count)")
                #expect(flips.count + cuts.count == 500)
                #expect(missed.isEmpty, "\(missed)")
            }
        }

        @Test("a changed member whose digests were made to fit is taken, so it is the digests that find the others")
        func forgedDigest() async throws {
            try await Workbench.use { bench in
                let (box, file) = try await archived(bench, readings: 3000)
                func forge(_ member: String) throws -> String {
                    let forged = bench.path("forged.tar")
                    let script = Workbench.script("read_backup.py")
                    let run = try Command.run("/usr/bin/python3", [script, file, "--forge", member, forged])
                    try #require(run.status == 0, "\(run.error)")
                    return forged
                }
                _ = try box.command(["restore", try forge("cursors/hook-siren"), "--data", bench.path("taken")])
                // The log has checksums of its own.
                let segment = "log/readings-0/00000000000000000000.log"
                let forged = try Data(contentsOf: URL(fileURLWithPath: try forge(segment)))
                let said = try #require(try refused(bench, forged))
                #expect(said.contains(segment), "\(said)")
            }
        }

        @Test(
            "a segment that was damaged on the box is said at backup and at restore, and is no reason to lose the rest"
        )
        func damagedBefore() async throws {
            try await Workbench.use { bench in
                let (box, _) = try await archived(bench, readings: 3000)
                let segment = box.data + "/log/readings-0/00000000000000000000.log"
                var bytes = try Data(contentsOf: URL(fileURLWithPath: segment))
                bytes[bytes.count / 2] ^= 1
                try bytes.write(to: URL(fileURLWithPath: segment))
                let backup = try Command.run("forebay", ["backup", bench.path("d.tar"), "--data", box.data])
                #expect(backup.status == 0)
                #expect(backup.error.contains("may be damaged"), "\(backup.error)")
                let run = try Command.run("forebay", ["restore", bench.path("d.tar"), "--data", bench.path("damaged")])
                #expect(run.status == 0, "\(run.error)")
                #expect(run.error.contains("before the backup"), "\(run.error)")
                #expect(try Box.ends(bench.path("damaged")) == Box.ends(box.data))
            }
        }

        @Test("a restore that is killed leaves only DIR.restoring, which the next one removes")
        func killed() async throws {
            try await Workbench.use { bench in
                let (box, file) = try await archived(bench, readings: 3000)
                let archive = try Data(contentsOf: URL(fileURLWithPath: file))
                let target = bench.path("restored")
                var kills = 0
                for part in 1...9 {
                    let pipe = Pipe()
                    let restore = Process()
                    restore.executableURL = Workbench.binaries.appendingPathComponent("forebay")
                    restore.arguments = ["restore", "-", "--data", target]
                    restore.standardInput = pipe
                    try withNoSignalBlocked { try restore.run() }
                    try pipe.fileHandleForWriting.write(contentsOf: archive.prefix(archive.count * part / 10))
                    try await eventually("it unpacks") {
                        FileManager.default.fileExists(atPath: target + ".restoring/FORMAT")
                    }
                    let second = try Command.run("forebay", ["restore", file, "--data", target])
                    #expect(second.status == 73, "two at once: \(second.error)")
                    Foundation.kill(restore.processIdentifier, SIGKILL)
                    restore.waitUntilExit()
                    kills += 1
                    #expect(!FileManager.default.fileExists(atPath: target))
                    #expect(FileManager.default.fileExists(atPath: target + ".restoring"))
                }
                print("kills \(kills)")
                #expect(kills == 9)
                _ = try box.command(["restore", file, "--data", target])
                #expect(!FileManager.default.fileExists(atPath: target + ".restoring"))
                #expect(try Box.ends(target) == Box.ends(box.data))
            }
        }

        @Test("what is there already is not overwritten, and what is missing is named")
        func refusals() async throws {
            try await Workbench.use { bench in
                let (box, file) = try await archived(bench)
                func run(_ arguments: String...) throws -> (status: Int32, error: String) {
                    let run = try Command.run("forebay", arguments)
                    return (run.status, run.error)
                }
                let before = try Data(contentsOf: URL(fileURLWithPath: file))
                #expect(try run("backup", file, "--data", box.data).status == 73)
                #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == before)
                try bench.write("c.tar.partial", "of another")
                #expect(try run("backup", bench.path("c.tar"), "--data", box.data).status == 73)
                #expect(try run("backup", bench.path("no/c.tar"), "--data", box.data).status == 73)
                #expect(try run("backup", bench.path("d.tar"), "--data", bench.path("nowhere")).status == 66)
                #expect(!FileManager.default.fileExists(atPath: bench.path("d.tar.partial")))
                #expect(try run("restore", bench.path("no.tar"), "--data", bench.path("x")).status == 66)
                #expect(try run("restore", file, "--data", box.data).status == 73)
                #expect(try run("restore", file, "--data", bench.path("no/x")).status == 73)
                try FileManager.default.createDirectory(
                    atPath: bench.path("x.restoring/mine"),
                    withIntermediateDirectories: true
                )
                #expect(try run("restore", file, "--data", bench.path("x")).status == 73)
                #expect(FileManager.default.fileExists(atPath: bench.path("x.restoring/mine")))
                try FileManager.default.createDirectory(atPath: bench.path("empty"), withIntermediateDirectories: true)
                #expect(try run("restore", file, "--data", bench.path("empty")).status == 0)
                let terminal = try Command.run(
                    "/usr/bin/script",
                    [
                        "-qec",
                        "\(Workbench.binaries.appendingPathComponent("forebay").path) backup - --data \(box.data)",
                        "/dev/null",
                    ]
                )
                #expect(terminal.status == 64, "\(terminal.output)")
            }
        }

        @Test("a full disk ends a backup with 74 and leaves nothing on it")
        func fullDisk() async throws {
            try await Workbench.use { bench in
                let (box, file) = try await archived(bench)
                let forebay = Workbench.binaries.appendingPathComponent("forebay").path
                let stream = try Command.run(
                    "/bin/sh",
                    ["-c", "\"$1\" backup - --data \"$2\" > /dev/full", "sh", forebay, box.data]
                )
                #expect(stream.status == 74)
                #expect(stream.error.contains("No space left"), "\(stream.error)")
                try FileManager.default.createDirectory(atPath: bench.path("small"), withIntermediateDirectories: true)
                // Enough for what the members hold, not for their headers; and not even for that.
                let content = try ArchiveReport(file).content
                for size in [content + 4096, content / 2] {
                    let run = try Command.run(
                        "/usr/bin/unshare",
                        [
                            "-m", "sh", "-c",
                            "mount -t tmpfs -o size=$1 none \"$2\" || exit 99; \"$3\" backup \"$2/b.tar\" --data \"$4\";"
                                + " status=$?; ls -A \"$2\"; exit $status", "sh", "\(size)", bench.path("small"),
                            forebay,
                            box.data,
                        ]
                    )
                    guard run.status != 99, !run.error.contains("unshare") else {
                        print("not run: a tmpfs cannot be mounted here: \(run.error)")
                        return
                    }
                    #expect(run.status == 74, "\(run.error)")
                    #expect(run.output.isEmpty, "left behind: \(run.output)")
                }
            }
        }

        @Test("a log of a newer format is refused by every command, and left alone")
        func newerFormat() async throws {
            try await Workbench.use { bench in
                let (box, _) = try await archived(bench)
                let format = URL(fileURLWithPath: box.data + "/FORMAT")
                try Data("forebay-log 2\n".utf8).write(to: format)
                let log = URL(fileURLWithPath: box.data + "/log")
                func names() throws -> [String] {
                    try FileManager.default.subpathsOfDirectory(atPath: log.path).sorted()
                }
                let before = try names()
                let config = ["--config", bench.path("forebay.yaml")]
                for words in [
                    ["run"], ["backup", bench.path("n.tar")], ["tail"], ["topics", "list"],
                    ["topics", "describe", "readings"],
                    ["log", "verify"], ["devices", "list"], ["devices", "show", "a"],
                    ["devices", "set", "a", "--name", "b"],
                    ["alerts", "list"], ["status"], ["reload"], ["hooks", "test", "siren"],
                ] {
                    let run = try Command.run("forebay", words + config)
                    #expect(run.status == 74, "\(words): \(run.status) \(run.error)")
                    #expect(
                        run.error.contains("\"forebay-log 2\", this version reads \"forebay-log 1\""),
                        "\(words): \(run.error)"
                    )
                }
                #expect(try names() == before)
                #expect(try String(contentsOf: format, encoding: .utf8) == "forebay-log 2\n")
                #expect(!FileManager.default.fileExists(atPath: bench.path("n.tar")))
            }
        }

        @Test("a backup of a newer format is refused")
        func newerBackup() async throws {
            try await Workbench.use { bench in
                let (_, file) = try await archived(bench)
                var archive = try Data(contentsOf: URL(fileURLWithPath: file))
                archive[512 + 15] = UInt8(ascii: "2")
                let said = try #require(try refused(bench, archive))
                #expect(said.contains("\"forebay-backup 2\", this version reads \"forebay-backup 1\""), "\(said)")
            }
        }
    }
}
