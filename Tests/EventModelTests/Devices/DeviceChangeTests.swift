// Changes of a device as a merge patch: what is absent stays, `null` clears, and a mistyped key is refused by name.
import EventModel
import Foundation
import Testing

private func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(text.utf8))
}

private func encode(_ change: DeviceChange) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(change), as: UTF8.self)
}

@Suite("Device change")
struct DeviceChangeTests {
    @Test("an empty patch changes nothing, and is written as one")
    func empty() throws {
        let change = try decode(DeviceChange.self, "{}")
        #expect(change == DeviceChange())
        #expect(change.name == .keep && change.location == .keep && change.profile == .keep)
        #expect(change.state == nil && change.labels.isEmpty && change.metrics.isEmpty && !change.create)
        #expect(change.expectedIntervalMilliseconds == .keep)
        #expect(try encode(change) == "{}")
    }

    @Test("sets every field, in the golden text")
    func everyField() throws {
        let change = DeviceChange(
            name: .set("Walk-in freezer"),
            location: .set("kitchen"),
            profile: .clear,
            state: .active,
            labels: ["line": "a", "old": nil],
            expectedIntervalMilliseconds: .set(60_000),
            metrics: [
                "temperature": MetricChange(kind: .number, unit: .set("°C"), scale: .set(0.1), offset: .set(-40.5))
            ],
            create: true
        )
        let golden =
            #"{"create":true,"expected_interval_ms":60000,"labels":{"line":"a","old":null},"location":"kitchen","#
            + #""metrics":{"temperature":{"kind":"number","offset":-40.5,"scale":0.1,"unit":"°C"}},"#
            + #""name":"Walk-in freezer","profile":null,"state":"active"}"#
        #expect(try encode(change) == golden)
        #expect(try decode(DeviceChange.self, golden) == change)
    }

    @Test("null clears what can be absent")
    func clear() throws {
        let text =
            #"{"expected_interval_ms":null,"labels":{"line":null},"location":null,"#
            + #""metrics":{"m":{"offset":null,"scale":null,"unit":null}},"name":null,"profile":null}"#
        let change = try decode(DeviceChange.self, text)
        let wanted = DeviceChange(
            name: .clear,
            location: .clear,
            profile: .clear,
            labels: ["line": nil],
            expectedIntervalMilliseconds: .clear,
            metrics: ["m": MetricChange(unit: .clear, scale: .clear, offset: .clear)]
        )
        #expect(change == wanted)
        #expect(change.labels.count == 1)
        #expect(try encode(change) == text)
    }

    @Test(
        "one member alone is all that changes",
        arguments: [
            (#"{"name":"n"}"#, DeviceChange(name: .set("n"))), (#"{"name":""}"#, DeviceChange(name: .set(""))),
            (#"{"location":"l"}"#, DeviceChange(location: .set("l"))),
            (#"{"profile":"p"}"#, DeviceChange(profile: .set("p"))),
            (#"{"state":"new"}"#, DeviceChange(state: .new)), (#"{"state":"blocked"}"#, DeviceChange(state: .blocked)),
            (#"{"labels":{"a":"b"}}"#, DeviceChange(labels: ["a": "b"])),
            (#"{"expected_interval_ms":1}"#, DeviceChange(expectedIntervalMilliseconds: .set(1))),
            (#"{"metrics":{"m":{}}}"#, DeviceChange(metrics: ["m": MetricChange()])),
            (#"{"metrics":{"m":{"kind":"state"}}}"#, DeviceChange(metrics: ["m": MetricChange(kind: .state)])),
            (#"{"create":true}"#, DeviceChange(create: true)),
        ]
    )
    func oneMember(text: String, change: DeviceChange) throws {
        #expect(try decode(DeviceChange.self, text) == change)
        #expect(try encode(change) == text)
    }

    @Test("refuses a key that it does not know, and names those that it does")
    func unknownKey() throws {
        let error = #expect(throws: DecodingError.self) { try decode(DeviceChange.self, #"{"nmae":"n","name":"n"}"#) }
        guard case .dataCorrupted(let context) = try #require(error) else {
            Issue.record("not `dataCorrupted`: \(String(describing: error))")
            return
        }
        #expect(
            context.debugDescription
                == "unknown key `nmae`; the keys here are create, expected_interval_ms, labels, location, metrics, name, "
                + "profile, state"
        )
    }

    @Test("refuses a metric's key that it does not know, and says in which metric")
    func unknownMetricKey() throws {
        let text = #"{"metrics":{"temperature":{"scael":2}}}"#
        let error = #expect(throws: DecodingError.self) { try decode(DeviceChange.self, text) }
        guard case .dataCorrupted(let context) = try #require(error) else {
            Issue.record("not `dataCorrupted`: \(String(describing: error))")
            return
        }
        #expect(context.debugDescription == "unknown key `scael`; the keys here are kind, offset, scale, unit")
        #expect(context.codingPath.map(\.stringValue) == ["metrics", "temperature"])
    }

    @Test(
        "refuses values of the wrong type",
        arguments: [
            "[]", "null", #"{"name":1}"#, #"{"state":"sleeping"}"#, #"{"state":1}"#, #"{"labels":["a"]}"#,
            #"{"labels":{"a":1}}"#, #"{"expected_interval_ms":"60s"}"#, #"{"expected_interval_ms":1.5}"#,
            #"{"metrics":{"m":null}}"#, #"{"metrics":{"m":{"scale":"2"}}}"#, #"{"metrics":{"m":{"kind":"word"}}}"#,
            #"{"create":1}"#, #"{"expectedIntervalMilliseconds":1}"#, #"{"id":"other"}"#,
        ]
    )
    func wrongTypes(text: String) {
        #expect(throws: DecodingError.self) { try decode(DeviceChange.self, text) }
    }

    @Test("a member that is kept, cleared or set gives the value after the patch", arguments: [nil, 1] as [Int?])
    func applied(current: Int?) {
        #expect(FieldChange<Int>.keep.applied(to: current) == current)
        #expect(FieldChange<Int>.clear.applied(to: current) == nil)
        #expect(FieldChange<Int>.set(2).applied(to: current) == 2)
    }
}
