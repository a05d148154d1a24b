// The daemon on a real file system of 16 MiB that another program fills, and empties again.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("A full disk", .enabled(if: DiskImage.isPermitted, "mounting is not permitted here"))
    struct FullDiskTests {
        /// Another program's file; takes every byte that is left.
        private func fill(_ path: String) throws {
            try Data().write(to: URL(fileURLWithPath: path))
            let file = try #require(FileHandle(forWritingAtPath: path))
            for size in [65_536, 1024] {
                let block = [UInt8](repeating: 0xAA, count: size)
                while write(file.fileDescriptor, block, block.count) > 0 {}
            }
            try file.close()
        }

        @Test("messages wait at the broker, readers and ticks go on, a kill -9 changes nothing, and all of it resumes")
        func fullAndFreeAgain() async throws {
            try await Workbench.use { bench in
                let (box, disk, broker) = try await boxOnSmallDisk(bench)
                defer { try? disk.unmount() }
                var daemon = try await box.start()
                defer { daemon.kill(SIGKILL) }
                try await eventually("the input is up") { try await box.metric("forebay_input_up") == 1 }
                try publish(bench, broker, seed: 1)
                try await eventually("what fits is stored") {
                    try await box.metric("forebay_input_appended_total") == 500
                }

                try fill("\(box.data)/other")
                try await eventually("the daemon says so") { try await box.metric("forebay_log_disk_full") == 1 }
                try fill("\(box.data)/another")
                try publish(bench, broker, seed: 2)
                let ticks = try await box.metric("forebay_log_end_offset", "\"system\"")
                try await eventually("time is recorded all the same") {
                    try await box.metric("forebay_log_end_offset", "\"system\"") > ticks
                }
                #expect(try await box.metric("forebay_log_end_offset", "\"readings\"") == 500)
                #expect(try box.records("readings").count == 500)

                daemon.kill(SIGKILL)
                _ = try await daemon.exitCode()
                daemon = try await box.start(ready: false)
                try await eventually("a daemon that starts on the full disk serves") {
                    (try? await box.metric("forebay_log_disk_full")) == 1
                }
                #expect(try await box.metric("forebay_log_end_offset", "\"readings\"") == 500)

                try FileManager.default.removeItem(atPath: "\(box.data)/other")
                try await eventually("it takes what the broker kept") {
                    try await box.metric("forebay_log_end_offset", "\"readings\"") >= 1000
                }
                #expect(try await box.metric("forebay_log_disk_full") == 0)
                #expect(try storedOnce(box) == 1000)
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
            }
        }

        @Test("a full disk that is taken for one with room would be found")
        func planted() async throws {
            try await Workbench.use { bench in
                let (box, disk, broker) = try await boxOnSmallDisk(bench)
                defer { try? disk.unmount() }
                let settings = "root=\(box.data) report=\(bench.path("report")) lie=\(Lie.space.rawValue)"
                let lied = ["LD_PRELOAD": Workbench.shim("FaultyDisk"), "FOREBAY_DISK": settings]
                var daemon = try await box.start(environment: lied)
                defer { daemon.kill(SIGKILL) }
                try await eventually("the input is up") { try await box.metric("forebay_input_up") == 1 }
                try publish(bench, broker, seed: 1)
                try await eventually("what fits is stored") {
                    try await box.metric("forebay_input_appended_total") == 500
                }
                try fill("\(box.data)/other")
                try fill("\(box.data)/another")
                try publish(bench, broker, seed: 2)
                try await eventually("the rest is said to be") {
                    try await box.metric("forebay_input_appended_total") == 1000
                }
                daemon.kill(SIGKILL)
                _ = try await daemon.exitCode()
                try FileManager.default.removeItem(atPath: "\(box.data)/other")
                daemon = try await box.start()
                try await eventually("the input is up") { try await box.metric("forebay_input_up") == 1 }
                let begun = try await box.metric("forebay_input_appended_total")
                try publish(bench, broker, seed: 3)
                try await eventually("what came last is stored") {
                    try await box.metric("forebay_input_appended_total") >= begun + 500
                }
                #expect(try storedOnce(box) < 1500)
            }
        }

        private func boxOnSmallDisk(_ bench: Workbench) async throws -> (Box, DiskImage, Broker) {
            let broker = try Broker(bench)
            _ = try await broker.start()
            let box = try Box(
                bench,
                configuration: """
                    log: { topics: { readings: { on_full: refuse } } }
                    inputs:
                      plant: { type: mqtt, url: "mqtt://127.0.0.1:\(broker.port)", subscribe: ["plant/{device}"] }
                    """
            )
            return (box, try DiskImage.make(bench.path("image"), at: box.data, mebibytes: 16), broker)
        }

        /// 500 messages, each acknowledged by the broker.
        private func publish(_ bench: Workbench, _ broker: Broker, seed: Int) throws {
            let report = try bench.simulated([
                "mqtt", "--port", "\(broker.port)", "--topic", "plant/{device}", "--rate", "0", "--count", "500",
                "--seed", "\(seed)",
            ])
            #expect(report.count("acknowledged") == 500)
        }

        /// Readings that are not marked as duplicates.
        private func storedOnce(_ box: Box) throws -> Int {
            try box.records("readings").compactMap { $0["value"] as? [String: Any] }.count { $0["duplicate"] == nil }
        }
    }
}
