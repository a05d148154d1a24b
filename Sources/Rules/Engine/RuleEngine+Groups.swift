// Alerts of several devices: so many of them beyond the limit, within so much time.
internal import EventModel
internal import Platform

/// One device of a group rule. Plain bytes.
struct GroupMember: BitwiseCopyable {
    var rule: Int32
    var device: Int32
    var metric: Int32
    /// The alert of the group in which it counts; -1 where it does not.
    var group: Int32 = -1
    /// The device's label version at which that was found; 0: to be found anew.
    var labelVersion: UInt64 = 0
    /// Largest event time of any reading; `Int64.min` before the first.
    var newest = Int64.min
    /// Beyond the limit, and not cleared since.
    var isBeyond = false
    /// Log time of the newest reading beyond it; `Int64.min` before the first.
    var beyondLogTime = Int64.min

    /// Whether it counts at this log time.
    func counts(_ within: Int64?, at logTime: Int64) -> Bool {
        guard let within else { return isBeyond }
        return beyondLogTime != .min && logTime &- beyondLogTime < within
    }
}

/// What tells one group's alert from another.
struct GroupKey: Hashable {
    var rule: Int32
    /// The group's name among those of devices.
    var name: Int32
    var metric: Int32
}

extension RuleEngine {
    /// One reading of a member, and what becomes of its group.
    mutating func evaluateMember(
        _ index: Int,
        _ reading: SeriesReading,
        _ event: borrowing StoredEvent,
        _ bytes: UnsafeRawBufferPointer,
        _ moment: ReadingMoment
    ) {
        var member = members[index]
        let rule = rules.rules[Int(member.rule)]
        guard let threshold = rule.memberThreshold else { return }
        if moment.isDeviceTime, member.newest != .min, moment.time < member.newest &- RuleLimits.latenessMilliseconds {
            counters.late &+= 1
            return
        }
        counters.evaluations &+= 1
        member.newest = max(member.newest, moment.time)
        let allows = isAllowed(rule: member.rule, device: member.device, moment)
        if threshold.isBeyond(reading.value, allows: allows) {
            member.isBeyond = true
            member.beyondLogTime = moment.logTime
        } else if threshold.isCleared(reading.value, allows: allows) {
            member.isBeyond = false
        }
        let left = member.group
        if member.counts(rule.groupWithin, at: moment.logTime) {
            let version = deviceLabels[Int(member.device)].version
            if left < 0 || member.labelVersion != version {
                member.group = group(of: member, rule, event, bytes) ?? -1
                member.labelVersion = version
            }
        } else {
            member.group = -1
        }
        members[index] = member
        if left >= 0 { changeCount(ofGroup: Int(left), by: member.group == left ? 0 : -1, moment) }
        if member.group >= 0, member.group != left { changeCount(ofGroup: Int(member.group), by: 1, moment) }
    }

    private mutating func changeCount(ofGroup group: Int, by change: Double, _ moment: ReadingMoment) {
        instances[group].note(moment.byLogTime)
        judge(group, 1, instances[group].value + change, allows: true, nil, moment.byLogTime)
    }

    /// Takes from the groups the members that time has taken from them.
    ///
    /// - Returns: how many each has left, of those that have lost any.
    mutating func expireMembers() -> [Int: Double] {
        var counts: [Int: Double] = [:]
        for index in members.indices where members[index].group >= 0 {
            let within = rules.rules[Int(members[index].rule)].groupWithin
            guard !members[index].counts(within, at: logTime.now) else { continue }
            let group = Int(members[index].group)
            members[index].group = -1
            counts[group] = (counts[group] ?? instances[group].value) - 1
        }
        return counts
    }

    /// The alert of the group that a member's event says it belongs to, made now where it is the first; nil where there are
    /// too many.
    private mutating func group(
        of member: GroupMember,
        _ rule: CompiledRule,
        _ event: borrowing StoredEvent,
        _ bytes: UnsafeRawBufferPointer
    ) -> Int32? {
        var name: [UInt8] = []
        var labels: [UInt8] = []
        for wanted in rule.definition.group?.by ?? [] {
            let label = event.labels.first { label in
                text(label.name, event, bytes)?.elementsEqual(wanted.utf8) ?? false
            }
            guard let label, let raw = RuleEngine.slice(bytes, label.text),
                let rawName = RuleEngine.slice(bytes, label.name)
            else { continue }
            if !labels.isEmpty { labels.append(0x2C) }
            labels += [0x22] + rawName + [0x22, 0x3A, 0x22] + raw + [0x22]
            if !name.isEmpty { name += Array(", ".utf8) }
            name += Array("\(wanted)=".utf8)
            // As JSON has it where it could be taken for more than one label.
            let isPlain = !raw.contains { [0x22, 0x2C, 0x3D, 0x5C].contains($0) }
            name += isPlain ? Array(raw) : [0x22] + raw + [0x22]
        }
        if name.isEmpty { name = Array("*".utf8) }
        guard name.count <= RuleLimits.nameBytesMax, labels.count <= RuleLimits.labelBytesMax,
            let id = name.withUnsafeBytes({ deviceNames.id(of: $0) })
        else { return nil }
        if id == deviceLabels.count { deviceLabels.append(DeviceLabels()) }
        let key = GroupKey(rule: member.rule, name: id, metric: member.metric)
        if let known = groupTable[key] { return known }
        guard groupTable.count < RuleLimits.groupsMax,
            let made = makeInstances(member.rule, device: id, metric: member.metric)
        else {
            counters.overflowing &+= 1
            return nil
        }
        BreachContext.write(unit: UnsafeRawBufferPointer(start: nil, count: 0), labels: labels, to: &contexts[made])
        groupTable[key] = Int32(made)
        return Int32(made)
    }

    /// The member that a candidate stands for, made now where this is its first reading; nil where there are too many.
    mutating func makeMember(_ candidate: Int, device: Int32, metric: Int32) -> Int? {
        guard members.count < RuleLimits.groupMembersMax else { return nil }
        members.append(GroupMember(rule: candidates[candidate].rule, device: device, metric: metric))
        candidates[candidate].instance = Int32(members.count - 1)
        return members.count - 1
    }

    /// Of a group's alert: the devices that count, in the order of their names; nil: it is no group's.
    func devices(ofGroup index: Int) -> [String]? {
        guard rules.rules[Int(instances[index].rule)].definition.group != nil else { return nil }
        let counted = members.filter { $0.group == Int32(index) }
        let names = counted.map { deviceNames.string(of: $0.device) }.sorted()
        return Array(names.prefix(RuleLimits.groupDevicesMax))
    }

    /// Finds the tables of groups anew from their alerts and members.
    mutating func bindGroups() {
        groupTable.removeAll(keepingCapacity: true)
        for index in instances.indices where rules.rules[Int(instances[index].rule)].definition.group != nil {
            let (rule, name, metric) = (instances[index].rule, instances[index].device, instances[index].metric)
            groupTable[GroupKey(rule: rule, name: name, metric: metric)] = Int32(index)
        }
        for index in members.indices {
            members[index].labelVersion = 0
            let (device, metric) = (members[index].device, members[index].metric)
            let known = table.binding(BindingTable.key(device: device, metric: metric)).map { Int($0) }
            let binding = known ?? bind(device: device, metric: metric)
            let first = Int(bindings[binding].first)
            for candidate in first..<first + Int(bindings[binding].count)
            where candidates[candidate].rule == members[index].rule && candidates[candidate].isMember {
                candidates[candidate].instance = Int32(index)
            }
        }
    }
}

extension ReadingMoment {
    /// For what several devices share, whose clocks need not agree.
    fileprivate var byLogTime: ReadingMoment {
        ReadingMoment(time: time, logTime: logTime, isDeviceTime: false, position: position)
    }
}
