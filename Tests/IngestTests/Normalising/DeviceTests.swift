// Which device an event is of: each sentence of the contract on devices, through the whole pipeline.
import EventModel
import Ingest
import Testing

/// The payload's own words for a device, the best one first.
private let ownNames = ["device", "device_id", "deviceId", "devEui", "dev", "sensor", "id"]

@Suite("Normalising: device")
struct DeviceTests {
    @Test(
        "configured beats guessed: device_field, the topic's {device}, the input's device, then the payload's words",
        arguments: [
            (["field", "topic", "input"], "by-field"), (["field", "topic"], "by-field"), (["field"], "by-field"),
            (["topic", "input"], "by-topic"), (["topic"], "by-topic"), (["input"], "by-input"), ([], "by-payload"),
        ] as [([String], String)]
    )
    func precedence(_ given: [String], _ device: String) throws {
        let bench = try PipelineBench {
            $0.decoder.deviceField = "serial"
            if given.contains("input") { $0.normaliser.device = "by-input" }
        }
        let serial = given.contains("field") ? #""serial":"by-field","# : ""
        let pattern = given.contains("topic") ? "plant/{device}/up" : "plant/+/up"
        let payload = #"{\#(serial)"device":"by-payload","t":1}"#
        let taken = try bench.take(payload, .topic("plant/by-topic/up", pattern))
        #expect(taken.events.map(\.key) == [device])
        #expect(try taken.events.first?.json().text("device") == device)
    }

    @Test("then device, device_id, deviceId, devEui, dev, sensor and id, in this order", arguments: ownNames.indices)
    func ownWords(_ best: Int) throws {
        // The best one stands last, so that the order in the payload does not help.
        let members = ownNames[best...].reversed().map { "\"\($0)\":\"by-\($0)\"" }.joined(separator: ",")
        let event = try PipelineBench().event("{\(members),\"t\":1}")
        #expect(event.text("device") == "by-\(ownNames[best])")
        #expect(try event["readings"] == json(#"{"t":1}"#))
        #expect(event["states"] == nil)
    }

    @Test(
        "keys are matched without regard to case",
        arguments: ["DEVICE", "Device_ID", "DEVICEID", "deveui", "Dev", "SENSOR", "ID"]
    )
    func anyCase(_ key: String) throws {
        let event = try PipelineBench().event("{\"\(key)\":\"freezer-7\",\"t\":1}")
        #expect(event.text("device") == "freezer-7")
    }

    @Test("device_field is matched without regard to case", arguments: ["serial", "SERIAL", "Serial"])
    func fieldInAnyCase(_ key: String) throws {
        let bench = try PipelineBench { $0.decoder.deviceField = "seRial" }
        #expect(try bench.event("{\"\(key)\":\"freezer-7\",\"t\":1}").text("device") == "freezer-7")
    }

    @Test("id names the device only where it is a string")
    func identifier() throws {
        let bench = try PipelineBench()
        #expect(try bench.event(#"{"id":"17","t":1}"#).text("device") == "17")
        #expect(try bench.refusal(#"{"id":17,"t":1}"#) == "no_device")
        let beside = try bench.event(#"{"device":"a","id":17,"t":1}"#)
        #expect(beside.text("device") == "a")
        #expect(try beside["readings"] == json(#"{"id":17,"t":1}"#))
    }

    @Test("the other names may be numbers", arguments: ownNames.dropLast())
    func numberedDevice(_ key: String) throws {
        #expect(try PipelineBench().event("{\"\(key)\":17,\"t\":1}").text("device") == "17")
    }

    @Test(
        "a name that is null is absent: the next one counts",
        arguments: [#"{"device":null,"sensor":"b","t":1}"#, #"{"sensor":"b","device":null,"t":1}"#]
    )
    func absentName(_ payload: String) throws {
        #expect(try PipelineBench().event(payload).text("device") == "b")
    }

    @Test("the id has 1 to 128 bytes", arguments: [("d", 1), ("d", 127), ("d", 128), ("é", 64), ("😀", 32)])
    func goodLengths(_ character: String, _ count: Int) throws {
        let id = String(repeating: character, count: count)
        let taken = try PipelineBench().take("{\"device\":\"\(id)\",\"t\":1}")
        #expect(taken.events.map(\.key) == [id])
        #expect(try taken.events.first?.json().text("device") == id)
        #expect(taken.rejects.count == 0)
    }

    @Test(
        "else the payload is rejected: an id without a byte, or with more than 128",
        arguments: [("d", 0), ("d", 129), ("é", 65), ("😀", 33), ("d", 4000)]
    )
    func badLengths(_ character: String, _ count: Int) throws {
        let id = String(repeating: character, count: count)
        let bench = try PipelineBench()
        #expect(try bench.refusal("{\"device\":\"\(id)\",\"t\":1}") == "invalid_device")
        #expect(bench.counts.rejected == [.invalidDevice: 1])
    }

    @Test("the topic's device is held to the same", arguments: [String(repeating: "d", count: 129), "a\u{7}b", ""])
    func badTopicDevice(_ id: String) throws {
        let bench = try PipelineBench()
        let way = PayloadWay.topic("plant/\(id)/up", "plant/{device}/up")
        #expect(try bench.refusal(#"{"device":"a","t":1}"#, way) == "invalid_device")
    }

    @Test(
        "the id has no control characters",
        arguments: [#"\u0000"#, #"a\u0007b"#, #"a\nb"#, #"\u001f"#, #"a\u007f"#, #"\u0085"#, #"\u009f"#]
    )
    func controlCharacters(_ id: String) throws {
        #expect(try PipelineBench().refusal("{\"device\":\"\(id)\",\"t\":1}") == "invalid_device")
    }

    @Test("the id is UTF-8", arguments: [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80]] as [[UInt8]])
    func notUTF8(_ id: [UInt8]) throws {
        let payload = Array("{\"device\":\"a".utf8) + id + Array("\",\"t\":1}".utf8)
        let bench = try PipelineBench()
        let taken = try bench.take(payload)
        #expect(taken.events.count == 0)
        #expect(taken.rejects.map { $0.headers["reason"] } == ["invalid_device"])
        #expect(taken.rejects.map(\.value) == [payload])
    }

    @Test("a payload that names no device, from an input and a topic that name none, is rejected")
    func noDevice() throws {
        let bench = try PipelineBench()
        #expect(try bench.refusal(#"{"t":1}"#) == "no_device")
        #expect(try bench.refusal(#"{"t":1}"#, .topic("plant/a", "plant/{line}")) == "no_device")
        #expect(try bench.refusal(#"{"device":null,"t":1}"#) == "no_device")
    }

    @Test("a device that spans levels of the topic is one id")
    func spanningDevice() throws {
        let way = PayloadWay.topic("zigbee2mqtt/kitchen/freezer", "zigbee2mqtt/{device...}")
        #expect(try PipelineBench().event(#"{"t":1}"#, way).text("device") == "kitchen/freezer")
    }

    @Test("device_prefix stands before every id of the input, and counts")
    func prefix() throws {
        let bench = try PipelineBench { $0.normaliser.devicePrefix = "hall-" }
        #expect(try bench.event(#"{"device":"7","t":1}"#).text("device") == "hall-7")
        #expect(try bench.event(#"{"t":1}"#, .topic("up/9", "up/{device}")).text("device") == "hall-9")
        let longest = String(repeating: "d", count: 123)
        #expect(try bench.event("{\"device\":\"\(longest)\",\"t\":1}").text("device") == "hall-\(longest)")
        #expect(try bench.refusal("{\"device\":\"\(longest)d\",\"t\":1}") == "invalid_device")
        #expect(try bench.refusal(#"{"device":"","t":1}"#) == "invalid_device")
    }

    @Test("the id never changes: names are the registry's")
    func names() throws {
        let bench = try PipelineBench()
        #expect(try bench.event(#"{"device":"freezer-7","t":1}"#).text("device") == "freezer-7")
        bench.publish([DeviceEntry(id: "freezer-7", name: "Walk-in freezer", state: .active)])
        let taken = try bench.take(#"{"device":"freezer-7","t":1}"#)
        #expect(taken.events.map(\.key) == ["freezer-7"])
        #expect(try taken.events.first?.json().text("device") == "freezer-7")
    }
}
