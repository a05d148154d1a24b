// The state that the records of `__consumer_offsets` amount to, read from the first to the last at start.

/// Feed it every record in the order of the log, then make a `GroupCoordinator` of it. Total on any bytes.
package struct GroupLoad {
    /// Records that no coordinator has written (see `apply` for what they leave behind), or that are none.
    package private(set) var unreadableCount = 0
    /// Records of a version or kind that is not known here.
    package private(set) var unknownCount = 0
    /// Records beyond the limits on groups and bytes.
    package private(set) var refusedCount = 0

    let settings: GroupSettings
    private(set) var groups: [String: StoredGroup] = [:]
    private(set) var offsets: [String: CommittedOffsets] = [:]
    /// Of all groups that something is known of.
    private(set) var ids: Set<String> = []
    private var groupBytes: [String: Int] = [:]
    private var offsetBytes = 0
    private var memberBytes = 0

    package init(settings: GroupSettings) {
        self.settings = settings
    }

    /// One record. An offset that cannot be read leaves the one before it, since to read records twice is better than
    /// to skip some. A membership that cannot be read takes the one before it away: its members join again, while an
    /// old generation must not come back.
    ///
    /// - Parameters:
    ///   - key: nil where the record has none, which counts as unreadable.
    ///   - value: nil for a tombstone.
    package mutating func apply(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) {
        guard let key else {
            unreadableCount += 1
            return
        }
        do {
            switch try GroupRecordKey(key) {
            case .offset(let groupID, let topic, let partition):
                try applyOffset(groupID, ConsumedPartition(topic: topic, partition: partition), value)
            case .group(let groupID):
                try applyGroup(groupID, value)
            }
        } catch {
            if error == .unreadable { unreadableCount += 1 } else { unknownCount += 1 }
        }
    }

    /// So many records of a batch could not be taken out of it; they leave what was there before them.
    mutating func noteUnreadable(_ count: Int) {
        unreadableCount += count
    }

    private mutating func applyOffset(
        _ groupID: String,
        _ partition: ConsumedPartition,
        _ value: UnsafeRawBufferPointer?
    ) throws(GroupRecordProblem) {
        guard let value else {
            change(groupID) { $0.remove(partition) }
            return
        }
        let committed = try CommittedOffset(value)
        let prepared = PreparedOffset(partition: partition, committed: committed)
        let growth = (offsets[groupID] ?? CommittedOffsets()).growth(by: [prepared])
        guard hasRoom(for: groupID), growth == 0 || offsetBytes + growth <= settings.offsetBytesMax else {
            refusedCount += 1
            return
        }
        change(groupID) { $0.set(committed, for: partition) }
    }

    private mutating func change(_ groupID: String, _ body: (inout CommittedOffsets) -> Void) {
        var changed = offsets[groupID] ?? CommittedOffsets()
        let before = changed.byteCount
        body(&changed)
        offsetBytes += changed.byteCount - before
        offsets[groupID] = changed.isEmpty ? nil : changed
        noteWhetherKnown(groupID)
    }

    private mutating func applyGroup(
        _ groupID: String,
        _ value: UnsafeRawBufferPointer?
    ) throws(GroupRecordProblem) {
        memberBytes -= groupBytes.removeValue(forKey: groupID) ?? 0
        groups[groupID] = nil
        noteWhetherKnown(groupID)
        guard let value else { return }
        let stored = try StoredGroup(value)
        guard hasRoom(for: groupID), memberBytes + value.count <= settings.memberBytesMax else {
            refusedCount += 1
            return
        }
        if !stored.isConsistent { unreadableCount += 1 }
        groups[groupID] = stored
        groupBytes[groupID] = value.count
        memberBytes += value.count
        ids.insert(groupID)
    }

    private func hasRoom(for groupID: String) -> Bool {
        ids.contains(groupID) || ids.count < settings.groupsMax
    }

    private mutating func noteWhetherKnown(_ groupID: String) {
        if groups[groupID] == nil, offsets[groupID] == nil { ids.remove(groupID) } else { ids.insert(groupID) }
    }
}
