// Sightings: how many devices may register themselves, who is reported, and how later reports are merged in.
import EventModel
import Platform
import Testing

private func at(_ milliseconds: Int64) -> Timestamp {
    Timestamp(milliseconds: milliseconds)
}

extension DeviceSightings {
    fileprivate func claim(_ device: String, by input: String = "plant", at milliseconds: Int64 = 0) -> Bool {
        claim(device: device, input: input, at: Timestamp(milliseconds: milliseconds))
    }
}

@Suite("Device sightings")
struct DeviceSightingsTests {
    @Test("as many devices register themselves as the budget says", arguments: [0, 1, 2, 10, 1000])
    func budget(count: Int) {
        let sightings = DeviceSightings(automaticMax: count)
        let names = (0..<count).map { "device-\($0)" }
        #expect(names.filter { sightings.claim($0) } == names)
        #expect(!sightings.claim("one too many"))
        #expect(!sightings.claim("another"))
        let report = sightings.drain()
        #expect(report.devices.map(\.id) == names)
    }

    @Test("a budget below zero is spent", arguments: [-1, .min] as [Int])
    func negative(budget: Int) {
        let sightings = DeviceSightings(automaticMax: budget)
        #expect(!sightings.claim("a"))
        #expect(sightings.drain().isEmpty)
    }

    @Test("a device that has its place keeps it, costs nothing more, and is reported once, as first heard")
    func again() {
        let sightings = DeviceSightings(automaticMax: 2)
        #expect(sightings.claim("a", by: "plant", at: 10))
        #expect(sightings.claim("a", by: "lan", at: 20))
        #expect(sightings.claim("b", by: "lan", at: 30))
        #expect(!sightings.claim("c", by: "lan", at: 40))
        #expect(sightings.claim("a", by: "probes", at: 50))
        let report = sightings.drain()
        #expect(report.devices.map(\.id) == ["a", "b"])
        #expect(report.devices.map(\.input) == ["plant", "lan"])
        #expect(report.devices.map(\.at) == [at(10), at(30)])
        #expect(sightings.claim("b"))
        #expect(sightings.drain().isEmpty)
    }

    @Test("names are told apart by every letter")
    func names() {
        let sightings = DeviceSightings(automaticMax: 2)
        #expect(sightings.claim("a"))
        #expect(sightings.claim("A"))
        #expect(!sightings.claim("a "))
    }

    @Test("a new budget counts from now, and takes no place away")
    func newBudget() {
        let sightings = DeviceSightings(automaticMax: 1)
        #expect(sightings.claim("a"))
        #expect(!sightings.claim("b"))
        sightings.setBudget(1)
        #expect(sightings.claim("b"))
        #expect(!sightings.claim("c"))
        sightings.setBudget(0)
        #expect(sightings.claim("a"))
        #expect(!sightings.claim("c"))
    }

    @Test("a report is taken once")
    func drain() {
        let sightings = DeviceSightings(automaticMax: 1)
        let metric = MetricSighting(device: "a", metric: "temperature", kind: .number, unit: "°C")
        let state = MetricSighting(device: "a", metric: "door", kind: .state, unit: nil)
        #expect(sightings.drain().isEmpty)
        #expect(sightings.claim("a"))
        #expect(sightings.claim(metric) == metric.kind)
        #expect(sightings.claim(state) == state.kind)
        sightings.noteLastSeen(["a": at(7)])
        let report = sightings.drain()
        #expect(report.devices.map(\.id) == ["a"])
        #expect(report.metrics == [metric, state])
        #expect(report.lastSeen == ["a": at(7)])
        #expect(!report.isEmpty)
        #expect(sightings.drain().isEmpty)
    }

    @Test("of two receive times of a device the later one stays, in whatever order they come")
    func lastSeen() {
        let sightings = DeviceSightings(automaticMax: 0)
        sightings.noteLastSeen(["a": at(10), "b": at(10), "c": at(-5)])
        sightings.noteLastSeen(["a": at(20), "b": at(5), "d": at(0)])
        sightings.noteLastSeen([:])
        #expect(sightings.drain().lastSeen == ["a": at(20), "b": at(10), "c": at(-5), "d": at(0)])
    }

    @Test("inputs that claim at once get no more than the budget together", arguments: [0, 1, 100, 200])
    func concurrent(budget: Int) async {
        let sightings = DeviceSightings(automaticMax: budget)
        let granted = await withTaskGroup(of: Set<String>.self) { group in
            for input in 0..<8 {
                group.addTask {
                    let names = (0..<200).map { "device-\(($0 + input * 25) % 200)" }
                    return Set(names.filter { sightings.claim($0, by: "input-\(input)") })
                }
            }
            var granted: Set<String> = []
            for await names in group { granted.formUnion(names) }
            return granted
        }
        let reported = sightings.drain().devices.map(\.id)
        #expect(granted.count == budget)
        #expect(reported.count == budget)
        #expect(Set(reported) == granted)
    }
}

@Suite("Sighting report")
struct SightingReportTests {
    private func report(_ device: String, _ times: [String: Timestamp]) -> SightingReport {
        var report = SightingReport()
        report.devices = [(id: device, input: "plant", at: at(1))]
        report.metrics = [MetricSighting(device: device, metric: "m", kind: .number, unit: nil)]
        report.lastSeen = times
        return report
    }

    @Test("a later report is put behind the earlier one, and its times are merged in")
    func merge() {
        var merged = report("a", ["a": at(10), "b": at(20)])
        merged.merge(report("b", ["a": at(30), "b": at(5), "c": at(1)]))
        #expect(merged.devices.map(\.id) == ["a", "b"])
        #expect(merged.metrics.map(\.device) == ["a", "b"])
        #expect(merged.lastSeen == ["a": at(30), "b": at(20), "c": at(1)])
    }

    @Test("merging with an empty report changes nothing, on either side")
    func mergeEmpty() {
        let whole = report("a", ["a": at(10)])
        var left = whole
        left.merge(SightingReport())
        var right = SightingReport()
        right.merge(whole)
        for merged in [left, right] {
            #expect(merged.devices.map(\.id) == ["a"])
            #expect(merged.metrics == whole.metrics)
            #expect(merged.lastSeen == whole.lastSeen)
        }
    }

    @Test("a report is empty only where nothing at all is in it", arguments: 0..<8)
    func isEmpty(parts: Int) {
        let whole = report("a", ["a": at(10)])
        var some = SightingReport()
        if parts & 1 != 0 { some.devices = whole.devices }
        if parts & 2 != 0 { some.metrics = whole.metrics }
        if parts & 4 != 0 { some.lastSeen = whole.lastSeen }
        #expect(some.isEmpty == (parts == 0))
    }

    @Test("a metric has the kind of its first sighting until the directory has been there for a round")
    func firstKind() {
        func sighting(_ kind: MetricKind) -> MetricSighting {
            MetricSighting(device: "a", metric: "t", kind: kind, unit: nil)
        }
        let sightings = DeviceSightings(automaticMax: 1)
        #expect(sightings.claim(sighting(.number)) == .number)
        #expect(sightings.claim(sighting(.state)) == .number)
        #expect(sightings.claim(MetricSighting(device: "b", metric: "t", kind: .state, unit: nil)) == .state)
        let report = sightings.drain()
        #expect(report.metrics.count == 2)
        sightings.notePublished(report)
        #expect(sightings.claim(sighting(.state)) == .number)
        #expect(sightings.drain().isEmpty)
        sightings.notePublished(SightingReport())
        #expect(sightings.claim(sighting(.state)) == .state)
    }
}
