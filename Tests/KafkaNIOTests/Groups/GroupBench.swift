// A coordinator with a clock, a disk and clients that the tests move by hand.
import Glibc
import KafkaNIO
import Platform
import Testing

/// Everything that a coordinator says, kept: what it answered to whom, and what lies in the log.
final class GroupBench {
    private(set) var coordinator: GroupCoordinator
    private(set) var now: GroupInstant
    /// What is durable, in order.
    private(set) var log: [GroupRecord] = []
    /// What the disk has not done yet.
    private(set) var inFlight: [GroupAppend] = []
    /// While true, appends wait for `settle`.
    var isDiskHeld = false
    private(set) var answers: [Waiter: [GroupAnswer]] = [:]
    /// Called with each answer when it is given.
    var onAnswer: (Waiter, GroupAnswer) -> Void = { _, _ in }
    /// The planted bug: the coordinator is told that records are durable when they are on their way.
    var tellsTooEarly = false
    private var lastWaiter: UInt64 = 0
    private var identifiers: UInt64 = 0

    /// 2026-11-29.
    static let start = GroupInstant(
        monotonic: MonotonicInstant(nanoseconds: 1_000_000_000_000),
        wall: Timestamp(milliseconds: 1_795_910_400_000)
    )

    init(_ settings: GroupSettings = GroupSettings(), log: [GroupRecord] = [], at now: GroupInstant = GroupBench.start)
    {
        self.now = now
        self.log = log
        let load = GroupBench.load(log, settings)
        coordinator = GroupCoordinator(load, at: now) { UniqueIdentifier(high: 0, low: 0) }
        coordinator = GroupCoordinator(load, at: now) { [unowned self] in nextIdentifier() }
    }

    private func nextIdentifier() -> UniqueIdentifier {
        identifiers += 1
        return UniqueIdentifier(high: UInt64(log.count), low: identifiers)
    }

    static func load(_ log: [GroupRecord], _ settings: GroupSettings) -> GroupLoad {
        var load = GroupLoad(settings: settings)
        for record in log {
            record.key.withUnsafeBytes { key in
                guard let value = record.value else { return load.apply(key: key, value: nil) }
                value.withUnsafeBytes { load.apply(key: key, value: $0) }
            }
        }
        return load
    }

    /// The daemon after a kill: what was in flight is lost, and whoever waited as well.
    func restart() {
        inFlight = []
        answers = [:]
        coordinator = GroupCoordinator(GroupBench.load(log, coordinator.settings), at: now) { [unowned self] in
            nextIdentifier()
        }
    }

    // MARK: Time and disk

    /// Lets time pass, and calls `tick` whenever it is wanted.
    func advance(by duration: Duration) {
        let target = now.monotonic.advanced(by: duration)
        var ticks = 0
        while let deadline = coordinator.nextDeadline, deadline <= target {
            ticks += 1
            guard ticks < 100_000 else {
                Issue.record("ticks without end")
                return
            }
            move(to: max(deadline, now.monotonic))
            perform(coordinator.tick(at: now))
        }
        move(to: target)
    }

    private func move(to instant: MonotonicInstant) {
        now.wall = now.wall.advanced(by: instant.since(now.monotonic))
        now.monotonic = instant
    }

    /// Only the wall clock jumps.
    func setWall(_ wall: Timestamp) {
        now.wall = wall
    }

    /// Ends the oldest append in flight, or all of them.
    func settle(_ outcome: AppendOutcome = .durable, onlyFirst: Bool = false) {
        while !inFlight.isEmpty {
            let append = inFlight.removeFirst()
            if outcome == .durable { log += append.records }
            perform(coordinator.appended(append.ticket, outcome, at: now))
            if onlyFirst { return }
        }
    }

    /// The log does not take one of the newest appends, `back` before the last.
    func refuse(back: Int = 0) {
        let append = inFlight.remove(at: inFlight.count - 1 - back)
        perform(coordinator.appended(append.ticket, .refused, at: now))
    }

    /// What is in flight takes longer than anybody should wait.
    func late() {
        for append in inFlight { perform(coordinator.late(append.ticket, at: now)) }
    }

    func perform(_ actions: [GroupAction]) {
        for action in actions {
            switch action {
            case .answer(let waiter, let answer):
                answers[waiter, default: []].append(answer)
                onAnswer(waiter, answer)
            case .append(let append):
                inFlight.append(append)
                if tellsTooEarly { perform(coordinator.appended(append.ticket, .durable, at: now)) }
            }
        }
        if !isDiskHeld { settle() }
    }

    // MARK: Requests

    func waiter() -> Waiter {
        lastWaiter += 1
        return Waiter(lastWaiter)
    }

    /// The one answer that a waiter got; nil while it waits.
    func answer(_ waiter: Waiter) -> GroupAnswer? {
        let given = answers[waiter] ?? []
        #expect(given.count <= 1, "answered \(given.count) times")
        return given.first
    }

    func join(_ request: GroupJoin) -> Waiter {
        let waiter = waiter()
        perform(coordinator.join(request, waiter: waiter, at: now))
        return waiter
    }

    func joined(_ waiter: Waiter) -> JoinAnswer? {
        guard case .join(let answer) = answer(waiter) else { return nil }
        return answer
    }

    func sync(_ request: GroupSync) -> Waiter {
        let waiter = waiter()
        perform(coordinator.sync(request, waiter: waiter, at: now))
        return waiter
    }

    func synced(_ waiter: Waiter) -> SyncAnswer? {
        guard case .sync(let answer) = answer(waiter) else { return nil }
        return answer
    }

    func heartbeat(_ membership: GroupMembership) -> GroupCode {
        coordinator.heartbeat(membership, at: now)
    }

    func leave(_ groupID: String, _ members: [GroupLeave.Member]) -> [GroupCode] {
        let waiter = waiter()
        let request = GroupLeave(groupID: groupID, members: members)
        perform(coordinator.leave(request, waiter: waiter, at: now))
        guard case .leave(let answer) = answer(waiter), answer.code == .none else { return [] }
        return answer.members.map(\.code)
    }

    func commit(_ request: GroupCommit) -> Waiter {
        let waiter = waiter()
        perform(coordinator.commit(request, waiter: waiter, at: now))
        return waiter
    }

    /// The codes of all partitions; nil while the commit waits.
    func committed(_ waiter: Waiter) -> [GroupCode]? {
        guard case .commit(let answer) = answer(waiter) else { return nil }
        return answer.topics.flatMap { $0.partitions.map(\.code) }
    }

    func offset(_ groupID: String, _ topic: String = "readings", _ partition: Int32 = 0) -> Int64? {
        let topics = [TopicPartitions(name: topic, partitions: [partition])]
        return coordinator.fetchOffsets(of: groupID, topics).first?.partitions.first?.committed.offset
    }

    // MARK: Whole dances

    /// Joins, with the id that a first join is sent away with.
    func enter(_ request: GroupJoin) throws -> (id: String, waiter: Waiter) {
        let first = try #require(joined(join(request)))
        #expect(first.code == .memberIDRequired)
        var second = request
        second.memberID = first.memberID
        return (first.memberID, join(second))
    }

    /// A stable group of so many members, whose ids come back in order, the leader first; each has its number as its
    /// assignment.
    @discardableResult
    func form(
        _ count: Int,
        as groupID: String = "g",
        changing change: (inout GroupJoin) -> Void = { _ in }
    ) throws -> [String] {
        var request = GroupJoin.of(groupID)
        change(&request)
        let entries = try (0..<count).map { _ in try enter(request) }
        advance(by: coordinator.settings.initialRebalanceDelay * (count + 1))
        let ids = entries.map(\.id)
        for entry in entries { #expect(joined(entry.waiter)?.code == GroupCode.none) }
        try distribute(groupID, ids)
        return ids
    }

    /// The leader assigns its number to each of the ids, and all get it.
    func distribute(_ groupID: String, _ ids: [String]) throws {
        let description = coordinator.describe(groupID)
        #expect(description.state == .completingRebalance)
        let leader = try #require(description.leaderID)
        let assignments = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, [UInt8($0)]) })
        for id in ids where id != leader { _ = sync(GroupSync(membership: now(groupID, id))) }
        _ = sync(GroupSync(membership: now(groupID, leader), assignments: assignments))
        #expect(coordinator.describe(groupID).state == .stable)
    }

    /// A member in the current generation.
    func now(_ groupID: String, _ id: String, instance: String? = nil) -> GroupMembership {
        let generation = coordinator.describe(groupID).generation
        return GroupMembership(groupID: groupID, generation: generation, memberID: id, groupInstanceID: instance)
    }

    func state(_ groupID: String = "g") -> GroupState {
        coordinator.describe(groupID).state
    }
}

extension GroupJoin {
    /// A consumer with a session of 10 s and a rebalance timeout of 60 s.
    static func of(
        _ groupID: String = "g",
        id: String = "",
        instance: String? = nil,
        protocols: [String] = ["range"],
        metadata: [UInt8] = [1]
    ) -> GroupJoin {
        GroupJoin(
            groupID: groupID,
            memberID: id,
            groupInstanceID: instance,
            clientID: "c",
            clientHost: "/10.0.0.1",
            sessionTimeout: .seconds(10),
            rebalanceTimeout: .seconds(60),
            protocolType: "consumer",
            protocols: protocols.map { GroupProtocol(name: $0, metadata: metadata) }
        )
    }
}

extension GroupCommit {
    /// One offset of topic `readings`.
    static func of(
        _ membership: GroupMembership,
        _ offset: Int64,
        partition: Int32 = 0,
        metadata: String? = nil
    ) -> GroupCommit {
        let partition = Partition(index: partition, offset: offset, leaderEpoch: 0, metadata: metadata)
        return GroupCommit(membership: membership, topics: [Topic(name: "readings", partitions: [partition])])
    }

    /// The same by a consumer without a group.
    static func simple(_ groupID: String, _ offset: Int64, partition: Int32 = 0) -> GroupCommit {
        .of(GroupMembership(groupID: groupID, generation: -1, memberID: ""), offset, partition: partition)
    }
}

/// The seed of a random test: `SEED` of the environment, printed in any case.
func groupSeed(_ name: String) throws -> UInt64 {
    let given = getenv("SEED").map { String(cString: $0) }
    let seed = try given.map { try #require(UInt64($0), "SEED is a whole number") } ?? randomSeed()
    print("\(name): SEED=\(seed)")
    return seed
}
