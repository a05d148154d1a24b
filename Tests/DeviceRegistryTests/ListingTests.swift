// Listing devices: order, pages, filters; and the documents in JSON.
import DeviceRegistry
import EventModel
import Foundation
import Platform
import Testing

@Suite("Device listing")
struct ListingTests {
    private func ids(_ registry: DeviceRegistry, _ filter: DeviceFilter) async throws -> [String] {
        try await registry.list(filter).devices.map(\.id)
    }

    @Test("comes in pages, ordered by the bytes of the id, each device once")
    func pages() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        let all = (0..<25).map { "d\($0)" } + ["Ä", "A", "z/1"]
        _ = try await registry.record(.of(all, at: 1))
        var filter = DeviceFilter(count: 10)
        var seen: [String] = []
        var sizes: [Int] = []
        while true {
            let page = try await registry.list(filter)
            seen += page.devices.map(\.id)
            sizes.append(page.devices.count)
            guard let next = page.next else { break }
            filter.after = next
        }
        #expect(sizes == [10, 10, 8])
        #expect(seen == all.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
    }

    @Test("says that there is no next page when the last one is just full")
    func lastPage() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        _ = try await registry.record(.of(["a", "b"], at: 1))
        #expect(try await registry.list(DeviceFilter(count: 2)).next == nil)
        #expect(try await registry.list(DeviceFilter(count: 1)).next == "a")
        #expect(try await registry.list(DeviceFilter(count: -5)).devices.count == 1)
    }

    @Test(
        "filters by glob, in which only * and ? are special",
        arguments: [
            ("*", ["[x]1", "ab", "aé", "b"]), ("a?", ["ab", "aé"]), ("[x]*", ["[x]1"]), ("[ab]", []), ("b", ["b"]),
            ("'; DROP TABLE devices; --", []),
        ]
    )
    func glob(pattern: String, expected: [String]) async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        _ = try await registry.record(.of(["ab", "b", "[x]1", "aé"], at: 1))
        #expect(try await ids(registry, DeviceFilter(pattern: pattern)) == expected)
    }

    @Test("filters by state")
    func state() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        _ = try await registry.record(.of(["a", "b"], at: 1))
        _ = try await registry.set("b", DeviceChange(state: .blocked, labels: ["k": "v"]))
        #expect(try await ids(registry, DeviceFilter(state: .blocked)) == ["b"])
        #expect(try await ids(registry, DeviceFilter(state: .new, pattern: "*")) == ["a"])
        #expect(try await registry.list(DeviceFilter(state: .blocked)).devices.first?.labels == ["k": "v"])
    }
}

@Suite("Device documents")
struct DocumentTests {
    @Test("carry the keys of the API, and only what there is")
    func recordKeys() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let record = DeviceRecord(
            id: "hall/1",
            state: .new,
            registeredBy: .automatic,
            input: "lan",
            expectedIntervalMilliseconds: 1000,
            firstSeen: JSONTimestamp(Timestamp(milliseconds: 1_795_461_000_123)),
            metrics: ["t": MetricRecord(unit: "°C")]
        )
        let text = String(decoding: try encoder.encode(record), as: UTF8.self)
        #expect(
            text == """
                {"calibration_revision":0,"expected_interval_ms":1000,"first_seen":"2026-11-23T19:10:00.123Z",\
                "id":"hall/1","input":"lan","labels":{},\
                "metrics":{"t":{"kind":"number","offset":0,"scale":1,"unit":"°C"}},\
                "registered_by":"automatic","state":"new"}
                """
        )
        #expect(try JSONDecoder().decode(DeviceRecord.self, from: Data(text.utf8)) == record)
    }

    @Test("of changes tell absent from null, both ways")
    func changeKeys() throws {
        let text = """
            {"name":null,"location":"kitchen","labels":{"a":"1","b":null},"expected_interval_ms":null,
             "metrics":{"t":{"unit":null,"scale":0.5}},"state":"blocked","create":true}
            """
        let change = try JSONDecoder().decode(DeviceChange.self, from: Data(text.utf8))
        #expect(
            change
                == DeviceChange(
                    name: .clear,
                    location: .set("kitchen"),
                    state: .blocked,
                    labels: ["a": "1", "b": nil],
                    expectedIntervalMilliseconds: .clear,
                    metrics: ["t": MetricChange(unit: .clear, scale: .set(0.5))],
                    create: true
                )
        )
        let encoded = try JSONEncoder().encode(change)
        #expect(try JSONDecoder().decode(DeviceChange.self, from: encoded) == change)
        #expect(try JSONDecoder().decode(DeviceChange.self, from: Data("{}".utf8)) == DeviceChange())
    }

    @Test(
        "of changes refuse keys and values that they do not know",
        arguments: [
            #"{"naem":"x"}"#, #"{"metrics":{"t":{"unti":"V"}}}"#, #"{"state":"asleep"}"#, #"{"labels":{"a":1}}"#,
            #"{"expected_interval_ms":1.5}"#, "[]",
        ]
    )
    func unknownKeys(text: String) {
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(DeviceChange.self, from: Data(text.utf8)) }
    }

    @Test(
        "read a time with any zone, and no time without one",
        arguments: [
            ("\"2026-11-23T20:10:00.123+01:00\"", 1_795_461_000_123 as Int64?),
            ("\"2026-11-23T19:10:00Z\"", 1_795_461_000_000),
            ("\"2026-11-23T19:10:00\"", nil), ("\"1795461000\"", nil), ("\"1795461000000000000\"", nil), ("\"\"", nil),
        ]
    )
    func times(text: String, milliseconds: Int64?) {
        let time = try? JSONDecoder().decode(JSONTimestamp.self, from: Data(text.utf8))
        #expect(time?.timestamp.milliseconds == milliseconds)
    }
}
