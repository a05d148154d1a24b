// What the log has lost to damage, in sentences: for `status` and for the daemon's own log.
internal import CommitLog

enum DamageWords {
    /// One sentence for each partition that lost records by this start, and for each repair since.
    static func problems(_ log: CommitLog) -> [String] {
        var problems: [String] = []
        if let kept = log.recoveryReport.keptFormat {
            problems.append("the file FORMAT was damaged; it is kept as \(kept), and a new one was written")
        }
        for partition in log.recoveryReport.partitions where partition.foundLoss {
            let kept =
                partition.keptFiles.isEmpty
                ? "" : "; the original is kept as \(partition.keptFiles.joined(separator: ", "))"
            problems.append(
                "\(partition.topicPartition): offsets \(offsets(partition.gaps)) were lost to damage\(kept)"
            )
        }
        return problems + log.repairs.map(sentence)
    }

    static func sentence(_ repair: DamageRepair) -> String {
        let lost = repair.gaps.isEmpty ? "no offset was lost" : "offsets \(offsets(repair.gaps)) were lost"
        let kept = repair.keptFile.map { "the original is kept as \($0)" } ?? "the journal was put right"
        return "\(repair.topicPartition): damage in a closed segment was repaired: \(lost); \(kept)"
    }

    private static func offsets(_ gaps: [OffsetGap]) -> String {
        gaps.map { "\($0.from) up to \($0.to)" }.joined(separator: ", ")
    }
}
