// What the contract promises of every record of topic `readings`, whatever its payload was, as one check.
import EventModel
import Platform

/// Which promises a record breaks; nothing where it keeps all of them.
struct RecordPromises {
    private(set) var broken: [String] = []

    private static let known: Set = [
        "device", "time", "received", "clock", "readings", "states", "units", "labels", "quality", "bad", "suspect",
        "raw",
        "calibration", "seq", "retained", "duplicate",
    ]
    private static let maps = ["readings", "states", "units", "labels", "bad", "suspect", "raw"]
    private static let badReasons: Set = ["sentinel", "not_a_number", "type_changed"]

    init(_ record: BenchRecord) {
        let event: JSONValue
        do {
            event = try record.json()
        } catch {
            broken = ["\(error)"]
            return
        }
        checkKeys(event)
        checkValues(event)
        checkQuality(event)
        checkOddments(event)
        need(event.text("device") == record.key, "the key is the device's id")
        need((1...128).contains(record.key.utf8.count), "the id has 1 to 128 bytes")
        need(event.text("time") == TimestampText.string(record.timestamp), "the record's timestamp is the event's time")
        need(record.headers["input"] != nil && record.headers["from"] != nil, "headers input and from")
        checkReader(record)
    }

    private mutating func need(_ holds: Bool, _ promise: String) {
        if !holds { broken.append(promise) }
    }

    private mutating func checkKeys(_ event: JSONValue) {
        let strange = event.names.subtracting(RecordPromises.known)
        need(strange.isEmpty, "no key but the contract's: \(strange)")
        for key in ["device", "time", "received", "clock", "quality"] { need(event[key] != nil, "\(key) is there") }
        for key in RecordPromises.maps {
            if let map = event[key] { need(!map.members.isEmpty, "\(key) is a map, and left out where it is empty") }
        }
        let holdsSomething = event["readings"] != nil || event["states"] != nil || event["bad"] != nil
        need(holdsSomething, "an event has something to say")
    }

    private mutating func checkValues(_ event: JSONValue) {
        for (name, value) in event["readings"]?.members ?? [:] {
            if case .number = value { continue }
            need(false, "readings maps to numbers only: \(name)")
        }
        for key in ["states", "units", "labels", "suspect"] {
            for (name, value) in event[key]?.members ?? [:] {
                if case .string = value { continue }
                need(false, "\(key) maps to strings only: \(name)")
            }
        }
        for (name, value) in event["raw"]?.members ?? [:] {
            if case .number = value { continue }
            need(false, "raw maps to numbers only: \(name)")
        }
        for (name, value) in event["bad"]?.members ?? [:] {
            let reason = value.text("reason") ?? ""
            need(value.names == ["value", "reason"] && value.text("value") != nil, "bad has value and reason: \(name)")
            need(RecordPromises.badReasons.contains(reason), "bad has a known reason: \(reason)")
        }
        let readings = event["readings"]?.names ?? []
        let states = event["states"]?.names ?? []
        let bad = event["bad"]?.names ?? []
        need(readings.isDisjoint(with: states), "a metric is a reading or a state")
        need(bad.isDisjoint(with: readings.union(states)), "what is bad stands nowhere else")
        for key in ["units", "raw", "suspect"] {
            need((event[key]?.names ?? []).isSubset(of: readings), "\(key) names readings")
        }
    }

    private mutating func checkQuality(_ event: JSONValue) {
        let worst = event["bad"] != nil ? "bad" : event["suspect"] != nil ? "suspect" : "good"
        need(event.text("quality") == worst, "quality is the worst of the values")
    }

    private mutating func checkOddments(_ event: JSONValue) {
        for key in ["time", "received"] {
            let text = event.text(key) ?? ""
            need(RecordPromises.isTime(text), "\(key) has its 24 characters: \(text)")
        }
        need(["device", "receive", "unsynced"].contains(event.text("clock") ?? ""), "clock is one of three words")
        need((event["raw"] != nil) == (event["calibration"] != nil), "raw and calibration stand together")
        for key in ["calibration", "seq"] {
            guard event[key] != nil else { continue }
            let number = event.number(key) ?? -1
            need(number >= 0 && number == number.rounded(), "\(key) is a whole number")
        }
        for key in ["retained", "duplicate"] {
            if event[key] != nil { need(event.flag(key) == true, "\(key) is true or absent") }
        }
    }

    /// `2026-11-23T19:10:00.123Z`
    private static func isTime(_ text: String) -> Bool {
        let shape = Array("dddd-dd-ddTdd:dd:dd.dddZ".utf8)
        let bytes = Array(text.utf8)
        guard bytes.count == 24 else { return false }
        return zip(shape, bytes).allSatisfy { wanted, byte in
            wanted == UInt8(ascii: "d") ? byte >= 0x30 && byte <= 0x39 : byte == wanted
        }
    }

    /// Rules and commands must be able to read what the inputs write.
    private mutating func checkReader(_ record: BenchRecord) {
        let bytes = record.value
        var stored = StoredEvent()
        let isTaken = stored.decode(bytes.span.bytes)
        need(isTaken, "the product's own reader takes it")
    }
}
