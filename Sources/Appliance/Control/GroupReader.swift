// What the log itself knows of consumer groups, and where they would go on: reads that block, on a thread for them.
internal import CommitLog
internal import HTTPAPI
internal import KafkaNIO
internal import Platform

/// Reads on the thread for blocking reads.
actor GroupReader {
    private let log: CommitLog
    private let executor: ThreadExecutor

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(log: CommitLog, executor: ThreadExecutor) {
        self.log = log
        self.executor = executor
    }

    /// The groups as a coordinator would find them, by id; for a log that no listener serves.
    func stored(_ clock: any Clock) throws(LogError) -> [GroupStanding] {
        try GroupStanding.stored(in: log, at: GroupInstant(monotonic: clock.monotonic(), wall: clock.now()))
    }

    /// Topics that they have offsets in, with deleted ones that are not forgotten yet.
    func topics(_ clock: any Clock) throws(LogError) -> Set<String> {
        try GroupStanding.topics(in: log, at: GroupInstant(monotonic: clock.monotonic(), wall: clock.now()))
    }

    /// Where a position lies in each of the partitions, within what there is to read. A time: the first record whose timestamp
    /// is not before it, as Kafka has it.
    func offsets(of position: RecordPosition, in partitions: [Partition]) throws(LogError) -> [Offset] {
        let snapshot = log.snapshot()
        let reader = LogReader(log: log)
        let decoder = RecordDecoder()
        var buffer = ReadBuffer()
        var offsets: [Offset] = []
        for partition in partitions {
            let (start, end) = (partition.logStartOffset, snapshot.highWatermark(of: partition))
            switch position {
            case .earliest: offsets.append(start)
            case .latest: offsets.append(end)
            case .offset(let offset): offsets.append(min(max(start, Offset(offset)), end))
            case .time(let time):
                let found = try reader.firstRecord(
                    atOrAfter: time,
                    in: partition,
                    upTo: end,
                    buffer: &buffer,
                    decoder: decoder
                )
                offsets.append(found?.offset ?? end)
            }
        }
        return offsets
    }
}

/// Groups measured against the ends of the log. Made after the groups were asked for, so that nobody is ahead of it.
struct GroupReport {
    private let log: CommitLog
    private let snapshot: LogSnapshot

    init(_ log: CommitLog) {
        self.log = log
        snapshot = log.snapshot()
    }

    /// How many records lie between a committed offset and the end; nil where there is no such partition.
    func lag(of offset: Int64, _ topic: String, _ partition: Int32) -> Int64? {
        end(of: topic, partition).map { max(0, $0 - max(0, offset)) }
    }

    func summary(_ standing: GroupStanding) -> GroupSummaryDocument {
        let group = standing.group
        var sum: Int64?
        for topic in standing.offsets {
            for partition in topic.partitions {
                let lag = lag(of: partition.committed.offset, topic.name, partition.index) ?? 0
                sum = (sum ?? 0).addingReportingOverflow(lag).overflow ? .max : (sum ?? 0) + lag
            }
        }
        return GroupSummaryDocument(
            group: group.groupID,
            state: group.state.rawValue,
            protocolType: group.protocolType.isEmpty ? nil : group.protocolType,
            members: group.members.count,
            lag: sum
        )
    }

    func document(_ standing: GroupStanding) -> GroupDocument {
        var rows: [Place: GroupPartitionDocument] = [:]
        func row(_ topic: String, _ partition: Int32, _ change: (inout GroupPartitionDocument) -> Void) {
            let new = GroupPartitionDocument(
                topic: topic,
                partition: Int(partition),
                logEndOffset: end(of: topic, partition)
            )
            change(&rows[Place(topic: topic, partition: partition), default: new])
        }
        for topic in standing.offsets {
            for partition in topic.partitions {
                let offset = partition.committed.offset
                row(topic.name, partition.index) { row in
                    row.committedOffset = offset
                    row.lag = lag(of: offset, topic.name, partition.index)
                }
            }
        }
        var idle: [GroupPartitionDocument] = []
        for member in standing.group.members {
            let assigned = standing.group.isOfConsumers ? member.assignedPartitions : []
            func name(_ row: inout GroupPartitionDocument) {
                (row.memberId, row.clientId, row.host) = (member.memberID, member.clientID, member.clientHost)
            }
            for topic in assigned {
                for partition in topic.partitions { row(topic.name, partition, name) }
            }
            if assigned.allSatisfy(\.partitions.isEmpty) {
                var row = GroupPartitionDocument()
                name(&row)
                idle.append(row)
            }
        }
        return GroupDocument(
            summary(standing),
            partitions: rows.sorted { $0.key < $1.key }.map(\.value) + idle
        )
    }

    private struct Place: Hashable, Comparable {
        var topic: String
        var partition: Int32

        static func < (left: Place, right: Place) -> Bool {
            (left.topic, left.partition) < (right.topic, right.partition)
        }
    }

    private func end(of topic: String, _ partition: Int32) -> Int64? {
        guard let name = TopicName(topic),
            let found = log.partition(TopicPartition(topic: name, partition: PartitionIndex(partition)))
        else { return nil }
        return snapshot.highWatermark(of: found).value
    }
}
