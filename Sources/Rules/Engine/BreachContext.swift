// What an alert will say of the event behind it: the unit and the labels, kept as bytes while a breach lasts, or may begin with a tick.
//
// | At      | Bytes | Holds                                             |
// |--------:|------:|---------------------------------------------------|
// | 0       |     1 | length of the unit, 0 for none                     |
// | 1       |     n | the unit, as the inside of a JSON string            |
// | 1 + n   |  rest | the labels, as members of a JSON object: `"a":"b"` |
internal import EventModel

enum BreachContext {
    /// Writes the layout above over what `context` held.
    static func write(unit: UnsafeRawBufferPointer, labels: [UInt8], to context: inout [UInt8]) {
        context.removeAll(keepingCapacity: true)
        let unitBytes = unit.count <= UInt8.max ? unit : UnsafeRawBufferPointer(start: nil, count: 0)
        context.append(UInt8(truncatingIfNeeded: unitBytes.count))
        context.append(contentsOf: unitBytes)
        context.append(contentsOf: labels)
    }

    /// Whether `context` is what `write` would make of these.
    static func holds(_ context: [UInt8], unit: UnsafeRawBufferPointer, labels: [UInt8]) -> Bool {
        guard unit.count <= UInt8.max, context.count == 1 + unit.count + labels.count,
            context[0] == UInt8(truncatingIfNeeded: unit.count)
        else { return false }
        return context[1..<1 + unit.count].elementsEqual(unit) && context[(1 + unit.count)...].elementsEqual(labels)
    }

    /// Whether bytes from a snapshot can be a context.
    static func isPlausible(_ context: [UInt8]) -> Bool {
        context.isEmpty || (1 + Int(context[0]) <= context.count && context.count <= 256 + RuleLimits.labelBytesMax)
    }

    static func unit(_ context: [UInt8]) -> String? {
        guard let length = context.first, length > 0, 1 + Int(length) <= context.count else { return nil }
        return JSONText.unescaped(context.span.bytes, start: 1, count: Int(length))
    }

    /// The labels in their order; those that can be read where the bytes are no JSON.
    static func labels(_ context: [UInt8]) -> [AlertLabel] {
        guard let length = context.first else { return [] }
        let bytes = context.span.bytes
        var scanner = JSONScanner(position: 1 + Int(length))
        var labels: [AlertLabel] = []
        repeat {
            scanner.skipWhitespace(bytes)
            guard let name = scanner.string(bytes) else { break }
            scanner.skipWhitespace(bytes)
            guard scanner.consume(0x3A, bytes) else { break }
            scanner.skipWhitespace(bytes)
            guard let value = scanner.string(bytes) else { break }
            labels.append(
                AlertLabel(
                    name: JSONText.unescaped(bytes, start: name.start, count: name.count),
                    value: JSONText.unescaped(bytes, start: value.start, count: value.count)
                )
            )
            scanner.skipWhitespace(bytes)
        } while scanner.consume(0x2C, bytes)
        return labels
    }
}
