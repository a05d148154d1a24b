// A disk as it is in the middle of the daemon's work: an ext4 image copied under load, and the copy started.
import Foundation
import Testing

/// A loop-mounted ext4 file system in a file.
struct DiskImage {
    let file: String
    let mountPoint: String

    /// Whether this process may make and mount one; tried once.
    static let isPermitted: Bool = {
        guard geteuid() == 0, let bench = try? Workbench() else { return DiskImage.skip("not root") }
        defer { bench.close() }
        do {
            try DiskImage.make(bench.path("image"), at: bench.path("mounted")).unmount()
            return true
        } catch {
            return DiskImage.skip("\(error)")
        }
    }()

    private static func skip(_ reason: String) -> Bool {
        print("SKIPPED: no copies of a mounted disk image, for mounting is not permitted here: \(reason)")
        return false
    }

    static func make(_ file: String, at mountPoint: String, mebibytes: Int = 96) throws -> DiskImage {
        try Data().write(to: URL(fileURLWithPath: file))
        guard truncate(file, mebibytes << 20) == 0 else { throw WorkbenchError(description: "no room for \(file)") }
        try tool("/usr/sbin/mkfs.ext4", ["-q", "-F", file])
        return try mounted(file, at: mountPoint)
    }

    static func mounted(_ file: String, at mountPoint: String) throws -> DiskImage {
        try FileManager.default.createDirectory(atPath: mountPoint, withIntermediateDirectories: true)
        try tool("/usr/bin/mount", ["-o", "loop", file, mountPoint])
        return DiskImage(file: file, mountPoint: mountPoint)
    }

    func unmount() throws { try DiskImage.tool("/usr/bin/umount", [mountPoint]) }

    static func tool(_ program: String, _ arguments: [String]) throws {
        let run = try Command.run(program, arguments)
        guard run.status == 0 else { throw WorkbenchError(description: "\(program): \(run.output)\(run.error)") }
    }
}

extension EndToEndTests {
    @Suite("Copies of a disk image", .enabled(if: DiskImage.isPermitted, "mounting is not permitted here"))
    struct ImageTests {
        struct Outcome: Encodable {
            var planned: Int
            var copies = 0
            var acknowledged = 0
            var verified = 0
        }

        private static let copies = 4

        /// Copies the image while the daemon takes in datagrams, and starts a second daemon on each copy.
        private func run(_ bench: Workbench, environment: [String: String]) async throws -> Outcome {
            var outcome = Outcome(planned: ImageTests.copies)
            let port = try freePort(SOCK_DGRAM)
            let box = try Box(
                bench,
                configuration: "inputs: { lan: { type: udp, listen: \"127.0.0.1:\(port)\", format: json } }\n"
            )
            let image = try DiskImage.make(bench.path("image"), at: box.data)
            let daemon = try await box.start(environment: environment)
            defer {
                daemon.kill(SIGKILL)
                try? image.unmount()
            }
            _ = try bench.simulate("lan", ["udp", "--port", "\(port)", "--rate", "3000"])
            let control = ControlSocket(path: "\(box.data)/control.sock")
            for _ in 0..<ImageTests.copies {
                let before = try #require(try control.metric("forebay_log_end_offset", "readings"))
                try await eventually("the log grows") {
                    try #require(try control.metric("forebay_log_end_offset", "readings")) > before + 500
                }
                let seen = try #require(try control.records("readings"))
                // The daemon holds still, so that the copy is one moment of the disk; what it had not synced, the file
                // system still has in memory, and the image lacks it.
                daemon.kill(SIGSTOP)
                let copy = try Workbench()
                defer { copy.close() }
                try DiskImage.tool("/bin/cp", ["--sparse=always", image.file, copy.path("image")])
                daemon.kill(SIGCONT)
                outcome.copies += 1
                outcome.acknowledged += seen.count
                outcome.verified += try await same(seen, on: copy)
            }
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            print(String(decoding: try encoder.encode(outcome), as: UTF8.self))
            return outcome
        }

        /// How many of `seen` a daemon on the copy shows unchanged.
        private func same(_ seen: [Int: String], on copy: Workbench) async throws -> Int {
            let box = try Box(copy, configuration: "")
            let image = try DiskImage.mounted(copy.path("image"), at: box.data)
            defer { try? image.unmount() }
            let daemon = try await box.start()
            let found = try #require(try ControlSocket(path: "\(box.data)/control.sock").records("readings"))
            daemon.kill(SIGTERM)
            #expect(try await daemon.exitCode() == 0)
            _ = try box.command(["log", "verify", "--data", box.data])
            return seen.count { found[$0.key] == $0.value }
        }

        @Test("a copy of the disk taken under load has all that a reader had seen")
        func copiedUnderLoad() async throws {
            try await Workbench.use { bench in
                let outcome = try await run(bench, environment: [:])
                #expect(outcome.copies == outcome.planned)
                #expect(outcome.acknowledged > 500)
                #expect(outcome.verified == outcome.acknowledged)
            }
        }

        @Test("an acknowledgement before the sync would be found")
        func plantedBug() async throws {
            try await Workbench.use { bench in
                let shim = ["LD_PRELOAD": Workbench.shim("PowerCut"), "FOREBAY_POWER_CUT": "lie"]
                let outcome = try await run(bench, environment: shim)
                #expect(outcome.verified < outcome.acknowledged)
            }
        }
    }
}
