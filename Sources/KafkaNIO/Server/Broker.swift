// What all connections share: the log, and who waits for it.
internal import CommitLog
internal import KafkaProtocol
internal import NIOCore
internal import Platform
internal import Synchronization

/// The one broker of the cluster that clients see. Any thread.
final class Broker: Sendable {
    /// As clients see it; the only one.
    static let nodeID: Int32 = 0
    /// Constant: the log is never truncated behind what was acknowledged.
    static let leaderEpoch: Int32 = 0

    let configuration: KafkaListenerConfiguration
    let log: CommitLog
    let clock: any Clock
    /// 22 characters that stay the same as long as the data directory does.
    let clusterID: String
    let workers: [Worker]
    /// For producers' batches of all connections, which thus take effect in their order.
    let producing = Worker(name: "kafka-produce")
    /// For jobs of that worker.
    let missingBatches = MissingBatches()
    let groups: GroupService
    let requestMemory = ByteBudget(Limits.requestMemoryBytesMax)
    let fetchMemory = ByteBudget(Limits.fetchMemoryBytesMax)
    let answerMemory = ByteBudget(Limits.answerMemoryBytesMax)
    let recordBuffers = RecordBuffers()
    let counters = ListenerCounters()
    private let producerIDs: ProducerIDSource
    /// One for each password.
    let passwordChecks = ByteBudget(Limits.passwordChecksMax)
    /// One for each answer.
    let delayedFailures = ByteBudget(Limits.delayedFailuresMax)
    private let securityInForce: Mutex<Security>
    private let accepted = Mutex(Connections())
    private let loops: [ObjectIdentifier: CommitWaiters]
    private let tailListener: LogTail.ListenerID

    init(
        configuration: KafkaListenerConfiguration,
        log: CommitLog,
        clock: any Clock,
        eventLoops: any EventLoopGroup
    ) throws(LogError) {
        self.configuration = configuration
        securityInForce = Mutex(Security(configuration))
        self.log = log
        self.clock = clock
        clusterID = Broker.clusterID(of: log)
        let eventLoop = eventLoops.next()
        let loops = Dictionary(
            uniqueKeysWithValues: eventLoops.makeIterator().map { (ObjectIdentifier($0), CommitWaiters(eventLoop: $0)) }
        )
        guard let commits = loops[ObjectIdentifier(eventLoop)] else {
            preconditionFailure("a group's next loop is one of its loops")
        }
        self.loops = loops
        // Before anybody can wait for a commit.
        tailListener = log.tail.addListener {
            for (_, waiters) in loops { waiters.wake() }
        }
        producerIDs = ProducerIDSource(try log.makeProducerIDs())
        groups = try GroupService(log: log, clock: clock, eventLoop: eventLoop, commits: commits)
        workers = (0..<Limits.workers).map { Worker(name: "kafka-work-\($0)") }
    }

    /// Hands over a producer id that nobody had before; on a worker's thread, because it may write a file.
    func takeProducerID(_ done: @escaping @Sendable (Result<Int64, LogError>) -> Void) {
        workers[0].run { [producerIDs] in
            done(Result { () throws(LogError) in try producerIDs.ids.next() })
        }
    }

    /// Gives the memory of records back that were read and have left, or never will.
    func release(_ records: [StoredBatches]) {
        fetchMemory.give(records.reduce(0) { $0 + $1.bytes.readableBytes })
        for batches in records where batches.isLent { recordBuffers.give(batches.bytes) }
    }

    /// For connections that are accepted from now on.
    var security: Security {
        get { securityInForce.withLock { $0 } }
        set { securityInForce.withLock { $0 = newValue } }
    }

    func waiters(of eventLoop: any EventLoop) -> CommitWaiters {
        guard let waiters = loops[ObjectIdentifier(eventLoop)] else {
            preconditionFailure("a connection runs on a loop of the listener's group")
        }
        return waiters
    }

    private struct Connections {
        var channels: [ObjectIdentifier: any Channel] = [:]
        /// When those were accepted that are not let in yet.
        var newcomers: [ObjectIdentifier: Int] = [:]
        /// Those that have to go, and may take a moment for it.
        var dismissed: Set<ObjectIdentifier> = []
        var accepted = 0
        var isStopping = false

        /// Lets go of the newcomer that has waited longest; nil where there is none.
        mutating func dismissNewcomer() -> (any Channel)? {
            guard let oldest = newcomers.min(by: { $0.value < $1.value })?.key else { return nil }
            newcomers[oldest] = nil
            dismissed.insert(oldest)
            return channels[oldest]
        }
    }

    /// Takes a connection in. Where there are too many it takes the place of one that has not said who it is, or is refused; that
    /// is counted.
    func open(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let (isOpen, dismissed) = accepted.withLock { connections -> (Bool, (any Channel)?) in
            guard !connections.isStopping, connections.dismissed.count < Limits.dismissedMax
            else { return (false, nil) }
            var dismissed: (any Channel)?
            let isFull = connections.channels.count - connections.dismissed.count >= configuration.connectionsMax
            if isFull || connections.newcomers.count >= Limits.newcomersMax {
                dismissed = connections.dismissNewcomer()
                if isFull, dismissed == nil { return (false, nil) }
            }
            connections.accepted &+= 1
            connections.channels[id] = channel
            connections.newcomers[id] = connections.accepted
            return (true, dismissed)
        }
        if !isOpen || dismissed != nil { counters.note(.tooMany) }
        dismissed?.close(promise: nil)
        guard isOpen else { return false }
        counters.noteConnection()
        channel.closeFuture.whenComplete { [self] _ in
            accepted.withLock { connections in
                connections.channels[id] = nil
                connections.newcomers[id] = nil
                connections.dismissed.remove(id)
            }
        }
        return true
    }

    /// A connection is let in, and keeps its place.
    func noteLetIn(_ id: ObjectIdentifier) {
        accepted.withLock { $0.newcomers[id] = nil }
    }

    var connectionCount: Int { accepted.withLock { $0.channels.count } }

    /// Connections take turns.
    func nextWorker() -> Worker {
        workers[accepted.withLock { $0.accepted } % workers.count]
    }

    func closeConnections() async {
        let channels = accepted.withLock { connections in
            connections.isStopping = true
            return Array(connections.channels.values)
        }
        // All at once: each may take as long as a client has for its goodbye.
        let ends = channels.map { $0.close() as EventLoopFuture<Void> }
        for end in ends { try? await end.get() }
    }

    func stop() async {
        log.tail.removeListener(tailListener)
        await groups.stop()
        for worker in workers + [producing] { await worker.stop() }
    }

    /// The identity of topic `system`: random, made with the data directory, and in its journal.
    private static func clusterID(of log: CommitLog) -> String {
        let system = log.partitions.first { $0.topicPartition.topic == .system } ?? log.partitions.first
        return system.map { KafkaUUID($0.topicID).description } ?? ""
    }
}

/// Who may do what, as it is configured now.
struct Security: Sendable {
    /// Nil where TLS is not spoken.
    var tls: KafkaTLS?
    /// Nil where nobody logs in.
    var users: KafkaUsers?
    /// Nil where everybody who is let in may do what clients may do at all.
    var permissions: [KafkaPermission]?

    init(_ configuration: KafkaListenerConfiguration) {
        (tls, users, permissions) = (configuration.tls, configuration.users, configuration.permissions)
    }
}

extension KafkaUUID {
    init(_ identifier: UniqueIdentifier) {
        self.init(high: identifier.high, low: identifier.low)
    }
}

/// For one worker.
private final class ProducerIDSource: @unchecked Sendable {
    // Sendable: after `init` used by jobs of the first worker only.
    let ids: ProducerIDs

    init(_ ids: ProducerIDs) {
        self.ids = ids
    }
}
