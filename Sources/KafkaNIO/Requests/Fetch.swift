// Fetch: stored batches as they are, or a wait for them.
internal import CommitLog
internal import KafkaProtocol
internal import NIOCore
internal import Platform

extension FetchRequest: ServedRequest {
    func start(_ call: Call) {
        guard sessionID == 0 else {
            // Sessions are declined: none that we gave out can be meant.
            let response = FetchResponse(errorCode: .fetchSessionIDNotFound, topics: [])
            return call.reply(.frames(response.frames(of: call.header) { _, _ in [] }))
        }
        FetchInWork(self, call).begin()
    }
}

extension FetchRequest {
    /// The same without a partition that is named a second time.
    fileprivate func namingEachOnce() -> FetchRequest {
        var request = self
        var seen: Set<ConsumedPartition> = []
        for index in request.topics.indices {
            let name = request.topics[index].name
            request.topics[index].partitions.removeAll { partition in
                !seen.insert(ConsumedPartition(topic: name, partition: partition.partitionIndex)).inserted
            }
        }
        return request
    }
}

extension FetchResponse {
    /// The frame in pieces, the records of each partition among them as they were read.
    fileprivate func frames(
        of header: RequestHeader,
        records: (_ topic: Int, _ partition: Int) -> [ByteBuffer]
    ) -> [ByteBuffer] {
        parts(correlationID: header.correlationID, version: header.version).flatMap { part in
            switch part {
            case .bytes(let buffer): [buffer]
            case .records(let topic, let partition): records(topic, partition)
            }
        }
    }
}

/// A fetch between its request and its response. Belongs to the connection's event loop.
///
/// It is answered as soon as it has `minBytes`, something to complain about, no room for more, or waited long enough. While
/// it waits it holds no memory: it remembers how much it has found, a wake-up counts only what is new, and what it answers is
/// read again.
private final class FetchInWork: CommitWaiter {
    private let request: FetchRequest
    private let call: Call
    private let waiters: CommitWaiters
    private var wanted: [WantedPartition]
    /// It is this fetch's turn among those of its connection.
    private var hasBegun = false
    private var isReading = false
    /// There was a commit while the worker read.
    private var looksAgain = false
    private var isOver = false
    private var isFull = false
    private var hasTimedOut = false
    /// Some of what `wanted` counts is not in memory any more.
    private var hasLetGo = false
    /// It tries again when there may be memory for it.
    private var isPausing = false
    private var timeout: NIODeadline?

    init(_ request: FetchRequest, _ call: Call) {
        let request = request.namingEachOnce()
        self.request = request
        self.call = call
        waiters = call.broker.waiters(of: call.eventLoop)
        let (broker, access) = (call.broker, call.connection.access)
        wanted = request.topics.flatMap { topic in
            topic.partitions.map { WantedPartition($0, of: topic.name, broker, access) }
        }
    }

    func begin() {
        let wait = min(.milliseconds(Int64(max(0, request.maxWaitMilliseconds))), Limits.fetchWaitMax)
        hasTimedOut = wait == .zero || wanted.isEmpty
        call.connection.beginFetch {
            self.hasBegun = true
            self.proceed()
            guard !self.isOver, !self.hasTimedOut else { return }
            self.waiters.add(self)
            self.proceed()
        }
        guard !isOver, !hasTimedOut else { return }
        timeout = waiters.timeouts.add(self, in: wait) {
            self.hasTimedOut = true
            self.proceed()
        }
    }

    func isDoneAfterCommit() -> Bool {
        looksAgain = true
        proceed()
        return isOver
    }

    private var bytesMax: Int { min(max(0, Int(request.maxBytes)), Limits.fetchBytesMax) }
    private var byteCount: Int { wanted.reduce(0) { $0 + $1.byteCount } }

    private var isDue: Bool {
        hasTimedOut || isFull || byteCount >= Int(request.minBytes)
            || wanted.contains { $0.errorCode != .none }
    }

    /// Reads, answers, or goes on waiting.
    private func proceed() {
        guard hasBegun, !isOver, !isReading else { return }
        if looksAgain {
            looksAgain = false
            for index in wanted.indices { wanted[index].lookAgain() }
        }
        let isWanted = call.connection.isOpen
        if isWanted, !isFull, wanted.contains(where: \.hasMore) {
            read()
        } else if isWanted, isDue, hasLetGo {
            readAgain()
        } else if isDue || !isWanted {
            answer()
        } else {
            letGo()
        }
    }

    private func letGo() {
        hasLetGo = hasLetGo || byteCount > 0
        for index in wanted.indices { wanted[index].letGo(call.broker) }
    }

    /// Reads all that was counted, and answers with it.
    private func readAgain() {
        hasTimedOut = true
        rewind()
        read()
    }

    /// Nothing was read yet.
    private func rewind() {
        hasLetGo = false
        for index in wanted.indices {
            wanted[index].letGo(call.broker)
            wanted[index].rewind()
        }
    }

    /// Takes what was read ahead; where that is not enough, has the worker read.
    private func read() {
        isReading = true
        let this = NIOLoopBound(self, eventLoop: call.eventLoop)
        let ahead = call.connection.ahead
        var room = bytesMax - byteCount
        let (taken, unwanted) = ahead.take { batches in
            let before = room
            var unwanted: [StoredBatches] = []
            for index in self.wanted.indices where !batches.isEmpty {
                room -= self.wanted[index].take(from: &batches, unwanted: &unwanted, room: room)
            }
            return (before - room, unwanted)
        }
        call.broker.release(unwanted)
        if taken > 0 { call.connection.endPatience() }
        guard self.wanted.contains(where: \.hasMore), !isEnough(taken, room) else {
            return take((self.wanted, isCut: self.wanted.contains(where: \.hasMore)))
        }
        let isComing = ahead.isComing {
            this.eventLoop.execute { this.value.read() }
        }
        if isComing { return }
        ahead.clear()
        let (wanted, rest, broker, reader) = (wanted, max(0, room), call.broker, call.connection.reader)
        call.connection.worker.run {
            let share = min(rest, max(broker.fetchMemory.left / 4, Limits.fetchShareBytesMin))
            let least = min(rest, Limits.fetchShareBytesMin)
            let found =
                WantedPartition.read(wanted, share: share, broker, reader)
                ?? WantedPartition.read(wanted, share: least, floor: -Limits.fetchReserveBytesMax, broker, reader)
            this.eventLoop.execute { this.value.take(found) }
        }
    }

    /// Whether so much from memory is answered with, although there is more: each partition that has records has its share, or
    /// there is no room for one.
    private func isEnough(_ taken: Int, _ room: Int) -> Bool {
        guard taken >= Limits.fetchAheadBytesMin, byteCount >= Int(request.minBytes) else { return false }
        return room < Limits.fetchShareBytesMin || !wanted.contains { $0.byteCount == 0 && $0.hasMore }
    }

    /// Reads what this client will most likely ask for next, where it takes much, while it takes this answer.
    private func readAhead() {
        guard call.connection.isOpen, byteCount >= Limits.fetchAheadBytesMin else { return }
        let (ahead, broker, reader) = (call.connection.ahead, call.broker, call.connection.reader)
        let (there, room) = (ahead.batches, bytesMax)
        let next = wanted.compactMap { $0.following(there) }
        guard !next.isEmpty, let missing = ahead.begin(upTo: max(byteCount, Limits.fetchAheadBytesMax)) else { return }
        call.connection.worker.run {
            WantedPartition.readAhead(next, upTo: missing, each: room, broker, reader, into: ahead)
            ahead.end()
        }
    }

    /// nil: there is no memory for it just now. `isCut`: there was more, and no room for it.
    private func take(_ found: (wanted: [WantedPartition], isCut: Bool)?) {
        isReading = false
        if let found {
            wanted = found.wanted
            isFull = found.isCut || byteCount >= bytesMax || wanted.contains { $0.leavesSome && !$0.hasMore }
            proceed()
        } else if hasTimedOut {
            if hasLetGo { rewind() }
            answer()
        } else if !isPausing {
            isPausing = true
            call.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(Limits.fetchMemoryPause)) {
                self.isPausing = false
                self.proceed()
            }
        }
    }

    private func answer() {
        isOver = true
        if let timeout { waiters.timeouts.remove(self, at: timeout) }
        waiters.remove(self)
        var rest = wanted[...]
        let first = request.topics.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.partitions.count) }
        let response = FetchResponse(
            topics: request.topics.map { topic in
                let own = rest.prefix(topic.partitions.count)
                rest = rest.dropFirst(topic.partitions.count)
                return FetchResponse.Topic(
                    name: topic.name,
                    partitions: own.map { $0.response(isCommittedOnly: request.isolationLevel == 1) }
                )
            }
        )
        var answer = Answer.frames(response.frames(of: call.header) { wanted[first[$0] + $1].batches.map(\.bytes) })
        answer.records = wanted.flatMap(\.batches)
        answer.broker = call.broker
        answer.fetching = NIOLoopBound(call.connection, eventLoop: call.eventLoop)
        readAhead()
        call.connection.expectFetch(waiters.timeouts)
        call.reply(answer)
    }
}

/// One partition of a fetch, and what was read of it.
private struct WantedPartition: Sendable {
    let index: Int32
    /// nil where `errorCode` says why.
    let partition: Partition?
    var errorCode = ErrorCode.none
    private let start: Offset
    /// Where to read on.
    private var next: Offset
    /// There should be more, but nothing can be had before the next commit.
    private var isStalled = false
    private let bytesMax: Int
    private(set) var batches: [StoredBatches] = []
    private(set) var byteCount = 0
    /// How long the batch at `next` is, where that is known.
    private var nextByteCount: Int?

    init(_ request: FetchRequest.Partition, of topic: String, _ broker: Broker, _ access: Access) {
        index = request.partitionIndex
        start = Offset(request.fetchOffset)
        next = start
        bytesMax = max(1, Int(request.partitionMaxBytes))
        let isAllowed = access.allows(.read, topic: topic)
        let found = isAllowed ? broker.partition(topic, index) : nil
        partition = found
        guard let found else {
            errorCode = isAllowed ? .unknownTopicOrPartition : .topicAuthorizationFailed
            return
        }
        if let error = broker.mismatch(of: request.currentLeaderEpoch) {
            errorCode = error
        } else if next < found.logStartOffset || next > found.logEndOffset {
            errorCode = .offsetOutOfRange
        }
    }

    /// There are records that this fetch could have had, with room or without.
    var leavesSome: Bool {
        guard errorCode == .none, !isStalled, let partition else { return false }
        return next < partition.logEndOffset
    }

    /// There are records that this fetch may still have.
    var hasMore: Bool { leavesSome && (byteCount == 0 || fits(bytesMax - byteCount)) }

    /// Whether the next batch fits, or may.
    private func fits(_ room: Int) -> Bool { nextByteCount ?? 1 <= room }

    /// The same in the fetch after this one, or after those for which there are these batches; nil where nothing is left.
    func following(_ batches: [StoredBatches] = []) -> WantedPartition? {
        var following = self
        (following.batches, following.byteCount, following.nextByteCount) = ([], 0, nil)
        if let last = batches.last(where: { $0.partition === partition }) { following.next = last.nextOffset }
        return following.hasMore ? following : nil
    }

    /// Gives the memory of what was read back.
    mutating func letGo(_ broker: Broker) {
        broker.release(batches)
        batches = []
    }

    mutating func rewind() {
        next = start
        byteCount = 0
        nextByteCount = nil
    }

    /// Takes what goes on where it stands, of what was read before. What of its partition begins elsewhere is `unwanted`.
    ///
    /// - Returns: how many bytes.
    mutating func take(from ahead: inout [StoredBatches], unwanted: inout [StoredBatches], room: Int) -> Int {
        let before = byteCount
        var room = min(room, bytesMax - byteCount)
        func goesOn(_ found: StoredBatches) -> Bool {
            found.partition === partition && found.from == next && found.bytes.readableBytes <= room
        }
        while errorCode == .none, let index = ahead.firstIndex(where: goesOn) {
            let found = ahead.remove(at: index)
            room -= found.bytes.readableBytes
            append(found)
        }
        if let first = ahead.first(where: { $0.partition === partition }), first.from != next {
            unwanted += ahead.filter { $0.partition === partition }
            ahead.removeAll { $0.partition === partition }
        }
        return byteCount - before
    }

    private mutating func append(_ found: StoredBatches) {
        batches.append(found)
        byteCount += found.bytes.readableBytes
        next = found.nextOffset
        nextByteCount = found.nextByteCount
    }

    /// After a commit.
    mutating func lookAgain() {
        isStalled = false
        if errorCode == .none, partition?.isDeleted == true { errorCode = .unknownTopicOrPartition }
    }

    func response(isCommittedOnly: Bool) -> FetchResponse.Partition {
        let end = partition?.logEndOffset.value ?? -1
        return FetchResponse.Partition(
            partitionIndex: index,
            errorCode: errorCode,
            highWatermark: end,
            lastStableOffset: end,
            logStartOffset: partition?.logStartOffset.value ?? -1,
            abortedTransactions: isCommittedOnly ? [] : nil,
            recordsByteCount: batches.reduce(0) { $0 + $1.bytes.readableBytes }
        )
    }

    // MARK: On the worker

    /// Reads up to `share` bytes, 0 or more, for the partitions together, in their order: whole batches, and the first of all whatever its
    /// size.
    ///
    /// - Returns: whether there was more, and no room for it; nil where so much memory is not there. What was read stays taken from
    ///   `fetchMemory`.
    static func read(
        _ wanted: [WantedPartition],
        share: Int,
        floor: Int = 0,
        _ broker: Broker,
        _ reader: ConnectionReader
    ) -> (wanted: [WantedPartition], isCut: Bool)? {
        guard broker.fetchMemory.take(share, floor: floor) else { return nil }
        var (wanted, isCut) = (wanted, false)
        var rest = share
        var isFirst = wanted.allSatisfy { $0.byteCount == 0 }
        for index in wanted.indices {
            while wanted[index].hasMore {
                let hasRoom = isFirst || rest > 0 && wanted[index].fits(rest)
                guard hasRoom, let count = wanted[index].readOnce(broker, reader, room: rest, mayPass: isFirst) else {
                    isCut = isCut || wanted[index].hasMore
                    break
                }
                rest -= count
                if count > 0 { isFirst = false }
            }
        }
        if rest >= 0 { broker.fetchMemory.give(rest) } else { broker.fetchMemory.overdraw(-rest) }
        return (wanted, isCut)
    }

    /// Reads what fetches like this one will ask for, one after the other and each whole, for which they have `room`. Where half
    /// of the memory for records is in use, nothing.
    static func readAhead(
        _ wanted: [WantedPartition],
        upTo byteCount: Int,
        each room: Int,
        _ broker: Broker,
        _ reader: ConnectionReader,
        into ahead: RecordsAhead
    ) {
        var (wanted, rest) = (wanted, byteCount)
        while !wanted.isEmpty {
            let share = min(rest, room, broker.fetchMemory.left - Limits.fetchMemoryBytesMax / 2)
            guard share >= min(room, Limits.fetchAheadBytesMin) else { return }
            guard let found = read(wanted, share: share, broker, reader)?.wanted else { return }
            ahead.append(found.flatMap(\.batches))
            let count = found.reduce(0) { $0 + $1.byteCount }
            rest -= count
            guard count > 0, rest >= count else { return }
            wanted = found.compactMap { $0.following() }
        }
    }

    /// One read of the log, which may step over a gap; nil where there was nothing that fits.
    private mutating func readOnce(
        _ broker: Broker,
        _ reader: ConnectionReader,
        room: Int,
        mayPass: Bool
    ) -> Int? {
        guard let partition else { return nil }
        do {
            let maxBytes = min(room, bytesMax - byteCount, Limits.fetchReadBytesMax)
            let found = try reader.batches(of: partition, from: next, maxBytes: maxBytes, mayPass: mayPass)
            let count = found.bytes.readableBytes
            guard count > 0 else { return stepOver(to: found.nextOffset) }
            append(found)
            return count
        } catch {
            // Consumers are used to gaps between offsets; a batch that may be readable after its repair is waited for.
            if error.code == .damaged, broker.log.isUnderRepair(partition, at: next) {
                isStalled = true
                return nil
            }
            guard error.code == .damaged, let resumeAt = error.resumeAt, resumeAt > next else {
                if byteCount == 0 { errorCode = ErrorCode(error) }
                return nil
            }
            next = resumeAt
            return 0
        }
    }

    private mutating func stepOver(to offset: Offset) -> Int? {
        guard offset > next else { return nil }
        next = offset
        return 0
    }
}
