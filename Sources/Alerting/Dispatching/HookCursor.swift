// How far a hook has come in topic `alerts`, and the delivery that it is at.
//
// Payload of the cursor file `<data>/cursors/hook-<name>`, big-endian:
//
// | At | Bytes | Field    | Holds                                                    |
// |---:|------:|----------|----------------------------------------------------------|
// |  0 |     1 | version  | 1                                                        |
// |  1 |     8 | position | the next offset of `alerts` that was not looked at yet      |
// |  9 |     2 | count    | offsets of the delivery in work; 0 where there is none      |
// | 11 | 8 each | offsets | ascending, all below `position`                            |
//
// A delivery is stored before its first attempt and never changes; after the last one the cursor is stored without it.
internal import CommitLog

struct HookCursor: Hashable {
    private static let version: UInt8 = 1

    var position: Offset
    /// Of the delivery in work; empty where there is none.
    var delivery: [Offset] = []

    init(position: Offset, delivery: [Offset] = []) {
        self.position = position
        self.delivery = delivery
    }

    func encoded() -> [UInt8] {
        var bytes = [HookCursor.version]
        func put<Number: FixedWidthInteger>(_ value: Number) {
            withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
        }
        put(position.value)
        put(UInt16(clamping: delivery.count))
        for offset in delivery { put(offset.value) }
        return bytes
    }

    /// nil where the bytes are none of ours. Total.
    init?(_ bytes: [UInt8]) {
        func number<Number: FixedWidthInteger>(_ type: Number.Type, at: Int) -> Number? {
            guard at + MemoryLayout<Number>.size <= bytes.count else { return nil }
            return bytes.withUnsafeBytes { Number(bigEndian: $0.loadUnaligned(fromByteOffset: at, as: type)) }
        }
        guard bytes.first == HookCursor.version, let position = number(Int64.self, at: 1), position >= 0,
            let count = number(UInt16.self, at: 9), count <= AlertingLimits.alertsPerDeliveryMax,
            bytes.count == 11 + 8 * Int(count)
        else { return nil }
        let offsets = (0..<Int(count)).compactMap { number(Int64.self, at: 11 + 8 * $0) }
        guard zip(offsets, offsets.dropFirst()).allSatisfy(<), offsets.allSatisfy({ $0 >= 0 && $0 < position }) else {
            return nil
        }
        self.init(position: Offset(position), delivery: offsets.map { Offset($0) })
    }
}
