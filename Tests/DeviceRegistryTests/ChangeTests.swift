// What an operator changes: fields, labels, calibration, creation; and what is refused.
import DeviceRegistry
import EventModel
import GRDB
import Platform
import Testing

@Suite("Device changes")
struct ChangeTests {
    @Test("set every field, in the file and in the published directory")
    func everyField() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        _ = try await registry.record(.of(["freezer-7"], at: 1000))
        let changed = try await registry.set(
            "freezer-7",
            DeviceChange(
                name: .set("Walk-in freezer"),
                location: .set("kitchen"),
                profile: .set("freezer"),
                state: .active,
                labels: ["line": "a", "absent": nil],
                expectedIntervalMilliseconds: .set(60_000),
                metrics: ["temperature": MetricChange(unit: .set("°C"), scale: .set(0.1), offset: .set(-40))]
            )
        )
        let time = JSONTimestamp(Timestamp(milliseconds: 1000))
        let wanted = DeviceRecord(
            id: "freezer-7",
            name: "Walk-in freezer",
            location: "kitchen",
            profile: "freezer",
            state: .active,
            registeredBy: .automatic,
            input: "lan",
            labels: ["line": "a"],
            expectedIntervalMilliseconds: 60_000,
            firstSeen: time,
            lastSeen: time,
            calibrationRevision: 1,
            metrics: ["temperature": MetricRecord(unit: "°C", scale: 0.1, offset: -40)]
        )
        #expect(changed == wanted)
        #expect(try await registry.show("freezer-7") == wanted)
        #expect(registry.directory().devices["freezer-7"] == wanted.entry)
        #expect(wanted.entry.expectedInterval == .seconds(60))
        try registry.close()
        let again = try directory.open()
        #expect(again.directory().devices["freezer-7"] == wanted.entry)
        try again.close()
    }

    @Test("leave alone what they do not name, and clear what they say is null")
    func patch() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        let all = DeviceChange(
            name: .set("n"),
            location: .set("l"),
            profile: .set("p"),
            labels: ["a": "1", "b": "2"],
            expectedIntervalMilliseconds: .set(5),
            metrics: ["m": MetricChange(unit: .set("V"), scale: .set(3), offset: .set(4))],
            create: true
        )
        let before = try await registry.set("d", all)
        let generation = registry.feed.generation
        #expect(try await registry.set("d", DeviceChange()) == before)
        #expect(registry.feed.generation == generation)

        var partly = before
        partly.location = nil
        partly.labels = ["b": "3"]
        let some = DeviceChange(location: .clear, labels: ["a": nil, "b": "3"])
        #expect(try await registry.set("d", some) == partly)
        #expect(registry.feed.generation == generation + 1)

        let rest = DeviceChange(
            name: .clear,
            profile: .clear,
            labels: ["b": nil],
            expectedIntervalMilliseconds: .clear,
            metrics: ["m": MetricChange(unit: .clear, scale: .clear, offset: .clear)]
        )
        let cleared = try await registry.set("d", rest)
        #expect(
            cleared
                == DeviceRecord(
                    id: "d",
                    state: .active,
                    registeredBy: .operator,
                    calibrationRevision: 2,
                    metrics: ["m": MetricRecord()]
                )
        )
        #expect(try await registry.show("d") == cleared)
    }

    @Test("create an active device of the operator's, only where they say so")
    func creation() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        #expect(await code { _ = try await registry.set("d", DeviceChange(name: .set("x"))) } == .unknownDevice)
        #expect(await code { _ = try await registry.show("d") } == .unknownDevice)
        let made = try await registry.set("d", DeviceChange(create: true))
        #expect(made == DeviceRecord(id: "d", state: .active, registeredBy: .operator))
        let blocked = try await registry.set("b", DeviceChange(state: .blocked, create: true))
        #expect(blocked.state == .blocked)
        #expect(registry.countsByState() == [.new: 0, .active: 1, .blocked: 1])
        #expect(try await registry.automaticCount() == 0)
        // Heard for the first time after it was declared: it stays the operator's.
        _ = try await registry.record(.of(["d"], at: 77))
        let heard = try await registry.show("d")
        #expect(heard.state == .active && heard.registeredBy == .operator)
        #expect(heard.firstSeen?.timestamp.milliseconds == 77)
    }

    @Test("of scale or offset raise the revision once and keep every calibration with its time")
    func calibration() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        func calibrate(_ scale: Double, _ offset: Double, at time: Int64) async throws -> DeviceRecord {
            let change = MetricChange(scale: .set(scale), offset: .set(offset))
            return try await registry.set(
                "d",
                DeviceChange(metrics: ["m": change, "n": change], create: true),
                at: Timestamp(milliseconds: time)
            )
        }
        #expect(try await calibrate(1, 0, at: 10).calibrationRevision == 0)
        #expect(try await calibrate(2, 0, at: 20).calibrationRevision == 1)
        #expect(try await calibrate(2, 0, at: 30).calibrationRevision == 1)
        #expect(try await calibrate(2, 1, at: 40).calibrationRevision == 2)
        let unit = DeviceChange(metrics: ["m": MetricChange(unit: .set("V"))])
        #expect(try await registry.set("d", unit).calibrationRevision == 2)
        #expect(registry.directory().devices["d"]?.metrics["m"] == MetricEntry(unit: "V", scale: 2, offset: 1))
        try registry.close()

        let database = try DatabaseQueue(path: directory.registry)
        let rows = try await database.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT m.metric, c.revision, c.scale, c."offset", c.valid_from
                    FROM calibrations c JOIN metrics m ON m.number = c.metric ORDER BY m.metric, c.revision
                    """
            ).map { "\($0[0] as String) \($0[1] as Int) \($0[2] as Double) \($0[3] as Double) \($0[4] as Int)" }
        }
        #expect(rows == ["m 1 2.0 0.0 20", "m 2 2.0 1.0 40", "n 1 2.0 0.0 20", "n 2 2.0 1.0 40"])
    }

    @Test(
        "out of bounds are refused with a sentence, and nothing is stored",
        arguments: [
            DeviceChange(name: .set("")),
            DeviceChange(name: .set(String(repeating: "x", count: RegistryLimits.textBytesMax + 1))),
            DeviceChange(location: .set("a\nb")),
            DeviceChange(profile: .set("\u{85}")),
            DeviceChange(labels: ["": "x"]),
            DeviceChange(labels: ["name": "x"]),
            DeviceChange(labels: ["a=b": "x"]),
            DeviceChange(labels: ["a": ""]),
            DeviceChange(labels: ["a": String(repeating: "é", count: 129)]),
            DeviceChange(expectedIntervalMilliseconds: .set(0)),
            DeviceChange(expectedIntervalMilliseconds: .set(.max)),
            DeviceChange(metrics: ["": MetricChange()]),
            DeviceChange(metrics: ["m": MetricChange(unit: .set(String(repeating: "u", count: 33)))]),
            DeviceChange(metrics: ["m": MetricChange(scale: .set(0))]),
            DeviceChange(metrics: ["m": MetricChange(scale: .set(.infinity))]),
            DeviceChange(metrics: ["m": MetricChange(offset: .set(.nan))]),
        ]
    )
    func refused(change: DeviceChange) async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        let before = try await registry.set("d", DeviceChange(create: true))
        #expect(await code { _ = try await registry.set("d", change) } == .invalidChange)
        #expect(try await registry.show("d") == before)
    }

    @Test("of an id that cannot be are refused", arguments: ["", "a\u{0}", String(repeating: "x", count: 129)])
    func badID(id: String) async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        #expect(await code { _ = try await registry.set(id, DeviceChange(create: true)) } == .invalidChange)
    }

    @Test("at the longest that is allowed are stored whole")
    func longest() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        let id = String(repeating: "i", count: RegistryLimits.idBytesMax)
        let text = String(repeating: "t", count: RegistryLimits.textBytesMax)
        let key = String(repeating: "k", count: RegistryLimits.labelKeyBytesMax)
        let record = try await registry.set(
            id,
            DeviceChange(
                name: .set(text),
                labels: [key: text],
                expectedIntervalMilliseconds: .set(RegistryLimits.expectedIntervalMillisecondsMax),
                create: true
            )
        )
        #expect(record.name == text && record.labels == [key: text])
        #expect(try await registry.show(id) == record)
    }

    @Test("stop at the number of labels a device may have")
    func labelLimit() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        let full = Dictionary(uniqueKeysWithValues: (0..<RegistryLimits.labelsMax).map { ("k\($0)", "v" as String?) })
        _ = try await registry.set("d", DeviceChange(labels: full, create: true))
        #expect(await code { _ = try await registry.set("d", DeviceChange(labels: ["more": "v"])) } == .limitReached)
        let swap = DeviceChange(labels: ["k0": nil, "more": "v"])
        #expect(try await registry.set("d", swap).labels.count == RegistryLimits.labelsMax)
    }
}
