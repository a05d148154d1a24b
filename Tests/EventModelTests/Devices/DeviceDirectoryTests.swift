// The registry's snapshot as the input threads see it, and the record that people see, in its JSON.
import EventModel
import Foundation
import Platform
import Testing

private func json<Value: Encodable>(_ value: Value) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}

private func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(text.utf8))
}

@Suite("Device directory")
struct DeviceDirectoryTests {
    private func directory(of number: Int) -> DeviceDirectory {
        DeviceDirectory(devices: ["\(number)": DeviceEntry(id: "\(number)")])
    }

    @Test("a feed begins with what it is given, or with no device")
    func beginning() {
        let given = directory(of: 1)
        #expect(DirectoryFeed(given).latest().directory === given)
        #expect(DirectoryFeed().latest().directory.devices.isEmpty)
    }

    @Test("each directory that is published is a new generation; a snapshot that is held does not change")
    func publishing() {
        let feed = DirectoryFeed()
        let first = feed.latest()
        #expect(feed.generation == first.generation)
        let second = directory(of: 2)
        feed.publish(second)
        #expect(feed.generation > first.generation)
        #expect(feed.latest().directory === second)
        #expect(feed.latest().generation == feed.generation)
        #expect(first.directory.devices.isEmpty)
        let before = feed.generation
        feed.publish(second)
        #expect(feed.generation > before)
    }

    @Test("a directory and its generation belong together while others publish")
    func concurrent() async {
        let feed = DirectoryFeed(directory(of: 0))
        let first = feed.generation
        let count = 2000
        let strays = await withTaskGroup(of: Int.self) { group in
            group.addTask {
                for number in 1...count {
                    feed.publish(DeviceDirectory(devices: ["\(number)": DeviceEntry(id: "\(number)")]))
                }
                return 0
            }
            for _ in 0..<4 {
                group.addTask {
                    var strays = 0
                    for _ in 0..<count {
                        let (directory, generation) = feed.latest()
                        if directory.devices["\(generation - first)"] == nil { strays += 1 }
                    }
                    return strays
                }
            }
            return await group.reduce(0, +)
        }
        #expect(strays == 0)
        #expect(feed.generation == first + UInt64(count))
    }

    @Test(
        "a metric leaves values as they are only with the neutral scale and offset",
        arguments: [(1, 0, true), (1, 0.1, false), (2, 0, false), (-1, 0, false), (0, 0, false), (1, -0.0, true)]
            as [(Double, Double, Bool)]
    )
    func identity(scale: Double, offset: Double, isIdentity: Bool) {
        #expect(MetricEntry(scale: scale, offset: offset).isIdentity == isIdentity)
        #expect(MetricEntry().isIdentity)
    }

    @Test("states and kinds have their words")
    func words() {
        #expect(DeviceState.allCases.map(\.rawValue) == ["new", "active", "blocked"])
        #expect([MetricKind.number, .state].map(\.rawValue) == ["number", "state"])
        #expect(DeviceOrigin.allCases.map(\.rawValue) == ["automatic", "operator"])
    }
}

@Suite("Device record")
struct DeviceRecordTests {
    private let full = DeviceRecord(
        id: "freezer-7",
        name: "Walk-in freezer",
        location: "kitchen",
        profile: "freezer",
        state: .active,
        registeredBy: .operator,
        input: "plant",
        labels: ["line": "a"],
        expectedIntervalMilliseconds: 60_000,
        firstSeen: JSONTimestamp(Timestamp(milliseconds: 1_795_461_000_123)),
        lastSeen: JSONTimestamp(Timestamp(milliseconds: 1_795_461_000_131)),
        calibrationRevision: 3,
        metrics: [
            "temperature": MetricRecord(
                unit: "°C",
                scale: 0.1,
                offset: -40.5,
                firstSeen: JSONTimestamp(Timestamp(milliseconds: 0))
            )
        ]
    )

    private let golden =
        #"{"calibration_revision":3,"expected_interval_ms":60000,"first_seen":"2026-11-23T19:10:00.123Z","#
        + #""id":"freezer-7","input":"plant","labels":{"line":"a"},"last_seen":"2026-11-23T19:10:00.131Z","#
        + #""location":"kitchen","metrics":{"temperature":{"first_seen":"1970-01-01T00:00:00.000Z","kind":"number","#
        + #""offset":-40.5,"scale":0.1,"unit":"°C"}},"name":"Walk-in freezer","profile":"freezer","#
        + #""registered_by":"operator","state":"active"}"#

    @Test("has the JSON of the API, and reads it back")
    func goldenJSON() throws {
        #expect(try json(full) == golden)
        #expect(try decode(DeviceRecord.self, golden) == full)
    }

    @Test("leaves out what there is not")
    func smallest() throws {
        let record = DeviceRecord(id: "d", state: .new, registeredBy: .automatic)
        let golden =
            #"{"calibration_revision":0,"id":"d","labels":{},"metrics":{},"registered_by":"automatic","state":"new"}"#
        #expect(try json(record) == golden)
        #expect(try decode(DeviceRecord.self, golden) == record)
        #expect(record.entry == DeviceEntry(id: "d"))
    }

    @Test("gives the input threads the part that they need")
    func entry() {
        let wanted = DeviceEntry(
            id: "freezer-7",
            name: "Walk-in freezer",
            location: "kitchen",
            profile: "freezer",
            state: .active,
            labels: ["line": "a"],
            expectedInterval: .seconds(60),
            metrics: ["temperature": MetricEntry(unit: "°C", scale: 0.1, offset: -40.5)],
            calibrationRevision: 3
        )
        #expect(full.entry == wanted)
    }

    @Test("a page says where the next one begins, and nothing at the end", arguments: [nil, "freezer-7"] as [String?])
    func page(next: String?) throws {
        let page = DevicePage(devices: [full], next: next)
        let text = next.map { #"{"devices":[\#(golden)],"next":"\#($0)"}"# } ?? #"{"devices":[\#(golden)]}"#
        #expect(try json(page) == text)
        #expect(try decode(DevicePage.self, text) == page)
    }

    @Test(
        "a time is read in any zone and written in UTC",
        arguments: ["2026-11-23T19:10:00.123Z", "2026-11-23T20:10:00.123+01:00", "2026-11-23 14:10:00.1234-05:00"]
    )
    func times(text: String) throws {
        let times = try decode([JSONTimestamp].self, "[\"\(text)\"]")
        #expect(times == [JSONTimestamp(Timestamp(milliseconds: 1_795_461_000_123))])
        #expect(try json(times) == #"["2026-11-23T19:10:00.123Z"]"#)
    }

    @Test(
        "what is no time with a zone is refused",
        arguments: [
            #""2026-11-23T19:10:00.123""#, #""2026-11-23""#, #""now""#, "\"\"", #""1795461000123""#,
            #""1795461000123456789""#, "1795461000123", "null", #""2026-02-30T00:00:00Z""#,
        ]
    )
    func noTimes(text: String) {
        #expect(throws: DecodingError.self) { try decode([JSONTimestamp].self, "[\(text)]") }
    }
}
