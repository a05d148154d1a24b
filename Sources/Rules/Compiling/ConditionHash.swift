// What tells a changed condition from changed words.
internal import Platform

/// FNV-1a over the condition's parts, each with its length, so that no two conditions run together.
struct ConditionHash {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    static func of(_ definition: RuleDefinition) -> UInt64 {
        var hash = ConditionHash()
        for (index, level) in definition.levels.enumerated() {
            if index > 0 { hash.add("level") }
            hash.add(level)
        }
        hash.addSignal(definition)
        let match = definition.match
        for patterns in [match.metrics, match.devices, match.names, match.profiles, match.locations] {
            hash.add(patterns)
        }
        for label in match.labels.sorted(by: { $0.key < $1.key }) {
            hash.add(label.key)
            hash.add(label.value)
        }
        return hash.state
    }

    /// What only some rules have; nothing at all for the others.
    private mutating func addSignal(_ definition: RuleDefinition) {
        let signal = definition.signal
        if !signal.isReading {
            add("value")
            add(signal.aggregate.rawValue)
            add([signal.over ?? .zero, signal.per].map { UInt64(bitPattern: $0.wholeMilliseconds) })
        }
        if let unit = definition.unit { add(["unit", unit]) }
        if let gate = definition.onlyIf {
            add(["only_if", gate.metric])
            add(gate.condition)
            add(UInt64(bitPattern: (gate.within ?? .zero).wholeMilliseconds))
        }
        if let group = definition.group {
            add("at_least")
            add([UInt64(clamping: group.atLeast), UInt64(bitPattern: (group.within ?? .zero).wholeMilliseconds)])
            add(group.by)
        }
    }

    private mutating func add(_ level: RuleLevel) {
        add(level.condition)
        add(UInt64(bitPattern: level.holdFor.wholeMilliseconds))
        guard level.clearFor > .zero else { return }
        add("clear_for")
        add(UInt64(bitPattern: level.clearFor.wholeMilliseconds))
    }

    private mutating func add(_ condition: RuleCondition) {
        switch condition {
        case .above(let limit, let clear): add("above", limit, clear)
        case .below(let limit, let clear): add("below", limit, clear)
        case .outside(let low, let high): add("outside", low, high)
        case .inside(let low, let high): add("inside", low, high)
        case .equals(let value): add("equals", value, nil)
        case .absent(.duration(let duration)): add("absent", Double(duration.wholeMilliseconds), nil)
        case .absent(.intervals(let count)): add("absent_intervals", Double(count), nil)
        case .unchanged(let duration): add("unchanged", Double(duration.wholeMilliseconds), nil)
        case .isState(let state): add(["equals", state])
        case .holds(let expression): add(["expr", expression.source])
        }
    }

    private mutating func add(_ kind: String, _ first: Double, _ second: Double?) {
        add(kind)
        add(first.bitPattern)
        add(second.map { [$0.bitPattern] } ?? [])
    }

    private mutating func add(_ text: String) {
        add(UInt64(text.utf8.count))
        for byte in text.utf8 { add(byte) }
    }

    private mutating func add(_ texts: [String]) {
        add(UInt64(texts.count))
        for text in texts { add(text) }
    }

    private mutating func add(_ numbers: [UInt64]) {
        add(UInt64(numbers.count))
        for number in numbers { add(number) }
    }

    private mutating func add(_ number: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) { add(UInt8(truncatingIfNeeded: number >> UInt64(shift))) }
    }

    private mutating func add(_ byte: UInt8) {
        state = (state ^ UInt64(byte)) &* 0x100_0000_01B3
    }
}
