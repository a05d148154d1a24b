// How sightings reach the registry: kept where a stop comes between, and counted where the registry cannot hold them.
import Appliance
import DeviceRegistry
import EventModel
import Foundation
import Logging
import Platform
import Synchronization
import Testing

@Suite("Registry keeper")
struct RegistryKeeperTests {
    /// Keeps what is logged.
    private struct Journal: LogHandler {
        final class Lines: Sendable {
            let lines = Mutex<[String]>([])
        }

        let kept: Lines
        var metadata = Logger.Metadata()
        var logLevel = Logger.Level.trace

        init(_ kept: Lines) {
            self.kept = kept
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            kept.lines.withLock { $0.append("\(event.level) \(event.message)") }
        }
    }

    private struct Bench {
        let directory: String
        let registry: DeviceRegistry
        let sightings = DeviceSightings(automaticMax: 100)
        let journal = Journal.Lines()
        let keeper: RegistryKeeper

        init() throws {
            directory = FileManager.default.temporaryDirectory.path + "/forebay-keeper-\(UUID().uuidString.prefix(8))"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            let now = Timestamp(milliseconds: 0)
            registry = try DeviceRegistry.open(path: directory + "/registry.sqlite", at: now).registry
            let journal = journal
            keeper = RegistryKeeper(
                registry: registry,
                sightings: sightings,
                clock: SystemClock(),
                logger: Logger(label: "test") { _ in Journal(journal) }
            )
        }

        func close() throws {
            try registry.close()
            try FileManager.default.removeItem(atPath: directory)
        }
    }

    @Test("what a cancelled task could not save is no failure, and is saved by whoever stops it")
    func cancelled() async throws {
        let bench = try Bench()
        #expect(bench.sightings.claim(device: "a", input: "lan", at: Timestamp(milliseconds: 5)))
        let keeper = bench.keeper
        await Task {
            withUnsafeCurrentTask { $0?.cancel() }
            await keeper.save()
        }.value
        #expect(bench.registry.directory().devices["a"] == nil, "the registry refuses a cancelled task")
        #expect(bench.journal.lines.withLock { $0 } == [])
        #expect(await !keeper.isFailing)
        await keeper.save()
        #expect(bench.registry.directory().devices["a"] != nil)
        #expect(bench.journal.lines.withLock { $0 } == [])
        try bench.close()
    }

    @Test("a failure is said once")
    func failing() async throws {
        let bench = try Bench()
        try bench.registry.close()
        #expect(bench.sightings.claim(device: "a", input: "lan", at: Timestamp(milliseconds: 5)))
        await bench.keeper.save()
        await bench.keeper.save()
        #expect(await bench.keeper.isFailing)
        let lines = bench.journal.lines.withLock { $0 }
        #expect(lines.count == 1 && lines.first?.hasPrefix("error the registry does not take sightings") == true)
        try FileManager.default.removeItem(atPath: bench.directory)
    }

    @Test("what the registry cannot hold is counted")
    func skipped() async throws {
        let bench = try Bench()
        let long = String(repeating: "d", count: RegistryLimits.idBytesMax + 1)
        for device in ["a", long] {
            #expect(bench.sightings.claim(device: device, input: "lan", at: Timestamp(milliseconds: 5)))
        }
        await bench.keeper.save()
        #expect(await bench.keeper.skippedCount == 1)
        #expect(bench.registry.directory().devices["a"] != nil)
        try bench.close()
    }
}
