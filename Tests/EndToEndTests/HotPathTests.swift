// What a reading costs in allocations, counted in the real daemon.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Hot path")
    struct HotPathTests {
        /// Allocations so far by thread name, as Tests/Shims/AllocationCounter writes them.
        private func allocations(_ path: String) throws -> [String: UInt64] {
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            var counts: [String: UInt64] = [:]
            for start in stride(from: 0, to: data.count - 23, by: 24) {
                let name = String(decoding: data[start..<start + 16].prefix { $0 != 0 }, as: UTF8.self)
                let count = data[start + 16..<start + 24].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                if !name.isEmpty { counts[name] = count }
            }
            return counts
        }

        @Test(
            "input and log-writer threads allocate less than once per hundred readings",
            arguments: ["json", "line_protocol"]
        )
        func allocationsPerReading(format: String) async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: """
                        inputs:
                          lan: { type: udp, listen: "127.0.0.1:\(port)", format: \(format) }
                        """
                )
                let daemon = try await box.start(environment: [
                    "LD_PRELOAD": Workbench.shim("AllocationCounter"),
                    "FOREBAY_ALLOCATIONS": bench.path("allocations"),
                ])
                func send(_ count: Int) async throws {
                    let before = try await box.metric("forebay_input_received_total")
                    _ = try bench.simulated([
                        "udp", "--port", "\(port)", "--format", format, "--devices", "100", "--rate", "50000",
                        "--count",
                        "\(count)",
                    ])
                    try await eventually("they are received") {
                        try await box.metric("forebay_input_received_total") >= before + Double(count)
                    }
                }
                // The first readings make devices and metrics known, and buffers grow to their size.
                try await send(50_000)
                let before = try allocations(bench.path("allocations"))
                try await send(200_000)
                let after = try allocations(bench.path("allocations"))
                #expect(try await box.metric("forebay_input_dropped_total") == 0)
                for thread in ["lan", "log-writer"] {
                    let start = try #require(before[thread], "the counter does not know \(thread)")
                    let end = try #require(after[thread])
                    let perReading = Double(end - start) / 200_000
                    print("\(format): \(thread): \(perReading) allocations per reading")
                    #expect(start > 0)
                    #expect(perReading < 0.01, "\(thread)")
                }
                // The counter counts: the HTTP requests of this test alone allocate thousands of times.
                let total = after.values.reduce(0, +) - before.values.reduce(0, +)
                #expect(total > 1000)
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
            }
        }
    }
}
