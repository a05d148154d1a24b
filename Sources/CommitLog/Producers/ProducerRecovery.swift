// Finds out at open what a partition remembers of its producers: the newest snapshot that belongs, and the headers of the
// batches that follow it.
internal import Platform

/// Of one partition, while it is opened for writing.
///
/// Usual: the scan of the active segment, which reads every batch anyhow, goes on from a snapshot that was written when that
/// segment was opened, or later. Only where there is none are sealed segments read, and of those no more than may still
/// matter: nothing that was appended more than `Limits.producerRetention` before the newest of the log.
struct ProducerRecovery {
    private let disk: any Disk
    private let directory: String
    private let topicID: UniqueIdentifier
    /// Whether any batch may name a producer.
    private let mayHaveProducers: Bool
    /// Offsets of the snapshots that lie there, ascending.
    private(set) var snapshots: [Offset]

    init(
        directory: String,
        names: [String],
        topicID: UniqueIdentifier,
        mayHaveProducers: Bool,
        disk: any Disk
    ) {
        self.disk = disk
        self.directory = directory
        self.topicID = topicID
        self.mayHaveProducers = mayHaveProducers
        snapshots = names.compactMap { SegmentFiles.base(of: $0, ending: ".snapshot") }.sorted()
    }

    /// What the scan of the active segment at `base` goes on from; nil where sealed segments have to be read first.
    /// `isFirst`: there are none.
    func beforeActive(base: Offset, isFirst: Bool) throws(DiskError) -> ProducerTable? {
        guard mayHaveProducers else { return ProducerTable(end: base) }
        let first = isFirst ? Offset.zero : base
        return try snapshot(from: first, upTo: Offset(.max)) ?? (isFirst ? ProducerTable(end: base) : nil)
    }

    /// The whole table of a log of these `segments` that ends at `end`: `scanned` where the scan of the active one has
    /// made it. Snapshots of what is not there, or not any more, are removed, durably.
    mutating func finish(
        _ scanned: ProducerTable?,
        _ segments: [Segment],
        end: Offset
    ) throws(DiskError) -> ProducerTable {
        if let beyond = snapshots.firstIndex(where: { $0 > end }) {
            // Offsets beyond the end will be given out, and what these say of them would then be taken for true.
            for offset in snapshots[beyond...] {
                try ProducerSnapshot.remove(at: offset, in: directory, disk: disk)
            }
            snapshots.removeSubrange(beyond...)
            try disk.syncDirectory(directory)
        }
        var table: ProducerTable
        if let scanned, scanned.end <= end {
            table = scanned
        } else {
            table = try replayed(segments, end: end)
        }
        table.skip(to: end)
        table.date(segments.last?.extent.lastAppend)
        return table
    }

    /// The newest snapshot in a range of offsets.
    private func snapshot(from first: Offset = .zero, upTo last: Offset) throws(DiskError) -> ProducerTable? {
        for offset in snapshots.reversed() where offset >= first && offset <= last {
            let table = try ProducerSnapshot.read(at: offset, topicID: topicID, in: directory, disk: disk)
            if let table { return table }
        }
        return nil
    }

    // MARK: - From the segments

    /// Reads what follows the newest snapshot, or all that may still matter.
    private func replayed(_ segments: [Segment], end: Offset) throws(DiskError) -> ProducerTable {
        let first = ProducerRecovery.firstRecent(segments)
        var table = try snapshot(upTo: end) ?? ProducerTable(end: first)
        // What nobody remembers any more need not be read, and says nothing of what comes after it.
        if table.end < first { table = ProducerTable(end: first) }
        for segment in segments where segment.extent.end > table.end {
            try replay(segment, &table)
            table.skip(to: segment.extent.end)
            table.date(segment.extent.lastAppend)
        }
        return table
    }

    /// Where the first segment begins whose last record is not known to be older than what is remembered, told from the
    /// newest record's time and not from a clock.
    private static func firstRecent(_ segments: [Segment]) -> Offset {
        let times = segments.map { segment -> Timestamp? in
            guard let last = segment.extent.lastAppend, last.isSynchronised, segment.extent.length > 0 else {
                return nil
            }
            return last.timestamp
        }
        guard let newest = times.compactMap({ $0 }).last else { return segments.first?.base ?? .zero }
        let old = times.lastIndex { $0.map { newest.since($0) > Limits.producerRetention } ?? false }
        return old.map { segments[$0].extent.end } ?? segments.first?.base ?? .zero
    }

    /// Takes the valid batches of one segment. Where they do not continue one another, something is missing or a base offset
    /// is damaged, and nobody's last batch is certain.
    private func replay(_ segment: Segment, _ table: inout ProducerTable) throws(DiskError) {
        let scanner = SegmentScanner(file: try segment.openForReading(), length: segment.extent.length)
        let start = table.end
        var position: Int64 = 0
        var isWhole = true
        while position < scanner.length {
            if let header = try scanner.batch(at: position), header.endOffset <= segment.extent.end {
                let offset = Offset(header.baseOffset)
                if header.endOffset > start, offset != max(table.end, segment.base) { isWhole = false }
                table.replay(header, at: offset)
                position += Int64(header.totalBytes)
            } else {
                isWhole = false
                guard let next = try scanner.nextBatch(after: position, expecting: table.end) else { break }
                position = next.position
            }
        }
        if !isWhole { table.doubt() }
    }
}
