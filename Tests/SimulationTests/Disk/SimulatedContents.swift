// One file's bytes three times over: as the process reads them, as the device holds them, and the changes in between.

/// Room on the disk, shared by all of its files.
final class SpaceMeter {
    var used = 0
    var capacity = Int.max

    var free: Int { max(0, capacity - used) }
}

/// Lives as long as a name or an open file refers to it, and takes up room meanwhile.
final class SimulatedContents {
    enum Change {
        case write(at: Int, bytes: [UInt8])
        case truncate(to: Int)
    }

    /// What the device writes whole or not at all.
    static let sectorBytes = 512

    /// The page cache.
    private(set) var cached: [UInt8] = []
    /// What a power cut leaves for certain.
    private(set) var device: [UInt8] = []
    /// Written and not synced, in order.
    private(set) var pending: [Change] = []
    private let meter: SpaceMeter

    init(meter: SpaceMeter) {
        self.meter = meter
    }

    deinit {
        meter.used -= cached.count
    }

    // MARK: As the process sees it

    func write(_ bytes: [UInt8], at position: Int) {
        let before = cached.count
        SimulatedContents.put(bytes[...], at: position, into: &cached)
        meter.used += cached.count - before
        pending.append(.write(at: position, bytes: bytes))
    }

    func truncate(to size: Int) {
        meter.used += size - cached.count
        SimulatedContents.resize(&cached, to: size)
        pending.append(.truncate(to: size))
    }

    func sync() {
        for change in pending { apply(change) { _ in true } }
        pending.removeAll(keepingCapacity: true)
    }

    /// A sync that fails: some sectors may have arrived, none is tried again. `reverts`: the cache is dropped, too.
    func failSync(reverts: Bool, _ dice: inout Dice) {
        for change in pending { apply(change) { _ in dice.chance(1, in: 4) } }
        pending.removeAll()
        if reverts { dropCache() }
    }

    /// The cache holds what the device does; nothing may be pending.
    func dropCache() {
        meter.used += device.count - cached.count
        cached = device
    }

    // MARK: As the power cut sees it

    /// Applies what of the pending changes the device got, and forgets the rest. nil where there was nothing to lose.
    func losePower(_ dice: inout Dice) -> CrashEffect? {
        defer {
            pending.removeAll()
            dropCache()
        }
        guard !pending.isEmpty else { return nil }
        switch dice.below(6) {
        case 0: return .lost
        case 1:
            for change in pending { apply(change) { _ in true } }
            return .kept
        case 2, 3:
            let whole = dice.below(pending.count)
            for change in pending[..<whole] { apply(change) { _ in true } }
            var isOn = true
            apply(pending[whole]) { _ in
                isOn = isOn && dice.chance(3, in: 4)
                return isOn
            }
            return .torn
        case 4:
            for change in pending { apply(change) { _ in dice.chance(1, in: 2) } }
            return .reordered
        default:
            growWithoutData(&dice)
            for change in pending { apply(change) { _ in dice.chance(1, in: 3) } }
            return .sizeWithoutData
        }
    }

    /// The size is there, the data is not: zeros, or whatever lay on the device before.
    private func growWithoutData(_ dice: inout Dice) {
        let end = pending.reduce(device.count) { end, change in
            if case .write(let at, let bytes) = change { max(end, at + bytes.count) } else { end }
        }
        let isGarbage = dice.chance(1, in: 2)
        device.reserveCapacity(end)
        while device.count < end { device.append(isGarbage ? UInt8(truncatingIfNeeded: dice.number()) : 0) }
    }

    /// Flips one bit of the device, at rest.
    func flip(bit: Int, at position: Int) {
        device[position] ^= 1 << UInt8(bit)
        dropCache()
    }

    /// Brings the sectors of one change to the device that `arrives` says so of.
    private func apply(_ change: Change, _ arrives: (Int) -> Bool) {
        switch change {
        case .truncate(let size):
            if arrives(size / SimulatedContents.sectorBytes) { SimulatedContents.resize(&device, to: size) }
        case .write(let start, let bytes):
            var at = start
            let end = start + bytes.count
            while at < end {
                let next = min(end, (at / SimulatedContents.sectorBytes + 1) * SimulatedContents.sectorBytes)
                if arrives(at / SimulatedContents.sectorBytes) {
                    SimulatedContents.put(bytes[(at - start)..<(next - start)], at: at, into: &device)
                }
                at = next
            }
        }
    }

    private static func put(_ bytes: ArraySlice<UInt8>, at position: Int, into target: inout [UInt8]) {
        if target.count < position { resize(&target, to: position) }
        let overlap = min(bytes.count, target.count - position)
        if overlap > 0 {
            target.withUnsafeMutableBytes { memory in
                bytes.withUnsafeBytes { source in
                    UnsafeMutableRawBufferPointer(rebasing: memory[position..<(position + overlap)])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<overlap]))
                }
            }
        }
        if overlap < bytes.count { target.append(contentsOf: bytes.dropFirst(overlap)) }
    }

    private static func resize(_ target: inout [UInt8], to size: Int) {
        if size < target.count {
            target.removeLast(target.count - size)
        } else if size > target.count {
            target.append(contentsOf: repeatElement(0, count: size - target.count))
        }
    }
}
