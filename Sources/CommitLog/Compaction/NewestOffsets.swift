// The newest offset of each key in a range of a partition: what tells a record that may go from one that stays.
internal import Platform

/// A map of bounded size, by 128 bits of keyed hash: two keys that share one are not to be expected in the life of a box,
/// and who writes keys does not know the seed.
struct NewestOffsets {
    private struct KeyHash: Hashable {
        var high: Int
        var low: Int

        init(_ key: UnsafeRawBufferPointer) {
            var first = Hasher()
            first.combine(UInt8(0))
            first.combine(bytes: key)
            var second = Hasher()
            second.combine(UInt8(1))
            second.combine(bytes: key)
            high = first.finalize()
            low = second.finalize()
        }
    }

    private var offsets: [KeyHash: Offset] = [:]

    var isFull: Bool { offsets.count >= Limits.compactionKeysMax }

    mutating func removeAll() { offsets = [:] }

    /// Records come in the order of their offsets, so the last one noted is the newest.
    mutating func note(_ record: Record) {
        if let key = record.key { offsets[KeyHash(key)] = record.offset }
    }

    /// Whether a newer record with the key of `record` was noted. A record without a key has no successor.
    func supersedes(_ record: Record) -> Bool {
        guard let key = record.key, let newest = offsets[KeyHash(key)] else { return false }
        return newest > record.offset
    }
}
