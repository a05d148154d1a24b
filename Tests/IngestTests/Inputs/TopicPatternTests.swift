// Topic patterns: what they subscribe to, what they match, and what they capture.
import Ingest
import MQTT
import Platform
import Testing

private struct Match: Sendable, CustomTestStringConvertible {
    var pattern: String
    var topic: String
    /// Nil where the topic must not match.
    var captures: [String: String]?

    init(_ pattern: String, _ topic: String, _ captures: [String: String]?) {
        self.pattern = pattern
        self.topic = topic
        self.captures = captures
    }

    var testDescription: String { "\(pattern) against \(topic)" }
}

private func capture(_ pattern: TopicPattern, _ topic: String) -> [String: String]? {
    var captures = TopicCaptures()
    return Array(topic.utf8).withUnsafeBytes { bytes in
        guard pattern.matches(bytes, captures: &captures) else { return nil }
        func text(_ range: TopicRange) -> String { String(decoding: range.bytes(of: bytes), as: UTF8.self) }
        var found: [String: String] = [:]
        if let device = captures.device { found["device"] = text(device) }
        if let metric = captures.metric { found["metric"] = text(metric) }
        for (index, name) in pattern.labelNames.enumerated() { found[name] = text(captures.labels[index]) }
        return found
    }
}

@Suite("Topic patterns")
struct TopicPatternTests {
    @Test(
        "subscribe to the filter that covers them",
        arguments: [
            ("plant/{line}/{device}/{metric}", "plant/+/+/+"),
            ("zigbee2mqtt/{device...}", "zigbee2mqtt/#"),
            ("a/{device...}/state", "a/#"),
            ("{device}", "+"),
            ("a/+/#", "a/+/#"),
            ("/{device}/", "/+/"),
            ("$SYS/broker/{metric...}", "$SYS/broker/#"),
            ("$share/boxes/plant/{device}/{metric}", "$share/boxes/plant/+/+"),
            ("$share/boxes/#", "$share/boxes/#"),
        ]
    )
    func filter(pattern: String, filter: String) throws {
        #expect(try TopicPattern(pattern).filter == filter)
    }

    @Test(
        "match level by level and capture by name",
        arguments: [
            Match(
                "plant/{line}/{device}/{metric}",
                "plant/a/press-1/temperature",
                ["line": "a", "device": "press-1", "metric": "temperature"]
            ),
            Match("plant/{line}/{device}/{metric}", "plant/a/press-1", nil),
            Match("plant/{line}/{device}/{metric}", "plant/a/press-1/temperature/x", nil),
            Match("plant/{line}/{device}/{metric}", "works/a/press-1/temperature", nil),
            Match(
                "plant/{line}/{device}/{metric}",
                "plant//press-1/t",
                ["line": "", "device": "press-1", "metric": "t"]
            ),
            Match("zigbee2mqtt/{device...}", "zigbee2mqtt/kitchen/freezer", ["device": "kitchen/freezer"]),
            Match("zigbee2mqtt/{device...}", "zigbee2mqtt/door", ["device": "door"]),
            Match("zigbee2mqtt/{device...}", "zigbee2mqtt", nil),
            Match("a/{device...}/state", "a/b/c/d/state", ["device": "b/c/d"]),
            Match("a/{device...}/state", "a/b/state", ["device": "b"]),
            Match("a/{device...}/state", "a/state", nil),
            Match("a/{device...}/state", "a/b/c/other", nil),
            Match("a/{device...}/state", "a/state/state", ["device": "state"]),
            Match("{device...}/{metric}", "a/b/c", ["device": "a/b", "metric": "c"]),
            Match("{device...}/{metric}", "c", nil),
            Match("a/+/{metric}", "a/b/c", ["metric": "c"]),
            Match("a/#", "a", [:]),
            Match("a/#", "a/b/c", [:]),
            Match("a/#", "ab", nil),
            Match("#", "a/b", [:]),
            Match("#", "$SYS/broker/uptime", nil),
            Match("+/broker/{metric}", "$SYS/broker/uptime", nil),
            Match("{device...}", "$SYS/broker/uptime", nil),
            Match("$SYS/broker/{metric...}", "$SYS/broker/load/1min", ["metric": "load/1min"]),
            Match("/{device}/", "/x/", ["device": "x"]),
            Match("a/b", "a/b", [:]),
            Match("a/b", "a/bc", nil),
            Match("a/b", "", nil),
            Match("größe/{device}", "größe/°", ["device": "°"]),
            Match("$share/boxes/plant/{device}", "plant/press-1", ["device": "press-1"]),
            Match("$share/boxes/{device...}", "$share/boxes/press-1", nil),
        ]
    )
    private func matching(match: Match) throws {
        #expect(try capture(TopicPattern(match.pattern), match.topic) == match.captures)
    }

    @Test(
        "that cannot be meant are refused with a reason",
        arguments: [
            ("", "empty"),
            ("a/#/b", "last level"),
            ("a/b{device}", "whole level"),
            ("a/{device", "whole level"),
            ("a/b+", "whole level"),
            ("a/{}", "name"),
            ("a/{...}", "name"),
            ("a/{de vice}", "name"),
            ("{device}/{device}", "twice"),
            ("{a...}/{b...}", "span"),
            ("{a...}/#", "span"),
            ("{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", "labels"),
            ("a\u{0}", "NUL"),
            ("$share/+/a", "share"),
            ("$share//a", "share"),
            ("$share/boxes/", "empty"),
        ]
    )
    func refused(pattern: String, reason: String) {
        let error = #expect(throws: TopicPatternError.self) { try TopicPattern(pattern) }
        #expect(error?.reason.contains(reason) == true)
    }

    @Test("never read outside of hostile topics")
    func hostileTopics() throws {
        let pattern = try TopicPattern("a/{device...}/{line}/x")
        for length in 0...12 {
            for seed in 0..<64 {
                let bytes = (0..<length).map { index in Array("a/x/\u{0}é".utf8)[(seed &* 7 &+ index &* index) % 7] }
                _ = capture(pattern, String(decoding: bytes, as: UTF8.self))
            }
        }
        let long = "a/" + String(repeating: "b/", count: 32_000) + "line/x"
        #expect(capture(pattern, long)?["line"] == "line")
        #expect(capture(pattern, long + String(repeating: "/x", count: 4000)) == nil)
    }
}

@Suite("Topic router")
struct TopicRouterTests {
    private func verdict(_ router: TopicRouter, _ topic: String) -> TopicVerdict {
        var captures = TopicCaptures()
        return Array(topic.utf8).withUnsafeBytes { router.route($0, captures: &captures) }
    }

    @Test("takes the first pattern that matches, and exclusions before all")
    func order() throws {
        let router = try TopicRouter(subscribe: ["a/b/{metric}", "a/{device}/{metric}"], exclude: ["+/+/set"])
        #expect(verdict(router, "a/b/c") == .wanted(pattern: 0))
        #expect(verdict(router, "a/x/c") == .wanted(pattern: 1))
        #expect(verdict(router, "a/x/set") == .excluded)
        #expect(verdict(router, "b/x/c") == .unmatched)
    }

    @Test("subscribes to no filter that another one covers")
    func covering() throws {
        let router = try TopicRouter(
            subscribe: [
                "a/{device}/x", "a/{device...}", "a/b", "b/{device}", "b/c", "c/{device...}/s", "$SYS/x", "a/#",
            ],
            exclude: []
        )
        #expect(router.filters.sorted() == ["$SYS/x", "a/#", "b/+", "c/#"])
    }

    @Test("does not take $-topics as covered by wildcards at the first level")
    func systemTopics() throws {
        let router = try TopicRouter(subscribe: ["#", "$SYS/broker/{metric}"], exclude: [])
        #expect(router.filters.sorted() == ["#", "$SYS/broker/+"])
    }

    @Test("names the labels of the pattern that matched")
    func labels() throws {
        let router = try TopicRouter(subscribe: ["a/{hall}/{device}", "b/{line}/{cell}/{device}"], exclude: [])
        let names = (0..<2).map { pattern in
            (0..<router.labelCount(ofPattern: pattern)).map { label in
                String(decoding: router.labelName(ofPattern: pattern, label: label), as: UTF8.self)
            }
        }
        #expect(names == [["hall"], ["line", "cell"]])
    }
}

@Suite("Broker addresses")
struct BrokerAddressTests {
    @Test(
        "are read from a URL",
        arguments: [
            ("mqtt://127.0.0.1:1883", "mqtt://127.0.0.1:1883"),
            ("mqtt://broker.local", "mqtt://broker.local:1883"),
            ("mqtts://broker.local/", "mqtts://broker.local:8883"),
            ("mqtts://[2001:db8::1]:9000", "mqtts://[2001:db8::1]:9000"),
        ]
    )
    func accepted(url: String, shown: String) {
        #expect(BrokerAddress(url: url)?.description == shown)
    }

    @Test(
        "are refused when they are none",
        arguments: [
            "", "127.0.0.1:1883", "http://a", "mqtt://", "mqtt://:1883", "mqtt://a:0x10", "mqtt://a:+1",
            "mqtt://a:70000",
            "mqtt://a:", "mqtt://a/topic", "mqtt://user:secret@a", "mqtt://[::1", "mqtt://[::1]x",
        ]
    )
    func refused(url: String) {
        #expect(BrokerAddress(url: url) == nil)
    }
}
