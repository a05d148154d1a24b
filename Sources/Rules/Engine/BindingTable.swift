// From a device and a metric to the rules that watch them: what makes a reading cost nanoseconds with many rules.

/// Open addressing from a pair of dense ids to the index of a binding. One owner.
struct BindingTable {
    private struct Slot: BitwiseCopyable {
        var key: UInt64
        /// Index plus one; 0: empty.
        var bindingPlusOne: Int32
    }

    private var slots = [Slot](repeating: Slot(key: 0, bindingPlusOne: 0), count: 256)
    private var count = 0

    @inline(__always)
    static func key(device: Int32, metric: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: device)) << 32 | UInt64(UInt32(bitPattern: metric))
    }

    @inline(__always)
    func binding(_ key: UInt64) -> Int32? {
        let slot = slots[find(key)]
        return slot.bindingPlusOne == 0 ? nil : slot.bindingPlusOne &- 1
    }

    /// `key`: not in the table yet.
    mutating func insert(_ key: UInt64, binding: Int32) {
        count += 1
        if count * 2 > slots.count { grow() }
        slots[find(key)] = Slot(key: key, bindingPlusOne: binding + 1)
    }

    /// Ids are dense and ours, so a multiplication mixes them well enough. Never more than half full.
    @inline(__always)
    private func find(_ key: UInt64) -> Int {
        let mask = slots.count &- 1
        var index = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
        while true {
            let slot = slots[index]
            if slot.bindingPlusOne == 0 || slot.key == key { return index }
            index = (index &+ 1) & mask
        }
    }

    private mutating func grow() {
        let old = slots
        slots = [Slot](repeating: Slot(key: 0, bindingPlusOne: 0), count: old.count * 2)
        for slot in old where slot.bindingPlusOne != 0 { slots[find(slot.key)] = slot }
    }
}

/// The rules whose names match one metric of one device: a run of `RuleCandidate`.
struct Binding: BitwiseCopyable {
    var first: Int32
    var count: Int32
    let metric: Int32
    /// The binding of the device that was looked up after this one last time; at first itself.
    var follower: Int32
    /// The device's label version for which `isMatching` holds; irrelevant where no candidate looks at labels.
    var labelVersion: UInt64
    var dependsOnLabels: Bool
}

struct RuleCandidate: BitwiseCopyable {
    let rule: Int32
    /// -1 before its first matching reading; of a term there is none, and of a group's rule it is the member.
    var instance: Int32 = -1
    let role: SeriesRole
    /// Which of the rule's terms the series is; irrelevant where it is watched.
    let term: UInt8
    /// Whether the labels match too.
    var isMatching: Bool

    var isMember: Bool { role.contains(.member) }
    var isWatched: Bool { role.isDisjoint(with: [.numberTerm, .stateTerm]) }
}

/// The labels that a device's last event carried, as JSON members; a new version whenever they differ.
struct DeviceLabels {
    /// Of the metric that the device sent last; -1: of none yet.
    var lastBinding: Int32 = -1
    var members: [UInt8] = []
    /// Counts changes from 1.
    var version: UInt64 = 1
    /// Labels beyond `RuleLimits.labelBytesMax`: not kept, so each event is a change.
    var isOversized = false
}
