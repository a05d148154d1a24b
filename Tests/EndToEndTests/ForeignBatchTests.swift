// Segments that other producers filled, through the commands; and what bombs cost a real process.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Foreign batches")
    struct ForeignBatchTests {
        /// Offsets per file of Tests/CommitLogTests/ForeignBatches.
        private static let recordCount = 120

        private static func file(_ name: String) throws -> Data {
            try Data(
                contentsOf: URL(fileURLWithPath: Workbench.repository("Tests/CommitLogTests/ForeignBatches/\(name)"))
            )
        }

        /// The batch of that name with the base offset set, which lies outside its checksum.
        private static func batch(_ name: String, at offset: Int) throws -> Data {
            var bytes = try file("\(name).batch")
            withUnsafeBytes(of: UInt64(offset).bigEndian) { bytes.replaceSubrange(0..<8, with: $0) }
            return bytes
        }

        @Test("tail, verify and dump read gzip, snappy, lz4 and zstd")
        func commands() async throws {
            try await Workbench.use { bench in
                let names = ["gzip-two-members", "snappy-raw", "snappy-xerial", "lz4-linked-checksums", "zstd-stream"]
                let box = try Box(bench, configuration: "inputs: {}\n")
                let directory = URL(fileURLWithPath: box.data).appendingPathComponent("log/readings-0")
                try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
                let path = directory.appendingPathComponent("00000000000000000000.log")
                var bytes = Data()
                for (index, name) in names.enumerated() {
                    bytes += try Self.batch(name, at: index * Self.recordCount)
                }
                try bytes.write(to: path)
                let count = names.count * Self.recordCount
                let tail = try box.command(["tail", "--from", "earliest", "-o", "ndjson", "--data", box.data])
                #expect(tail.split(separator: "\n").count == count)
                let dump = try box.command(["log", "dump", path.path])
                #expect(dump.split(separator: "\n").count >= count)
                _ = try box.command(["log", "verify", "--data", box.data])
            }
        }

        /// Kibibytes that `forebay log dump` of the file took at its peak, as the kernel counts them.
        private func peak(_ path: String) throws -> Int {
            let script = """
                import resource, subprocess, sys
                subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
                """
            let forebay = Workbench.binaries.appendingPathComponent("forebay").path
            let run = try Command.run(Workbench.python, ["-c", script, forebay, "log", "dump", path])
            return try #require(Int(run.output.trimmingCharacters(in: .whitespacesAndNewlines)))
        }

        @Test("bombs of every codec cost a process no more than one batch may")
        func bombs() async throws {
            try await Workbench.use { bench in
                func peak(zeros count: Int) throws -> Int {
                    let path = bench.path("\(count).log")
                    let script = Workbench.script("foreign_batches.py")
                    let run = try Command.run(Workbench.python, [script, "--zeros", "\(count)", path])
                    try #require(run.status == 0, "\(run.error)")
                    return try self.peak(path)
                }
                let small = try peak(zeros: 1000)
                let largest = try peak(zeros: 15_900_000) - small
                let bombs = try peak(zeros: 64 << 20) - small
                print("dump at its peak: \(small) KiB; \(largest) more for the largest batches, \(bombs) for bombs")
                // The meter sees what the largest batches inflate to.
                #expect(largest > 12 << 10)
                // One batch, lz4's blocks, and the window through which the file is read.
                #expect(bombs < 32 << 10)
            }
        }
    }
}
