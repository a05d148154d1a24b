// The scripted input: what each payload says, as bytes for the line and as numbers for the auditors.

/// One event that a payload holds, or one payload that must be refused: told apart by its number for good.
struct ScriptedItem {
    /// nil for a reject.
    var device: Int?
    /// In hundredths of a degree.
    var temperature = 0
    var payload: Int
}

struct ScriptedPayload {
    var bytes: [UInt8] = []
    /// Numbers of its items.
    var items: Range<Int>
}

/// Freezers, most of them cold. Endless.
struct Script {
    static let devices = 6

    private(set) var items: [ScriptedItem] = []
    private(set) var payloads: [ScriptedPayload] = []
    private var dice: Dice
    private var temperatures = [Int](repeating: -2000, count: devices)

    init(dice: Dice) {
        self.dice = dice
    }

    /// Writes the next payload; its number.
    mutating func next() -> Int {
        let first = items.count
        var payload = ScriptedPayload(items: first..<first)
        switch dice.below(20) {
        case 0:
            items.append(ScriptedItem(payload: payloads.count))
            payload.bytes.append("?\(first)?")
            for _ in 0..<dice.below(200) { payload.bytes.append(UInt8(truncatingIfNeeded: dice.number())) }
        case 1, 2:
            payload.bytes.append("[")
            let count = dice.within(2...4)
            for index in 0..<count {
                if index > 0 { payload.bytes.append(",") }
                appendEvent(to: &payload.bytes)
            }
            payload.bytes.append("]")
        default: appendEvent(to: &payload.bytes)
        }
        payload.items = first..<items.count
        payloads.append(payload)
        return payloads.count - 1
    }

    private mutating func appendEvent(to bytes: inout [UInt8]) {
        let device = dice.below(Script.devices)
        // A freezer drifts, and now and then its door is left open or shut again.
        var temperature = temperatures[device] + dice.within(-30...30)
        if dice.chance(1, in: 90) { temperature = dice.chance(1, in: 2) ? -900 : -2000 }
        temperature = min(-500, max(-2500, temperature))
        if temperature % 100 == 0 { temperature -= 1 }
        temperatures[device] = temperature
        bytes.append(#"{"device":"freezer-"#)
        bytes.append(number: device)
        bytes.append(#"","seq":"#)
        bytes.append(number: items.count)
        bytes.append(#","temperature":-"#)
        bytes.append(number: -temperature / 100)
        bytes.append(".")
        if -temperature % 100 < 10 { bytes.append("0") }
        bytes.append(number: -temperature % 100)
        bytes.append("}")
        items.append(ScriptedItem(device: device, temperature: temperature, payload: payloads.count))
    }
}

extension [UInt8] {
    mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(_ text: String) { append(contentsOf: text.utf8) }

    /// In decimal; not negative.
    mutating func append(number: Int) {
        if number >= 10 { append(number: number / 10) }
        append(UInt8(ascii: "0") + UInt8(number % 10))
    }
}
