// Opens one partition's directory: reads its journal and names, scans the active segment, repairs what must be
// repaired.
internal import Platform

/// What a partition is opened with.
struct PartitionSource {
    let disk: any Disk
    let clock: any Clock
    let topicPartition: TopicPartition
    let directory: String
    /// nil where the configuration does not name the topic.
    let configured: TopicConfiguration?
    /// nil for a topic that has one partition, whose own journal says it.
    let shared: Shared?
    let slot: Int
    let segmentBytes: ByteCount
    let access: CommitLog.Access

    /// What holds for all partitions of a topic.
    struct Shared {
        var topicID: UniqueIdentifier
        /// nil where no journal says it.
        var configuration: TopicConfiguration?
    }
}

struct PartitionOpening {
    let partition: Partition
    /// nil where the log is open for reading only.
    let writer: PartitionWriter?
    let report: PartitionRecovery
    /// Sealed segments whose files are not as long as the journal says.
    let suspects: [Offset]

    /// Recovery is idempotent: each repair is durable before the next begins, and a crash anywhere leaves a state from
    /// which the same steps lead to the same log.
    ///
    /// `first`: what an opening by the same start has done already, and is told with this one.
    static func open(
        _ source: PartitionSource,
        after first: PartitionRecovery? = nil
    ) throws(LogError) -> PartitionOpening {
        do {
            var opener = PartitionOpener(source, first ?? PartitionRecovery(topicPartition: source.topicPartition))
            return try opener.open()
        } catch {
            var failure = LogError(error)
            failure.topicPartition = source.topicPartition
            throw failure
        }
    }
}

extension PartitionOpening {
    /// Makes a partition that is not there, of a topic that is known: durable but for the name of its directory.
    static func create(_ source: PartitionSource) throws(DiskError) -> PartitionOpening {
        let configuration = source.shared?.configuration ?? TopicConfiguration()
        let topicID = source.shared?.topicID ?? .random()
        let now = AppendTime.now(source.clock)
        let boot = UniqueIdentifier(text: source.clock.bootID) ?? UniqueIdentifier(high: 0, low: 0)
        let files = SegmentFiles(directory: source.directory, base: .zero)
        try source.disk.createDirectory(source.directory)
        let file = try source.disk.open(files.log, .create)
        let journal = try PartitionJournal.create(
            disk: source.disk,
            directory: source.directory,
            entries: [
                .segmentOpened(base: .zero, at: now, bootID: boot),
                .partition(topicID: topicID, configuration: configuration),
            ]
        )
        try source.disk.syncDirectory(source.directory)
        let segment = Segment(
            files: files,
            disk: source.disk,
            extent: .init(end: .zero, length: 0, isSealed: false, firstAppend: now),
            index: SegmentIndex(base: .zero)
        )
        let isSparse = configuration.cleanup == .compact
        let partition = Partition(
            topicPartition: source.topicPartition,
            topicID: topicID,
            configuration: configuration,
            isConfigured: source.configured != nil,
            slot: source.slot,
            directory: source.directory,
            contents: .init(segments: [segment], gaps: [], logStart: .zero, logEnd: .zero, isSparse: isSparse)
        )
        let writer = PartitionWriter(
            partition: partition,
            disk: source.disk,
            clock: source.clock,
            journal: journal,
            segmentBytes: configuration.segmentBytes(orLog: source.segmentBytes),
            active: .init(segment: segment, file: file, checksum: 0),
            producers: PartitionProducers(
                table: ProducerTable(),
                snapshots: [],
                directory: source.directory,
                journal: journal,
                disk: source.disk,
                clock: source.clock
            )
        )
        let report = PartitionRecovery(topicPartition: source.topicPartition)
        return PartitionOpening(partition: partition, writer: writer, report: report, suspects: [])
    }
}

private struct PartitionOpener {
    private let source: PartitionSource
    private let disk: any Disk
    private let directory: String
    private var report: PartitionRecovery
    private var suspects: [Offset] = []
    /// Where the newest segment began, whose place something else has taken: how far it reached nobody knows.
    private var lostActive: Offset?
    private var isReadOnly: Bool { source.access == .readOnly }

    init(_ source: PartitionSource, _ report: PartitionRecovery) {
        self.source = source
        self.report = report
        disk = source.disk
        directory = source.directory
    }

    mutating func open() throws(DiskError) -> PartitionOpening {
        if !isReadOnly { try settleNames() }
        let names = try disk.list(directory)
        let reading = try PartitionJournal.read(disk: disk, directory: directory, refreshes: !isReadOnly)
        if report.journal == .whole { report.journal = condition(of: reading, names) }
        let bases = try usable(names.compactMap { SegmentFiles.base(of: $0, ending: ".log") }.sorted())
        report.isNew = report.isNew || (bases.isEmpty && reading.condition == .missing)
        let journal =
            isReadOnly
            ? nil : try PartitionJournal.open(disk: disk, directory: directory, reading: reading, bases: bases)
        let configuration =
            source.configured ?? source.shared?.configuration ?? reading.state.configuration ?? TopicConfiguration()
        let topicID = source.shared?.topicID ?? reading.state.topicID ?? .random()
        let logStart = try logStart(bases, reading)
        if let journal { try record(logStart, in: journal) }

        let isSparse = configuration.cleanup == .compact || reading.state.wasCompacted
        var segments = try sealedSegments(bases.dropLast(), next: Array(bases.dropFirst()), reading.state, isSparse)
        let activeBase = bases.last ?? max(reading.state.recoveryPoint, reading.state.logStart)
        if bases.isEmpty, let journal { try create(base: activeBase, journal) }
        var recovery = producerRecovery(names, topicID, reading.state)
        let scanned = try recovery.beforeActive(base: activeBase, isFirst: segments.isEmpty)
        let exists = !bases.isEmpty || !isReadOnly
        let active = try openActive(base: activeBase, exists: exists, reading.state, journal, scanned)
        segments.append(active.segment)

        let kept = try dropDeleted(segments, below: logStart, recorded: journal?.state.logStart)
        noteMissing(in: kept, from: logStart, reading.state)
        if let journal {
            let fresh = report.gaps.filter { !journal.state.gaps.contains($0) }
            if !fresh.isEmpty { try journal.append(fresh.map { .gap($0) }) }
            // Last, because a journal that knows its topic is one whose facts are all there.
            try describe(journal, topicID, configuration)
        }
        report.segments = kept.count
        let contents = PartitionContents(
            segments: kept,
            gaps: journal?.state.gaps ?? (reading.state.gaps + report.gaps).sorted { $0.from < $1.from },
            logStart: max(logStart, kept.first?.base ?? activeBase),
            logEnd: active.segment.extent.end,
            isSparse: isSparse
        )
        let partition = Partition(
            topicPartition: source.topicPartition,
            topicID: topicID,
            configuration: configuration,
            isConfigured: source.configured != nil,
            slot: source.slot,
            directory: directory,
            contents: contents
        )
        let writer = try writer(partition, journal, active, &recovery)
        return PartitionOpening(partition: partition, writer: writer, report: report, suspects: suspects)
    }

    /// nil where the log is only read.
    private func writer(
        _ partition: Partition,
        _ journal: PartitionJournal?,
        _ active: Active,
        _ recovery: inout ProducerRecovery
    ) throws(DiskError) -> PartitionWriter? {
        guard let journal, let file = active.file else { return nil }
        let table = try recovery.finish(active.producers, partition.segments, end: active.segment.extent.end)
        if !table.entries.isEmpty && !journal.state.hasProducers {
            try append([.producers], whereThereIsRoomIn: journal)
        }
        return PartitionWriter(
            partition: partition,
            disk: disk,
            clock: source.clock,
            journal: journal,
            segmentBytes: partition.configuration.segmentBytes(orLog: source.segmentBytes),
            active: .init(segment: active.segment, file: file, checksum: active.checksum),
            producers: PartitionProducers(
                table: table,
                snapshots: recovery.snapshots,
                directory: directory,
                journal: journal,
                disk: disk,
                clock: source.clock
            )
        )
    }

    /// A journal that may have lost entries does not say that there are no producers.
    private func producerRecovery(
        _ names: [String],
        _ topicID: UniqueIdentifier,
        _ state: JournalState
    ) -> ProducerRecovery {
        ProducerRecovery(
            directory: directory,
            names: names,
            topicID: topicID,
            mayHaveProducers: state.hasProducers || report.journal != .whole || state.topicID == nil,
            disk: disk
        )
    }

    private func condition(of reading: JournalReading, _ names: [String]) -> PartitionRecovery.JournalCondition {
        switch reading.condition {
        case .whole: .whole
        case .missing: names.isEmpty ? .whole : .missing
        case .tornTail: .tornTail
        case .damaged: .damaged
        }
    }

    /// Makes every name in the directory durable, those of a process that was killed before it could do so included, and
    /// ends what such a process was in the middle of: a repair swaps two names, and a crash between them leaves the
    /// cleaned file without its place.
    private func settleNames() throws(DiskError) {
        try disk.syncDirectory(directory)
        try PartitionJournal.finishRewrite(disk: disk, directory: directory)
        let names = try disk.list(directory)
        var changed = false
        for name in names {
            guard let base = SegmentFiles.base(of: name, ending: ".log.cleaned") else { continue }
            let files = SegmentFiles(directory: directory, base: base)
            if names.contains(where: { SegmentFiles.base(of: $0, ending: ".log") == base }) {
                try disk.remove(files.cleaned)
            } else {
                try disk.rename(files.cleaned, to: files.log)
            }
            changed = true
        }
        if changed { try disk.syncDirectory(directory) }
    }

    /// The segments whose files can be opened. What stands in the place of one and is no file is kept aside. A file that the
    /// device does not let be opened ends the opening, for it may be there the next time; a log that is only read does
    /// without it.
    private mutating func usable(_ bases: [Offset]) throws(DiskError) -> [Offset] {
        var usable: [Offset] = []
        var keptCount = 0
        for base in bases {
            let path = SegmentFiles(directory: directory, base: base).log
            do throws(DiskError) {
                _ = try disk.open(path, .read)
                usable.append(base)
            } catch {
                guard error.isNoFile || (isReadOnly && error.isUnopenable) else { throw error }
                if base == bases.last { lostActive = base }
                guard !isReadOnly else { continue }
                let name = try disk.keptName(for: path)
                try disk.rename(path, to: name)
                report.keptFiles.append(name)
                keptCount += 1
            }
        }
        if keptCount > 0 { try disk.syncDirectory(directory) }
        return usable
    }

    /// Whether the journal has been kept since the partition was made. One that was lost is begun anew without the
    /// topic's id, which it gets when everything else that could be found out is in it.
    private func isComplete(_ state: JournalState) -> Bool {
        report.journal == .whole && state.topicID != nil && state.gaps.count < Limits.gapsMax
    }

    /// Where the log begins. What the journal says, but for two things that it cannot: segments in front that retention
    /// emptied on a disk too full for the entry (`PartitionWriter.delete`); and, where entries may be lost, everything
    /// before the first segment, or all that retention ever deleted would be taken for missing.
    private func logStart(_ bases: [Offset], _ reading: JournalReading) throws(DiskError) -> Offset {
        var start = reading.state.logStart
        if reading.state.topicID == nil || report.journal == .damaged { start = max(start, bases.first ?? .zero) }
        for (base, next) in zip(bases, bases.dropFirst()) {
            let files = SegmentFiles(directory: directory, base: base)
            // Compaction empties segments too, and says so.
            guard try disk.open(files.log, .read).size() == 0, try !disk.exists(files.offsetIndex),
                reading.state.sealed[base]?.length != ByteCount(0)
            else { break }
            start = max(start, next)
        }
        return start
    }

    /// On a full disk the entry waits for the next start: the emptied files say the same.
    private func record(_ logStart: Offset, in journal: PartitionJournal) throws(DiskError) {
        guard logStart > journal.state.logStart else { return }
        try append([.retention(logStart: logStart)], whereThereIsRoomIn: journal)
    }

    /// For entries without which the next start finds out the same.
    private func append(
        _ entries: [JournalEntry],
        whereThereIsRoomIn journal: PartitionJournal
    ) throws(DiskError) {
        do {
            try journal.append(entries)
        } catch {
            guard error.isRetriable else { throw error }
        }
    }

    /// Writes the topic's id and configuration into the journal where they are new or have changed.
    private func describe(
        _ journal: PartitionJournal,
        _ topicID: UniqueIdentifier,
        _ configuration: TopicConfiguration
    ) throws(DiskError) {
        let stored = configuration.stored
        guard journal.state.topicID != topicID || journal.state.configuration != stored else { return }
        let entry = JournalEntry.partition(topicID: topicID, configuration: stored)
        // An id where none is stored yet is a new one, and must be; one in the place of another is that of the topic's
        // first partition.
        guard journal.state.topicID != nil else { return try journal.append([entry]) }
        try append([entry], whereThereIsRoomIn: journal)
    }

    /// Segments before the active one are not read: they are taken at the journal's word, and looked at later where the
    /// size of the file contradicts it; the length of a compacted one is that of its file, for a crash may have come between
    /// a rename and its entry.
    private mutating func sealedSegments(
        _ bases: ArraySlice<Offset>,
        next: [Offset],
        _ state: JournalState,
        _ isSparse: Bool
    ) throws(DiskError) -> [Segment] {
        var segments: [Segment] = []
        for (base, nextBase) in zip(bases, next) {
            let files = SegmentFiles(directory: directory, base: base)
            let extent: Segment.Extent
            let size = try disk.open(files.log, .read).size()
            if let known = state.sealed[base], known.end <= nextBase {
                let length = isSparse ? size : known.length.value
                extent = .init(
                    end: known.end,
                    length: length,
                    isSealed: true,
                    maxTimestamp: known.maxTimestamp,
                    firstAppend: known.firstAppend,
                    lastAppend: known.lastAppend,
                    checksum: length == known.length.value ? known.checksum : nil
                )
            } else {
                extent = .init(end: nextBase, length: size, isSealed: true, firstAppend: state.opened[base]?.at)
            }
            if size != extent.length { suspects.append(base) }
            segments.append(Segment(files: files, disk: disk, extent: extent, index: nil))
        }
        return segments
    }

    private func create(base: Offset, _ journal: PartitionJournal) throws(DiskError) {
        let now = AppendTime.now(source.clock)
        let boot = UniqueIdentifier(text: source.clock.bootID) ?? UniqueIdentifier(high: 0, low: 0)
        _ = try disk.open(SegmentFiles(directory: directory, base: base).log, .create)
        try disk.syncDirectory(directory)
        try journal.append([.segmentOpened(base: base, at: now, bootID: boot)])
    }

    private struct Active {
        var segment: Segment
        var file: (any DiskFile)?
        var checksum: UInt32
        /// With those of the segment; nil where sealed segments have to be read first.
        var producers: ProducerTable?
    }

    private mutating func openActive(
        base: Offset,
        exists: Bool,
        _ state: JournalState,
        _ journal: PartitionJournal?,
        _ producers: ProducerTable?
    ) throws(DiskError) -> Active {
        let files = SegmentFiles(directory: directory, base: base)
        var extent = Segment.Extent(end: base, length: 0, isSealed: false, firstAppend: state.opened[base]?.at)
        guard exists else {
            return Active(
                segment: Segment(files: files, disk: disk, extent: extent, index: SegmentIndex(base: base)),
                file: nil,
                checksum: 0
            )
        }
        var file = try disk.open(files.log, isReadOnly ? .read : .update)
        if !isReadOnly { try file.refresh() }
        let size = try file.size()
        report.scannedBytes = ByteCount(size)
        let scanner = SegmentScanner(file: file, length: size)
        let recovery = SegmentRecovery(
            scanner: scanner,
            base: base,
            knownGaps: state.gaps,
            journalIsComplete: isComplete(state),
            keepsPositions: isReadOnly
        )
        let verdict = try recovery.judge(producers: producers)
        let end = reportLosses(verdict, state)
        report.cutBytes = max(report.cutBytes, ByteCount(verdict.tornBytes))
        if let journal {
            let keepsOriginal = end != verdict.end || scanner.metUnreadable
            file = try repair(files, file, size, verdict, keepsOriginal: keepsOriginal, journal)
        }
        extent.end = end
        extent.length = isReadOnly ? verdict.validBytes : verdict.keptBytes
        // The journal's word holds where nothing came after it. Otherwise nobody knows when, but certainly before now.
        if extent.length > 0 {
            extent.lastAppend = end == state.recoveryPoint ? state.lastAppend : nil
            extent.lastAppend = extent.lastAppend ?? AppendTime.now(source.clock)
        }
        extent.maxTimestamp = verdict.index.latest?.timestamp
        return Active(
            segment: Segment(files: files, disk: disk, extent: extent, index: verdict.index),
            file: file,
            checksum: verdict.checksum,
            producers: verdict.producers
        )
    }

    /// Where the partition ends: as the verdict has it, or behind what is known to have been there; what is lost is reported.
    private mutating func reportLosses(_ verdict: SegmentVerdict, _ state: JournalState) -> Offset {
        report.gaps += verdict.gaps.filter { !state.gaps.contains($0) }
        report.restampedBatches += verdict.restamped
        var end = verdict.end
        if let unreadable = verdict.unreadableRecords {
            // A power cut tears a tail; it does not make it unreadable. So these were stored, and maybe acknowledged.
            let lost = OffsetGap(from: end, to: end + unreadable, reason: .damage)
            if !state.gaps.contains(lost) { report.gaps.append(lost) }
            end = lost.to
        }
        // What was deleted by hand had been synced, too.
        let synced = max(state.recoveryPoint, state.logStart)
        if end < synced {
            // Synced once and gone: never handed out again, so that no cursor takes new records for old ones.
            let lost = OffsetGap(from: end, to: synced, reason: .lostTail)
            if !state.gaps.contains(lost) { report.gaps.append(lost) }
            end = synced
        }
        if let lostActive, end <= lostActive {
            // As for a header that is gone: at least one record stood there.
            let lost = OffsetGap(from: end, to: lostActive + 1, reason: .missingSegment)
            if !state.gaps.contains(lost) { report.gaps.append(lost) }
            end = lost.to
        }
        return end
    }

    /// Makes the file what the verdict says, and durable: what a killed process wrote and did not live to sync was never
    /// acknowledged, but is served from here on. Gaps are in the journal before the damaged file leaves its place.
    private mutating func repair(
        _ files: SegmentFiles,
        _ file: any DiskFile,
        _ size: Int64,
        _ verdict: SegmentVerdict,
        keepsOriginal: Bool,
        _ journal: PartitionJournal
    ) throws(DiskError) -> any DiskFile {
        guard verdict.needsRewrite || (keepsOriginal && verdict.tornBytes > 0) else {
            if size > verdict.validBytes { try file.truncate(to: verdict.validBytes) }
            try file.sync()
            return file
        }
        let fresh = report.gaps.filter { !journal.state.gaps.contains($0) }
        if !fresh.isEmpty { try journal.append(fresh.map { .gap($0) }) }
        report.keptFiles.append(try SegmentRepair.replace(files, with: verdict.kept, of: file, disk: disk))
        return try disk.open(files.log, .update)
    }

    /// Segments that retention had given up before a crash: their files go now, or stay unseen where nothing may
    /// change or the journal has not `recorded` it yet.
    private func dropDeleted(
        _ segments: [Segment],
        below logStart: Offset,
        recorded: Offset?
    ) throws(DiskError) -> [Segment] {
        let deleted = segments.filter { $0.isDeleted(below: recorded ?? .zero) }
        for segment in deleted { try SegmentRemoval.remove(segment.files, disk: disk) }
        if !deleted.isEmpty { try disk.syncDirectory(directory) }
        return segments.filter { !$0.isDeleted(below: logStart) }
    }

    /// Whole files that are gone: offsets between neighbours that belong to no segment.
    private mutating func noteMissing(in segments: [Segment], from logStart: Offset, _ state: JournalState) {
        var expected = logStart
        for segment in segments {
            if segment.base > expected {
                let gap = OffsetGap(from: expected, to: segment.base, reason: .missingSegment)
                let isKnown = (state.gaps + report.gaps).contains { $0.from <= gap.from && $0.to >= gap.to }
                if !isKnown { report.gaps.append(gap) }
            }
            expected = max(expected, segment.extent.end)
        }
    }
}
