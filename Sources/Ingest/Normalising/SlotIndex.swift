// From a (device, metric) pair to the place of its state: one probe per reading.

/// Open addressing from a 64-bit key to a dense index. Grows by doubling, never more than half full. One owner.
///
/// The keys are pairs of interned ids, not text from the network; a multiplication spreads them well enough.
struct SlotIndex: ~Copyable {
    private struct Entry: BitwiseCopyable {
        var key: UInt64
        /// 0: empty.
        var valuePlusOne: Int32
    }

    private var entries: UnsafeMutableBufferPointer<Entry>
    private(set) var count = 0

    init() {
        entries = .allocate(capacity: 256)
        entries.initialize(repeating: Entry(key: 0, valuePlusOne: 0))
    }

    deinit {
        entries.deallocate()
    }

    @inline(__always)
    func value(_ key: UInt64) -> Int32? {
        let entry = entries[find(key)]
        return entry.valuePlusOne == 0 ? nil : entry.valuePlusOne &- 1
    }

    mutating func insert(_ key: UInt64, _ value: Int32) {
        let index = find(key)
        if entries[index].valuePlusOne == 0 { count += 1 }
        entries[index] = Entry(key: key, valuePlusOne: value + 1)
        if count * 2 > entries.count { grow() }
    }

    @inline(__always)
    private func find(_ key: UInt64) -> Int {
        let mask = entries.count &- 1
        var index = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
        while entries[index].valuePlusOne != 0, entries[index].key != key {
            index = (index &+ 1) & mask
        }
        return index
    }

    private mutating func grow() {
        let old = entries
        entries = .allocate(capacity: old.count * 2)
        entries.initialize(repeating: Entry(key: 0, valuePlusOne: 0))
        for entry in old where entry.valuePlusOne != 0 {
            entries[find(entry.key)] = entry
        }
        old.deallocate()
    }
}
