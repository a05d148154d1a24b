// Produce: a producer's batches, appended as they are and answered when they are durable.
internal import CommitLog
internal import KafkaProtocol
internal import NIOCore
internal import Platform

extension ProduceRequest: ServedRequest {
    func start(_ call: Call) {
        ProduceInWork(self, call).begin()
    }

    /// -1 and 1 mean the same where there is one broker: durable.
    private static let acknowledgements: ClosedRange<Int16> = -1...1

    /// What is wrong with the request as a whole.
    fileprivate var refusal: OfferedBatch.Refusal? {
        if transactionalID != nil {
            return .init(.transactionalIDAuthorizationFailed, "transactions are not served")
        }
        if !ProduceRequest.acknowledgements.contains(acks) {
            return .init(.invalidRequiredAcks, "acks is -1, 0 or 1")
        }
        return nil
    }
}

/// A produce request between its arrival and its answer. Belongs to the connection's event loop.
private final class ProduceInWork: CommitWaiter {
    private let request: ProduceRequest
    private let call: Call
    private let waiters: CommitWaiters
    /// In the request's order.
    private var offered: [OfferedBatch] = []
    private var timeout: NIODeadline?
    private var hasTimedOut = false

    init(_ request: ProduceRequest, _ call: Call) {
        self.request = request
        self.call = call
        waiters = call.broker.waiters(of: call.eventLoop)
    }

    func begin() {
        let (request, broker, access) = (request, call.broker, call.connection.access)
        let allowsZstandard = call.version >= 7
        let this = NIOLoopBound(self, eventLoop: call.eventLoop)
        broker.producing.run {
            let end = broker.clock.monotonic().advanced(by: Limits.inboxPatience)
            let offered = request.topics.flatMap { topic in
                topic.partitions.map { partition in
                    OfferedBatch(
                        partition,
                        of: topic.name,
                        refusal: request.refusal,
                        allowsZstandard: allowsZstandard,
                        until: end,
                        broker,
                        access
                    )
                }
            }
            this.eventLoop.execute { this.value.take(offered) }
        }
    }

    private func take(_ offered: [OfferedBatch]) {
        self.offered = offered
        if request.acks == 0 {
            let hasFailed = offered.contains { $0.refusal != nil }
            return call.reply(hasFailed ? .close(.failedSilentProduce) : .nothing)
        }
        waiters.add(self)
        let wait = Duration.milliseconds(Int64(request.timeoutMilliseconds))
        let patience = min(max(wait, Limits.commitPatience.lowerBound), Limits.commitPatience.upperBound)
        timeout = waiters.timeouts.add(self, in: patience) {
            self.hasTimedOut = true
            self.look()
        }
        look()
    }

    private func look() {
        if isDoneAfterCommit() { waiters.remove(self) }
    }

    func isDoneAfterCommit() -> Bool {
        let inbox = call.broker.log.inbox
        guard hasTimedOut || offered.allSatisfy({ $0.isSettled(inbox) }) else { return false }
        if let timeout { waiters.timeouts.remove(self, at: timeout) }
        answer()
        return true
    }

    private func answer() {
        let inbox = call.broker.log.inbox
        var rest = offered[...]
        call.answer(
            ProduceResponse(
                topics: request.topics.map { topic in
                    let own = rest.prefix(topic.partitions.count)
                    rest = rest.dropFirst(topic.partitions.count)
                    return ProduceResponse.Topic(name: topic.name, partitions: own.map { $0.response(inbox) })
                }
            )
        )
    }
}

/// The batch of one partition: on its way to the disk, or refused.
private struct OfferedBatch: Sendable {
    /// Why it is not appended.
    struct Refusal: Sendable {
        var errorCode: ErrorCode
        var message: String
        var records: [ProduceResponse.RecordError] = []

        init(_ errorCode: ErrorCode, _ message: String) {
            self.errorCode = errorCode
            self.message = message
        }
    }

    let index: Int32
    private(set) var refusal: Refusal?
    private var accepted: (batch: SealedBatch, ticket: CommitTicket, partition: Partition)?

    /// Checks it, and hands it to the log writer. On the worker for that.
    init(
        _ request: ProduceRequest.Partition,
        of topic: String,
        refusal: Refusal?,
        allowsZstandard: Bool,
        until end: MonotonicInstant,
        _ broker: Broker,
        _ access: Access
    ) {
        index = request.partitionIndex
        self.refusal = refusal
        guard refusal == nil else { return }
        let records = request.records ?? ByteBuffer()
        let header = records.withUnsafeReadableBytes { RecordBatchHeader($0) }
        let (producer, missing) = (header.flatMap(BatchProducer.init), broker.missingBatches)
        if let producer, missing.isBehindOne(producer, topic, index) {
            self.refusal = .missingBefore
            return
        }
        append(records, to: topic, allowsZstandard, until: end, broker, access)
        guard let producer else { return }
        if accepted != nil { missing.forget(producer, topic, index) }
        if self.refusal?.isPassing == true { missing.note(producer, topic, index) }
    }

    private mutating func append(
        _ records: ByteBuffer,
        to topic: String,
        _ allowsZstandard: Bool,
        until end: MonotonicInstant,
        _ broker: Broker,
        _ access: Access
    ) {
        guard access.allows(.write, topic: topic) else {
            self.refusal = Refusal(.topicAuthorizationFailed, "\(access.user) may not write to \(topic)")
            return
        }
        guard let partition = broker.partition(topic, index) else {
            self.refusal = Refusal(.unknownTopicOrPartition, "there is no such partition")
            return
        }
        let rules = ForeignBatch.Rules(
            byteCountMax: Limits.batchBytesMax,
            allowsZstandard: allowsZstandard,
            requiresKeys: partition.configuration.cleanup == .compact
        )
        do {
            let batch = try records.withUnsafeReadableBytes { bytes throws(BatchRefusal) in
                try ForeignBatch.sealed(bytes, rules, pool: broker.log.pool)
            }
            offer(batch, to: partition, until: end, broker)
        } catch {
            self.refusal = Refusal(error)
        }
    }

    /// Waits until `end` where the log writer has enough to do: a producer that is held up slows down.
    private mutating func offer(
        _ batch: SealedBatch,
        to partition: Partition,
        until end: MonotonicInstant,
        _ broker: Broker
    ) {
        while true {
            let generation = broker.log.tail.generation
            switch broker.log.inbox.offer(batch, to: partition) {
            case .accepted(let ticket):
                accepted = (batch, ticket, partition)
                return
            case .closed:
                refusal = Refusal(.kafkaStorageError, "the log takes nothing any more")
                return
            case .full:
                let now = broker.clock.monotonic()
                if case .full = broker.log.state {
                    refusal = Refusal(.kafkaStorageError, "the disk is full")
                } else if now >= end {
                    refusal = Refusal(.kafkaStorageError, "the disk is too slow")
                }
                if refusal != nil { return }
                _ = broker.log.tail.wait(after: generation, timeout: end.since(now))
            }
        }
    }

    func isSettled(_ inbox: BatchInbox) -> Bool {
        accepted.map { inbox.outcome(of: $0.ticket) != .pending } ?? true
    }

    func response(_ inbox: BatchInbox) -> ProduceResponse.Partition {
        guard let accepted else { return refused(refusal ?? Refusal(.unknownServerError, "")) }
        switch inbox.outcome(of: accepted.ticket) {
        case .durable: break
        case .pending: return refused(Refusal(.requestTimedOut, "it is not on disk yet, and may be later"))
        case .failed: return refused(Refusal(.kafkaStorageError, "the disk failed"))
        }
        let base: Offset
        switch accepted.batch.appendOutcome {
        case .appended(let offset), .duplicate(let offset): base = offset
        case .outOfOrderSequence: return refused(.missingBefore)
        case .fencedEpoch:
            return refused(Refusal(.invalidProducerEpoch, "another producer has taken over with a newer epoch"))
        case nil: return refused(Refusal(.unknownTopicOrPartition, "the topic was deleted"))
        }
        return ProduceResponse.Partition(
            partitionIndex: index,
            baseOffset: base.value,
            logStartOffset: accepted.partition.logStartOffset.value
        )
    }

    private func refused(_ refusal: Refusal) -> ProduceResponse.Partition {
        ProduceResponse.Partition(
            partitionIndex: index,
            errorCode: refusal.errorCode,
            baseOffset: -1,
            recordErrors: refusal.records,
            errorMessage: refusal.message
        )
    }
}

extension OfferedBatch.Refusal {
    fileprivate static var missingBefore: Self {
        .init(.outOfOrderSequenceNumber, "a batch of this producer is missing before this one")
    }

    /// The producer will try the same again.
    fileprivate var isPassing: Bool {
        [.kafkaStorageError, .unknownTopicOrPartition, .corruptMessage].contains(errorCode)
    }

    init(_ refusal: BatchRefusal) {
        let code: ErrorCode =
            switch refusal {
            case .corrupt: .corruptMessage
            case .invalid, .invalidRecords: .invalidRecord
            case .tooLarge: .messageTooLarge
            case .unsupportedCompression: .unsupportedCompressionType
            case .invalidTimestamp: .invalidTimestamp
            case .transactional: .invalidTransactionState
            }
        self.init(code, refusal.description)
        guard case .invalidRecords(let records) = refusal else { return }
        self.records = records.map { .init(batchIndex: $0.index, batchIndexErrorMessage: $0.fault.rawValue) }
    }
}
