// What the input threads report: new devices, metrics, last receive times.
import DeviceRegistry
import EventModel
import Platform
import Testing

@Suite("Sightings")
struct SightingTests {
    @Test("register a device as new, with its input and both times")
    func newDevice() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        let outcome = try await registry.record(.of(["freezer-7"], at: 1_795_461_000_123, input: "plant"))
        #expect(outcome == SightingOutcome(newDevices: 1))
        let time = JSONTimestamp(Timestamp(milliseconds: 1_795_461_000_123))
        #expect(
            try await registry.show("freezer-7")
                == DeviceRecord(
                    id: "freezer-7",
                    state: .new,
                    registeredBy: .automatic,
                    input: "plant",
                    firstSeen: time,
                    lastSeen: time
                )
        )
        #expect(registry.directory().devices["freezer-7"] == DeviceEntry(id: "freezer-7"))
        #expect(try await registry.automaticCount() == 1)
        #expect(registry.countsByState() == [.new: 1, .active: 0, .blocked: 0])
    }

    @Test("repeated change only the time last seen, and publish nothing")
    func repeated() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        _ = try await registry.record(.of(["a"], at: 1000))
        let generation = registry.feed.generation
        var again = SightingReport.of(["a"], at: 5000, input: "other")
        again.metrics = []
        #expect(try await registry.record(again) == SightingOutcome())
        #expect(registry.feed.generation == generation)
        let record = try await registry.show("a")
        #expect(record.input == "lan")
        #expect(record.firstSeen?.timestamp.milliseconds == 1000)
        #expect(record.lastSeen?.timestamp.milliseconds == 5000)
    }

    @Test("of metrics keep the first unit that is known, and never an operator's")
    func units() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        func report(_ unit: String?) -> SightingReport {
            var report = SightingReport.of(["a"], at: 1000)
            report.metrics = [MetricSighting(device: "a", metric: "temperature", kind: .number, unit: unit)]
            return report
        }
        #expect(try await registry.record(report(nil)) == SightingOutcome(newDevices: 1, newMetrics: 1))
        #expect(registry.directory().devices["a"]?.metrics == ["temperature": MetricEntry()])
        #expect(try await registry.record(report("°C")).newMetrics == 1)
        #expect(registry.directory().devices["a"]?.metrics["temperature"]?.unit == "°C")
        #expect(try await registry.record(report("°F")).newMetrics == 0)
        #expect(try await registry.show("a").metrics["temperature"]?.unit == "°C")
        let change = DeviceChange(metrics: ["temperature": MetricChange(unit: .set("K"), scale: .set(2))])
        _ = try await registry.set("a", change)
        #expect(try await registry.record(report("°C")).newMetrics == 0)
        let metric = try #require(try await registry.show("a").metrics["temperature"])
        #expect(metric.unit == "K")
        #expect(metric.scale == 2)
        #expect(metric.firstSeen?.timestamp.milliseconds == 1000)
    }

    @Test("of metrics keep their first kind, until an operator corrects it")
    func kinds() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        var report = SightingReport.of(["a"], at: 1000)
        report.metrics = [MetricSighting(device: "a", metric: "door", kind: .state, unit: nil)]
        _ = try await registry.record(report)
        #expect(registry.directory().devices["a"]?.metrics == ["door": MetricEntry(kind: .state)])
        report.metrics = [MetricSighting(device: "a", metric: "door", kind: .number, unit: nil)]
        #expect(try await registry.record(report) == SightingOutcome())
        #expect(try await registry.show("a").metrics["door"]?.kind == .state)
        let corrected = try await registry.set("a", DeviceChange(metrics: ["door": MetricChange(kind: .number)]))
        #expect(corrected.metrics["door"]?.kind == .number)
        #expect(corrected.calibrationRevision == 0)
        try registry.close()
        let again = try directory.open()
        #expect(again.directory().devices["a"]?.metrics == ["door": MetricEntry(kind: .number)])
        try again.close()
    }

    @Test("that name what the registry cannot hold are skipped, the others stored")
    func skipped() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        let long = String(repeating: "x", count: RegistryLimits.idBytesMax)
        var report = SightingReport()
        for id in [long, long + "x", "", "a\u{7}b", "good"] {
            report.devices.append((id, "lan", Timestamp(milliseconds: 1)))
        }
        report.metrics = [
            MetricSighting(device: "stranger", metric: "m", kind: .number, unit: nil),
            MetricSighting(device: "good", metric: "", kind: .number, unit: nil),
            MetricSighting(device: "good", metric: "m", kind: .number, unit: "\u{1}"),
        ]
        report.lastSeen = ["stranger": Timestamp(milliseconds: 2), "good": Timestamp(milliseconds: 3)]
        let outcome = try await registry.record(report)
        #expect(outcome == SightingOutcome(newDevices: 2, newMetrics: 1, skipped: 6))
        #expect(Set(registry.directory().devices.keys) == [long, "good"])
        #expect(
            try await registry.show("good").metrics == ["m": MetricRecord(firstSeen: .init(.init(milliseconds: 3)))]
        )
    }

    @Test("of more metrics than a device may have stop at the limit")
    func metricLimit() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        var report = SightingReport.of(["a"], at: 1)
        for index in 0..<(RegistryLimits.metricsMax + 3) {
            report.metrics.append(MetricSighting(device: "a", metric: "m\(index)", kind: .number, unit: nil))
        }
        let outcome = try await registry.record(report)
        #expect(outcome == SightingOutcome(newDevices: 1, newMetrics: RegistryLimits.metricsMax, skipped: 3))
        #expect(registry.directory().devices["a"]?.metrics.count == RegistryLimits.metricsMax)
    }

    @Test("of ten thousand devices are stored in one go and read back after a restart")
    func manyDevices() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        let ids = (0..<10_000).map { "device-\($0)" }
        var report = SightingReport.of(ids, at: 1000)
        report.metrics = ids.map { MetricSighting(device: $0, metric: "temperature", kind: .number, unit: "°C") }
        let outcome = try await registry.record(report)
        #expect(outcome == SightingOutcome(newDevices: 10_000, newMetrics: 10_000))
        var later = SightingReport()
        for id in ids { later.lastSeen[id] = Timestamp(milliseconds: 2000) }
        #expect(try await registry.record(later) == SightingOutcome())
        let published = registry.directory().devices
        #expect(published.count == 10_000)
        try registry.close()

        let again = try directory.open()
        #expect(again.directory().devices == published)
        #expect(try await again.automaticCount() == 10_000)
        #expect(try await again.show("device-9999").lastSeen?.timestamp.milliseconds == 2000)
        try again.close()
    }

    @Test("of an empty report touch nothing")
    func empty() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        let generation = registry.feed.generation
        #expect(try await registry.record(SightingReport()) == SightingOutcome())
        #expect(registry.feed.generation == generation)
    }

    @Test("and changes at the same time end in a directory that equals the file")
    func concurrent() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        _ = try await registry.record(.of(["shared"], at: 1))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    for round in 0..<20 {
                        _ = try await registry.record(.of(["d-\(worker)-\(round)"], at: 1))
                        _ = try await registry.set("shared", DeviceChange(name: .set("\(worker)-\(round)")))
                    }
                }
            }
            try await group.waitForAll()
        }
        let published = registry.directory().devices
        #expect(published.count == 161)
        try registry.close()
        let again = try directory.open()
        #expect(again.directory().devices == published)
        try again.close()
    }
}
