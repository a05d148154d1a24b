// The cut of the log that a backup copies, taken in the daemon and carried to the command as a document.
internal import CommitLog
internal import HTTPAPI
internal import Platform

/// Takes the cut on the thread for blocking reads.
actor LogCutter {
    private let log: CommitLog
    private let executor: ThreadExecutor

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(log: CommitLog, executor: ThreadExecutor) {
        self.log = log
        self.executor = executor
    }

    func cut() throws(LogError) -> LogCut { try LogCut(log) }
}

extension BackupDocument {
    init(configuration: [String], cut: LogCut) {
        let partitions = cut.partitions.map { part in
            Partition(
                topic: part.topicPartition.topic.text,
                partition: Int(part.topicPartition.partition.value),
                highWatermark: part.end.value,
                segments: part.segments.map { Segment(base: $0.base.value, length: $0.length.value) }
            )
        }
        self.init(configuration: configuration, partitions: partitions)
    }

    /// The cut that the daemon described.
    var cut: LogCut {
        LogCut(
            partitions: partitions.compactMap { partition in
                TopicPartition(directoryName: "\(partition.topic)-\(partition.partition)").map { topicPartition in
                    LogCut.PartitionPart(
                        topicPartition: topicPartition,
                        end: Offset(partition.highWatermark),
                        segments: partition.segments.map {
                            LogCut.SegmentPart(base: Offset($0.base), length: ByteCount($0.length))
                        }
                    )
                }
            }
        )
    }
}
