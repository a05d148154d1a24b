// Names to dense numbers: the device and metric ids of the hot path.

/// A growing set of byte strings, each with a dense id from 0 in the order of arrival.
///
/// Open addressing over a seeded hash (names come from the network, so the seed is the process's own secret); the
/// names' bytes lie in one arena. A lookup of a known name allocates nothing. One owner, one thread.
///
/// Layout of a slot: the upper 32 bits of the hash, and the id plus one (0: empty).
public struct Interner: ~Copyable {
    private struct Slot: BitwiseCopyable {
        var hash: UInt32
        var idPlusOne: Int32
    }

    private var slots: UnsafeMutableBufferPointer<Slot>
    /// Start of each name in the arena, and one more: the end of the last.
    private var starts: [Int]
    private var arena: UnsafeMutableRawBufferPointer
    private let seed: UInt64
    private let capacityMax: Int

    /// `capacityMax`: the most names that are ever held; a new one beyond it has no id.
    public init(seed: UInt64, capacityMax: Int) {
        self.seed = seed
        self.capacityMax = min(max(0, capacityMax), Int(Int32.max) - 1)
        slots = .allocate(capacity: 256)
        slots.initialize(repeating: Slot(hash: 0, idPlusOne: 0))
        starts = [0]
        arena = .allocate(byteCount: 4096, alignment: 16)
    }

    deinit {
        slots.deallocate()
        arena.deallocate()
    }

    /// Names that have an id: 0 up to `count`.
    public var count: Int { starts.count - 1 }

    /// The id of `name` where it is known.
    public func existing(_ name: UnsafeRawBufferPointer) -> Int32? {
        let hash = Interner.hash(name, seed: seed)
        let slot = slots[find(name, hash)]
        return slot.idPlusOne == 0 ? nil : slot.idPlusOne - 1
    }

    /// The id of `name`, given now where it is new; nil where the interner is full.
    public mutating func id(of name: UnsafeRawBufferPointer) -> Int32? {
        let hash = Interner.hash(name, seed: seed)
        let index = find(name, hash)
        let slot = slots[index]
        if slot.idPlusOne != 0 { return slot.idPlusOne - 1 }
        return insert(name, hash: hash, at: index)
    }

    /// The bytes of a name; no bytes for an id that was never given. Valid until the next new name.
    public func bytes(of id: Int32) -> UnsafeRawBufferPointer {
        guard id >= 0, Int(id) < count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: arena[starts[Int(id)]..<starts[Int(id) + 1]])
    }

    /// The name as a string; empty for an id that was never given.
    public func string(of id: Int32) -> String {
        String(decoding: bytes(of: id), as: UTF8.self)
    }

    /// The slot that holds `name`, or the empty one where it belongs. The table is never more than half full.
    @inline(__always)
    private func find(_ name: UnsafeRawBufferPointer, _ hash: UInt64) -> Int {
        let mask = slots.count &- 1
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        var index = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = slots[index]
            if slot.idPlusOne == 0 { return index }
            if slot.hash == tag, holds(name, id: slot.idPlusOne &- 1) { return index }
            index = (index &+ 1) & mask
        }
    }

    /// Whether `id` is that of `name`, without looking for it; `id`: one that was given.
    @inline(__always)
    public func holds(_ name: UnsafeRawBufferPointer, id: Int32) -> Bool {
        let start = starts[Int(id)]
        guard starts[Int(id) &+ 1] &- start == name.count else { return false }
        return Interner.equal(UnsafeRawBufferPointer(rebasing: arena[start..<start &+ name.count]), name)
    }

    private mutating func insert(_ name: UnsafeRawBufferPointer, hash: UInt64, at index: Int) -> Int32? {
        guard count < capacityMax else { return nil }
        let start = starts[count]
        reserveArena(start + name.count)
        arena[start..<start + name.count].copyBytes(from: name)
        starts.append(start + name.count)
        let id = Int32(count - 1)
        slots[index] = Slot(hash: UInt32(truncatingIfNeeded: hash >> 32), idPlusOne: id + 1)
        if count * 2 > slots.count { growSlots() }
        return id
    }

    private mutating func reserveArena(_ byteCount: Int) {
        guard byteCount > arena.count else { return }
        let grown = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCount, arena.count * 2), alignment: 16)
        grown.copyMemory(from: UnsafeRawBufferPointer(arena))
        arena.deallocate()
        arena = grown
    }

    private mutating func growSlots() {
        let old = slots
        slots = .allocate(capacity: old.count * 2)
        slots.initialize(repeating: Slot(hash: 0, idPlusOne: 0))
        let mask = slots.count - 1
        for id in 0..<Int32(count) {
            let hash = Interner.hash(bytes(of: id), seed: seed)
            var index = Int(truncatingIfNeeded: hash) & mask
            while slots[index].idPlusOne != 0 { index = (index + 1) & mask }
            slots[index] = Slot(hash: UInt32(truncatingIfNeeded: hash >> 32), idPlusOne: id + 1)
        }
        old.deallocate()
    }

    // MARK: Bytes

    @inline(__always)
    private static func equal(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index &+ 8 <= left.count {
            guard word(left, index) == word(right, index) else { return false }
            index &+= 8
        }
        // The rest, together with bytes that were compared already where there are enough.
        if left.count >= 8 { return word(left, left.count &- 8) == word(right, left.count &- 8) }
        while index < left.count {
            guard left[index] == right[index] else { return false }
            index &+= 1
        }
        return true
    }

    /// A wyhash-style multiply-and-fold over eight bytes at a time.
    @inline(__always)
    public static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        var state = seed ^ 0xA076_1D64_78BD_642F
        var index = 0
        while index &+ 8 <= bytes.count {
            state = fold(state ^ word(bytes, index), 0xE703_7ED1_A0B4_28DB)
            index &+= 8
        }
        var tail: UInt64 = 0
        if bytes.count >= 8 {
            // The last eight, some of them for the second time: the count tells such names apart.
            tail = word(bytes, bytes.count &- 8)
            index = bytes.count
        }
        while index < bytes.count {
            tail = (tail << 8) | UInt64(bytes[index])
            index &+= 1
        }
        return fold(state ^ tail, 0x8EBC_6AF0_9C88_C6E3 ^ UInt64(truncatingIfNeeded: bytes.count))
    }

    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    @inline(__always)
    private static func word(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> UInt64 {
        bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
    }
}
