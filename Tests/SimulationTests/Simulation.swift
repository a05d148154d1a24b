// One seed: the whole line on one thread, with the faults that the seed plans, audited after every recovery.
import Alerting
import CommitLog
import Ingest
import Platform
import Rules

/// What one seed came to.
struct SeedReport {
    var events = 0
    var crashes = 0
    var acknowledged = 0
    var verified = 0
    var faults = FaultCounts()
    var trace: UInt64 = 0
    var traceTail = ""
    var violation: String?
}

final class Simulation {
    /// Events that the script sends at least, and power cuts.
    static let eventsMin = 2000
    static let cutsMin = 3
    /// A hundred times what a seed needs.
    private static let turnsMax = 500_000

    let disk: SimulatedDisk
    let clock: SimulatedClock
    let sender: Sender
    let witness = Witness()
    let trace = Trace()
    var settings: BoxSettings
    var dice: Dice
    var deliveries = Deliveries()
    /// Nil while the box is down.
    var box: Box?
    private(set) var crashes = 0
    private var runs = 0
    private var agenda: Agenda
    /// The disk as the box sees it: the simulated one, or one with a planted bug.
    private let boxDisk: any Disk
    private let isFlipping: Bool
    /// The turn in which a full disk gets its room back; nil while it has room.
    private var fullUntil: Int?
    private var turns = 0

    init(seed: UInt64, bug: PlantedBug? = nil) throws {
        var dice = Dice(seed: seed)
        let disk = SimulatedDisk(directory: BoxSettings.directory, dice: dice.split(), trace: trace)
        self.disk = disk
        clock = SimulatedClock(drift: dice.within(-200...200))
        sender = Sender(dice: dice.split())
        boxDisk = bug.map { PlantedDisk(disk: disk, bug: $0) } ?? disk
        isFlipping = bug == nil && dice.chance(1, in: 6)
        let onFull: FullPolicy = dice.chance(1, in: 4) ? .dropOldest : .refuse
        settings = BoxSettings(
            topics: [
                .readings: TopicConfiguration(
                    retention: dice.chance(1, in: 6) ? .seconds(36_000) : nil,
                    retentionBytes: dice.chance(1, in: 6) ? ByteCount(96 << 10) : nil,
                    compression: dice.chance(1, in: 4) ? .lz4 : .none,
                    onFull: onFull
                ),
                .rejected: TopicConfiguration(retentionBytes: ByteCount(12 << 10), onFull: .dropOldest),
                .system: TopicConfiguration(),
                .gaps: TopicConfiguration(),
                .alerts: TopicConfiguration(),
            ],
            segmentBytes: Int64(dice.within(8...48)) << 10,
            rules: try BoxSettings.freezerRules(),
            storesCursorFirst: bug == .cursorBeforeEffect,
            hashSeed: dice.number()
        )
        agenda = Agenda(&dice, isFlipping: isFlipping, disk)
        self.dice = dice
    }

    func run() -> SeedReport {
        var report = SeedReport()
        do {
            try start()
            while sender.script.items.count < Simulation.eventsMin || hasFaultsToCome { try turn() }
            try settle()
            try auditEnd()
            guard disk.counts.missed.isEmpty else { throw Violation("planned and not injected: \(disk.counts.missed)") }
        } catch {
            report.violation = "\(error)"
        }
        report.events = sender.script.items.count
        report.crashes = crashes
        report.acknowledged = sender.acknowledgedCount
        report.verified = witness.verifiedRecords
        report.faults = disk.counts
        report.trace = trace.hash
        report.traceTail = trace.tail
        return report
    }

    private static func endSum(_ log: CommitLog) -> Int {
        Int(log.partitions.reduce(0) { $0 + $1.logEndOffset.value })
    }

    private var hasFaultsToCome: Bool { !agenda.isEmpty || !disk.armed.isEmpty || fullUntil != nil }

    // MARK: Scheduling

    private func turn() throws {
        turns += 1
        guard turns < Simulation.turnsMax else { throw Violation("the script never ends") }
        // Where retention has kept the disk from filling up, the next write finds it full.
        if let fullUntil, turns >= fullUntil, !disk.wasFull { disk.space.capacity = disk.space.used }
        if let fullUntil, turns >= fullUntil, disk.wasFull {
            // Room comes back bit by bit or at once.
            disk.space.capacity = dice.chance(1, in: 3) ? disk.space.used + dice.below(9000) : .max
            self.fullUntil = disk.space.capacity == .max ? nil : turns + dice.within(50...500)
        }
        while let fault = agenda.next(at: sender.script.items.count) { try befall(fault) }
        guard let box else { return try start() }
        clock.advance(milliseconds: dice.chance(1, in: 100) ? dice.within(1000...20_000) : dice.below(40))
        box.recorder.tickIfDue()
        switch dice.below(16) {
        case 0...5: send(to: box)
        case 6, 7: box.pipeline.turn(now: clock.monotonic())
        case 8, 9: try handOver(box)
        case 10...12: try commit(box)
        case 13: stepRules(box)
        default: try consume(box)
        }
        if disk.isDead { try crash() }
    }

    private func send(to box: Box) {
        guard !box.pipeline.isBlocked else { return box.pipeline.turn(now: clock.monotonic()) }
        for _ in 0..<dice.within(1...6) where !box.pipeline.isBlocked {
            sender.send(to: box.pipeline, at: clock.now())
        }
        trace.note("send", sender.script.payloads.count, box.pipeline.openBytes)
    }

    private func handOver(_ box: Box) throws {
        let result = box.pipeline.handOver()
        let counts = box.pipeline.counters.snapshot()
        let rejected = counts.rejected.values.reduce(0, +)
        let dropped = counts.dropped.values.reduce(0, +)
        trace.note("hand over", Int(counts.appended), Int(rejected))
        // At rest: what is not durable is counted once it is.
        if case .nothing = result, counts.received != counts.appended + rejected + dropped {
            throw Violation("received \(counts.received), appended \(counts.appended), \(rejected), \(dropped)")
        }
        try confirm(sender.note(result))
    }

    func commit(_ box: Box) throws {
        let outcome = box.writer.step(waitUpTo: .zero)
        trace.note("commit", outcome == .committed ? 1 : 0, Simulation.endSum(box.log))
        if outcome == .failed && !disk.isDead {
            // The daemon says why and exits; sometimes the machine goes down with it.
            return dice.chance(1, in: 2) ? try crash() : try exit()
        }
        guard outcome == .committed else { return }
        try witness.look(at: box.log, sender)
        try confirm(sender.collect(from: box.log.inbox))
    }

    /// What is acknowledged is there, whole, at that very moment.
    private func confirm(_ payloads: [Int]) throws {
        guard !payloads.isEmpty, let box else { return }
        try witness.look(at: box.log, sender)
        for payload in payloads {
            for item in sender.script.payloads[payload].items {
                guard item < witness.copies.count, witness.copies[item] > 0 else {
                    throw Violation("payload \(payload) was acknowledged, and item \(item) of it is not in the log")
                }
            }
        }
    }

    private func stepRules(_ box: Box) {
        let outcome = box.runner.step(waitUpTo: .zero)
        if case .worked = outcome { trace.note("rules", box.runner.status.firingCount) }
    }

    private func consume(_ box: Box) throws {
        do { try box.consumer.step(&deliveries, succeeds: dice.chance(9, in: 10)) } catch {
            // The cursor is lost to this process; the next start reads it again.
            trace.note("consumer failed")
            if !disk.isDead { try exit() }
        }
    }

    // MARK: Faults

    private func befall(_ fault: Fault) throws {
        trace.note("befall", fault.rawValue)
        switch fault {
        case .powerCut: disk.armed.arm(.powerCut, after: dice.below(40))
        case .writeError, .syncErrorClean, .syncErrorReverted: disk.armed.arm(fault, after: dice.below(12))
        case .kill:
            disk.note(.kill)
            try exit()
        case .diskFull:
            disk.space.capacity = disk.space.used + dice.below(6000)
            fullUntil = turns + dice.within(100...1500)
        case .bitFlip:
            try crash()
            BitFlip.strike(self)
        case .clockStep:
            clock.step(seconds: dice.within(-100_000...100_000))
            disk.note(.clockStep)
        case .clockUnsynced:
            let isDoubted = clock.quality() == .synchronised
            clock.doubt(isDoubted)
            if isDoubted { disk.note(.clockUnsynced) }
        }
    }

    /// The power goes: what was not synced is for the disk to decide.
    private func crash() throws {
        crashes += 1
        disk.note(.powerCut)
        trace.note("crash", crashes)
        sender.reconnect()
        box = nil
        disk.cutPower()
        disk.restorePower()
        clock.boot(at: dice.within(1...1000))
    }

    /// The process goes, and nothing else.
    private func exit() throws {
        trace.note("exit")
        sender.reconnect()
        box = nil
        disk.killProcess()
    }

    // MARK: Starting

    /// Recovers and audits; where the disk fails meanwhile, the box stays down and the next turn tries again.
    func start() throws {
        runs += 1
        if dice.chance(1, in: 4), crashes > 0, crashes < 20, agenda.takeExtraCut() {
            disk.armed.arm(.powerCut, after: dice.below(16))
        }
        do {
            let log: CommitLog
            // Before a cache that a failed sync has left behind, a reader that changes nothing cannot know better.
            let expected =
                try !disk.hasStaleCache && dice.chance(1, in: 3)
                ? LogAudit.readOnly(settings, boxDisk, disk, clock) : nil
            if dice.chance(1, in: 2), disk.armed.isEmpty {
                log = try LogAudit.recoverTwice(settings, boxDisk, disk, clock, cutsPower: dice.chance(1, in: 2))
            } else {
                log = try CommitLog.open(settings.logConfiguration, disk: boxDisk, clock: clock, access: .readWrite)
            }
            if let expected, LogAudit.Shape(log) != expected {
                throw Violation("a reader expects \(expected), recovery comes to \(LogAudit.Shape(log))")
            }
            let started = try Box(log, settings, disk: boxDisk, clock: clock, run: runs)
            trace.note("start", Simulation.endSum(log))
            try witness.verify(log)
            try witness.look(at: log, sender)
            try LogAudit.expectAgreement(log, disk, witness, &dice)
            try EdgeAudit.expectEffects(
                of: started.consumer.cursor,
                in: log,
                witness.edges,
                deliveries
            )
            box = started
        } catch let error as LogError {
            guard disk.isDead || error.code == .disk else { throw error }
            trace.note("start failed")
            disk.isDead ? try crash() : try exit()
        }
    }

    // MARK: The end

    /// No more faults: everything must come to rest by itself.
    private func settle() throws {
        disk.space.capacity = .max
        clock.doubt(false)
        try exit()
        for _ in 0..<20_000 {
            guard let box else {
                try start()
                continue
            }
            clock.advance(milliseconds: 20)
            if sender.hasRedeliveries {
                send(to: box)
                continue
            }
            try handOver(box)
            try commit(box)
            let outcome = box.runner.step(waitUpTo: .zero)
            try consume(box)
            if sender.isSettled, box.consumer.isSettled, case .idle = outcome, box.log.inbox.writerIsIdle,
                box.runner.status.isCaughtUp
            {
                return
            }
        }
        throw Violation("the line never comes to rest")
    }

    private func auditEnd() throws {
        guard let box else { throw Violation("the box is down at the end") }
        try witness.look(at: box.log, sender)
        for (payload, content) in sender.script.payloads.enumerated() {
            guard sender.isAcknowledged[payload] else { throw Violation("payload \(payload) was never acknowledged") }
            for item in content.items where witness.copies[item] > crashes + runs {
                throw Violation("item \(item) stands \(witness.copies[item]) times in the log")
            }
        }
        try witness.verify(box.log)
        try LogAudit.expectAgreement(box.log, disk, witness, &dice)
        guard !witness.hasHits else { return }
        try EdgeAudit.expectOnce(witness.edges)
        try EdgeAudit.expectEffects(of: box.consumer.cursor, in: box.log, witness.edges, deliveries)
        guard deliveries.repeated <= runs else {
            throw Violation("\(deliveries.repeated) alerts were delivered again by \(runs) starts")
        }
        let isWhole = box.log.partitions.allSatisfy {
            [.rejected].contains($0.topicPartition.topic) || $0.logStartOffset == .zero
        }
        guard isWhole else { return }
        let log = box.log
        let writer = box.writer
        box.runner.finish()
        self.box = nil
        let known = Set(witness.edges.values)
        try EdgeAudit.runAnew(log, writer: writer, settings, disk: disk, clock: clock)
        try witness.look(at: log, sender)
        for (offset, edge) in witness.edges.sorted(by: { $0.key < $1.key }) where !known.contains(edge) {
            throw Violation("rules that read the log anew come to another edge, alerts \(offset): \(edge)")
        }
        try EdgeAudit.expectOnce(witness.edges)
    }
}
