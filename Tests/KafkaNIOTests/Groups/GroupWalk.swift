// Clients that do anything at any time, on a disk that is slow and fails, and what must hold all the same.
import KafkaNIO
import Platform

/// A walk of random events over some groups. What does not hold is noted, not thrown, so that a planted bug can be
/// looked for.
final class GroupWalk {
    /// What is wrong on purpose.
    enum Planted {
        case nothing
        /// The coordinator is told that records are durable before they are.
        case visibleBeforeDurable
        /// A follower is answered when it asks, not when the leader has assigned.
        case answeredBeforeAssignment
    }

    /// As a client sees itself; it may be wrong.
    private struct Client {
        var groupID: String
        var instance: String?
        var memberID = ""
        var generation: Int32 = -1
        /// Whom it has to assign, as a leader; with what names them in assignments.
        var roll: [(id: String, name: String)] = []
        var metadata: [UInt8] = [1]
    }

    /// What a waiter asked for.
    private enum Question {
        case join(client: Int)
        case sync(GroupMembership, name: String)
        case commit(isAllowed: Bool, GroupCommit)
        case other
    }

    let bench: GroupBench
    private(set) var violations: [String] = []
    /// Of answers without an error, by kind: a walk in which nothing succeeds proves nothing.
    private(set) var successes: [String: Int] = [:]
    /// Appends that were refused.
    private(set) var refusals = 0
    private let planted: Planted
    private let refuses: Bool
    private var generator: SeededGenerator
    private var clients: [Client] = []
    private var questions: [Waiter: Question] = [:]
    private var answered: Set<Waiter> = []
    /// Who was told to assign, by group and generation; in this life of the group and of the daemon.
    private var leaders: [String: [Int32: String]] = [:]
    private var lastSync: SyncAnswer?
    /// Of `GroupBench.log`.
    private var readRecords = 0
    private var durableOffsets: [GroupRecordKey: Int64] = [:]

    static let groups = ["a", "b", "c"]
    static let membersMax = 4
    static let offsetsMax = 40

    static var settings: GroupSettings {
        var settings = GroupSettings()
        settings.membersMax = membersMax
        settings.groupsMax = groups.count
        settings.memberBytesMax = 40_000
        settings.offsetBytesMax = offsetsMax * (128 + "readings".utf8.count)
        return settings
    }

    init(seed: UInt64, planted: Planted = .nothing, refuses: Bool) {
        bench = GroupBench(GroupWalk.settings)
        generator = SeededGenerator(seed: seed)
        self.planted = planted
        self.refuses = refuses
        bench.tellsTooEarly = planted == .visibleBeforeDurable
        for index in 0..<9 {
            let group = GroupWalk.groups[index % GroupWalk.groups.count]
            clients.append(Client(groupID: group, instance: index % 4 == 3 ? "i\(index)" : nil))
        }
        bench.onAnswer = { [unowned self] in check($0, $1) }
    }

    func run(steps: Int) {
        for _ in 0..<steps {
            step()
            checkState()
            guard violations.isEmpty else { return }
        }
    }

    private func number(_ range: Range<Int>) -> Int {
        Int.random(in: range, using: &generator)
    }

    private func note(_ violation: String) {
        violations.append(violation)
    }

    // MARK: Events

    private func step() {
        switch number(0..<100) {
        case 0..<20: bench.advance(by: .milliseconds(number(0..<4000)))
        case 20..<22: bench.isDiskHeld = true
        case 22..<26: release()
        case 26..<30:
            if number(0..<8) == 0 { bench.late() }
            let isRefused = refuses && number(0..<4) == 0
            if isRefused, !bench.inFlight.isEmpty { refusals += 1 }
            bench.settle(isRefused ? .refused : .durable, onlyFirst: true)
        case 30: if number(0..<4) == 0 { restart() }
        case 31: bench.perform(bench.coordinator.expireOffsets(at: bench.now))
        case 32: if number(0..<3) == 0 { delete() }
        case 33: bench.setWall(bench.now.wall.advanced(by: .seconds(number(0..<20) * 86_400)))
        default: act(number(0..<clients.count))
        }
    }

    func release() {
        bench.isDiskHeld = false
        bench.settle()
    }

    private func restart() {
        bench.restart()
        // Whoever waited lost its connection; a generation that was not durable is given out once more.
        leaders = [:]
        questions = [:]
        answered = []
    }

    private func ask(_ question: Question, _ event: (Waiter) -> [GroupAction]) {
        let waiter = bench.waiter()
        questions[waiter] = question
        bench.perform(event(waiter))
    }

    private func delete() {
        let id = GroupWalk.groups[number(0..<GroupWalk.groups.count)]
        ask(.other) { bench.coordinator.deleteGroups([id], waiter: $0, at: bench.now) }
    }

    private func act(_ index: Int) {
        let client = clients[index]
        let own = GroupMembership(
            groupID: client.groupID,
            generation: client.generation,
            memberID: client.memberID,
            groupInstanceID: client.instance
        )
        switch number(0..<20) {
        case 0..<7: join(index)
        case 7..<12: sync(client, own)
        case 12..<14: heartbeat(own)
        case 14..<18: commit(own)
        case 18:
            let leaving = GroupLeave.Member(memberID: client.memberID, groupInstanceID: client.instance)
            let request = GroupLeave(groupID: client.groupID, members: [leaving])
            ask(.other) { bench.coordinator.leave(request, waiter: $0, at: bench.now) }
        default:
            // Dies, and comes back as somebody new, or as the same static member.
            clients[index].memberID = ""
            clients[index].roll = []
        }
    }

    private func join(_ index: Int) {
        if number(0..<8) == 0 { clients[index].metadata = [UInt8(number(0..<3))] }
        let client = clients[index]
        var request = GroupJoin.of(
            client.groupID,
            id: client.memberID,
            instance: client.instance,
            metadata: client.metadata
        )
        request.requiresKnownMemberID = number(0..<2) == 0
        request.supportsSkippingAssignment = number(0..<2) == 0
        request.rebalanceTimeout = .seconds(number(1..<20))
        ask(.join(client: index)) { bench.coordinator.join(request, waiter: $0, at: bench.now) }
    }

    private func sync(_ client: Client, _ own: GroupMembership) {
        let assignments = client.roll.map { ($0.id, Array("\(client.generation):\($0.name)".utf8)) }
        let request = GroupSync(
            membership: own,
            assignments: Dictionary(assignments, uniquingKeysWith: { first, _ in first })
        )
        let question = Question.sync(own, name: client.instance ?? client.memberID)
        if planted == .answeredBeforeAssignment, client.roll.isEmpty, var early = lastSync,
            bench.state(client.groupID) == .completingRebalance
        {
            early.assignment = []
            let waiter = bench.waiter()
            questions[waiter] = question
            return check(waiter, .sync(early))
        }
        ask(question) { bench.coordinator.sync(request, waiter: $0, at: bench.now) }
    }

    private func isMember(_ membership: GroupMembership) -> Bool {
        let group = bench.coordinator.describe(membership.groupID)
        let member = group.members.first { $0.memberID == membership.memberID }
        guard let member, group.generation == membership.generation else { return false }
        return membership.groupInstanceID == nil || member.groupInstanceID == membership.groupInstanceID
    }

    private func heartbeat(_ own: GroupMembership) {
        let wasMember = isMember(own)
        let code = bench.heartbeat(own)
        if (code == .none || code == .rebalanceInProgress) != wasMember {
            note("heartbeat of \(own) says \(code), though it is \(wasMember ? "a" : "no") member")
        }
    }

    private func commit(_ own: GroupMembership) {
        var membership = own
        switch number(0..<6) {
        case 0: membership.generation += Int32(number(0..<3) - 1)
        case 1: membership = GroupMembership(groupID: own.groupID, generation: -1, memberID: "")
        case 2: membership.memberID = clients[number(0..<clients.count)].memberID
        default: break
        }
        let request = GroupCommit.of(membership, Int64(number(0..<1000)), partition: Int32(number(0..<15)))
        let state = bench.state(own.groupID)
        let isSimple = membership.generation < 0 && (state == .empty || state == .dead)
        let isAllowed = isSimple || isMember(membership) && state != .completingRebalance
        ask(.commit(isAllowed: isAllowed, request)) { bench.coordinator.commit(request, waiter: $0, at: bench.now) }
    }

    // MARK: What must hold of answers

    private func check(_ waiter: Waiter, _ answer: GroupAnswer) {
        guard let question = questions[waiter] else { return note("\(waiter) was answered and never asked") }
        if !answered.insert(waiter).inserted { note("\(waiter) was answered twice") }
        switch (question, answer) {
        case (.join(let client), .join(let answer)): check(client, answer)
        case (.sync(let membership, let name), .sync(let answer)): check(membership, name, answer)
        case (.commit(let isAllowed, let commit), .commit(let answer)):
            guard answer.topics[0].partitions[0].code == .none else { return }
            successes["commit", default: 0] += 1
            if !isAllowed { note("a commit by \(commit.membership) was taken") }
            let partition = commit.topics[0].partitions[0]
            if bench.offset(commit.membership.groupID, "readings", partition.index) != partition.offset {
                note("a commit was answered and is not there")
            }
        case (.other, .leave), (.other, .deleteGroups): break
        default: note("\(question) was answered with \(answer)")
        }
    }

    private func check(_ index: Int, _ answer: JoinAnswer) {
        let groupID = clients[index].groupID
        switch answer.code {
        case .none:
            successes["join", default: 0] += 1
            clients[index].memberID = answer.memberID
            clients[index].generation = answer.generation
            let isLeader = answer.leaderID == answer.memberID && !answer.skipsAssignment
            if isLeader != (!answer.members.isEmpty && !answer.skipsAssignment) {
                note("\(answer.memberID) leads and knows nobody, or does not and knows all")
            }
            clients[index].roll =
                isLeader ? answer.members.map { ($0.memberID, $0.groupInstanceID ?? $0.memberID) } : []
            guard isLeader else { return }
            let known = leaders[groupID, default: [:]].updateValue(answer.memberID, forKey: answer.generation)
            if let known, known != answer.memberID { note("\(known) and \(answer.memberID) lead at once") }
        case .memberIDRequired: clients[index].memberID = answer.memberID
        case .unknownMemberID, .fencedInstanceID, .groupMaxSizeReached: clients[index].memberID = ""
        default: break
        }
    }

    /// The assignment is of the generation asked for, for this member, and durable.
    private func check(_ membership: GroupMembership, _ name: String, _ answer: SyncAnswer) {
        guard answer.code == .none else { return }
        successes["sync", default: 0] += 1
        lastSync = answer
        let stored = durableGroup(membership.groupID)
        let member = stored?.members.first { $0.memberID == membership.memberID }
        guard let stored, let member, stored.generation == membership.generation, member.assignment == answer.assignment
        else {
            return note("\(membership) was given an assignment that is not durable")
        }
        let expected = "\(membership.generation):\(name)"
        let given = String(decoding: answer.assignment, as: UTF8.self)
        if given != expected, !given.isEmpty { note("\(membership) was given the assignment \(given)") }
        if given == expected { successes["assignment", default: 0] += 1 }
    }

    // MARK: What must hold of the state

    private func durableGroup(_ id: String) -> StoredGroup? {
        let key = GroupRecordKey.group(id).bytes
        let value = bench.log.last { $0.key == key }?.value
        return value?.withUnsafeBytes { try? StoredGroup($0) }
    }

    /// What the log says, read by the simplest means there is.
    private func readLog() {
        for record in bench.log[readRecords...] {
            guard let key = record.key.withUnsafeBytes({ try? GroupRecordKey($0) }), case .offset = key else {
                continue
            }
            durableOffsets[key] = record.value?.withUnsafeBytes { try? CommittedOffset($0) }?.offset
        }
        readRecords = bench.log.count
    }

    private func checkState() {
        let listed = bench.coordinator.list()
        if listed.count > GroupWalk.groups.count { note("\(listed.count) groups") }
        // One that is deleted begins anew.
        for id in GroupWalk.groups where !listed.contains(where: { $0.groupID == id }) { leaders[id] = nil }
        var seen: [GroupRecordKey: Int64] = [:]
        for group in listed {
            let members = bench.coordinator.describe(group.groupID).members
            // While members join, those of the last generation still have their places.
            if members.count > 2 * GroupWalk.membersMax { note("\(members.count) members") }
            if Set(members.map(\.memberID)).count != members.count { note("two members with one id") }
            for topic in bench.coordinator.fetchOffsets(of: group.groupID, nil) {
                for partition in topic.partitions {
                    let key = GroupRecordKey.offset(
                        groupID: group.groupID,
                        topic: topic.name,
                        partition: partition.index
                    )
                    seen[key] = partition.committed.offset
                }
            }
        }
        readLog()
        if seen != durableOffsets { note("offsets are seen that are not durable, or the other way round") }
        if seen.count > GroupWalk.offsetsMax { note("\(seen.count) offsets") }
    }

    /// Everybody stops: sessions end, and whoever waits is answered.
    func quiesce() {
        release()
        bench.advance(by: .seconds(3600))
        release()
        let open = Set(questions.keys).subtracting(answered)
        if !open.isEmpty { note("\(open.count) waiters were never answered") }
        for group in bench.coordinator.list() where group.state != .empty {
            note("\(group.groupID) is \(group.state) though nobody is there")
        }
    }
}
