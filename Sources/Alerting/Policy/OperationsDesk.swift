// Where people say what they do about alerts: each of it is a record of topic `operations`, durable before it counts.
package import CommitLog
package import EventModel
package import Platform
internal import Rules

/// Why nothing was recorded.
package struct OperationError: Error, Hashable, Sendable {
    package enum Kind: Sendable {
        /// Nothing has that name.
        case unknown
        /// What was said means more than one thing, or cannot be.
        case invalid
        /// The log does not take it now.
        case unavailable
    }

    package var kind: Kind
    package var message: String
    package var hint: String?

    init(_ kind: Kind, _ message: String, hint: String? = nil) {
        self.kind = kind
        self.message = message
        self.hint = hint
    }
}

/// The only writer of the topic. Every change is all or nothing.
package actor OperationsDesk {
    private let log: CommitLog
    private let partition: Partition
    private let alerts: AlertBook
    private let operations: OperationsBook
    private let clock: any Clock
    private var generator: SeededGenerator

    /// - `alerts`: of this log; fed by its owner.
    /// - `operations`: of this log as it is now; fed from here on.
    /// - `seed`: of the ids of silences.
    package init(
        log: CommitLog,
        alerts: AlertBook,
        operations: OperationsBook,
        clock: any Clock,
        seed: UInt64
    ) throws(LogError) {
        guard let partition = log.partition(TopicPartition(topic: .operations, partition: .zero)) else {
            throw LogError(.closed, "acknowledgements need the topic `operations`")
        }
        self.log = log
        self.partition = partition
        self.alerts = alerts
        self.operations = operations
        self.clock = clock
        generator = SeededGenerator(seed: seed)
    }

    /// Acknowledges firing alerts by the beginnings of their fingerprints; those that are acknowledged already are anew.
    package func acknowledge(
        _ prefixes: [String],
        author: String,
        comment: String?
    ) async throws(OperationError) -> [Acknowledgement] {
        try OperationsDesk.check(author: author, comment)
        var made: [Acknowledgement] = []
        for prefix in prefixes {
            let record = try firing(prefix)
            guard !made.contains(where: { $0.fingerprint == record.fingerprint }) else { continue }
            made.append(
                Acknowledgement(
                    fingerprint: record.fingerprint,
                    alert: record.alert,
                    device: record.device,
                    metric: record.metric,
                    firedAt: record.firedAt,
                    author: author,
                    comment: comment,
                    at: clock.now()
                )
            )
        }
        guard !made.isEmpty else { throw OperationError(.invalid, "no fingerprint was given") }
        let ended = ended(at: clock.now())
        let countMax = AlertingLimits.acknowledgementsMax
        guard operations.acknowledgements.count + made.count - ended.count <= countMax else {
            throw OperationError(.unavailable, "there are \(countMax) acknowledgements already")
        }
        try await append(made.map { .acknowledgement($0) }, ending: ended, author: author)
        return made
    }

    private func firing(_ prefix: String) throws(OperationError) -> AlertRecord {
        let found = prefix.isEmpty ? [] : alerts.entries(fingerprintPrefix: prefix.lowercased()).map(\.record)
        let firing = found.filter { $0.state == .firing }
        guard let record = firing.first else {
            throw OperationError(
                .unknown,
                found.isEmpty
                    ? "no alert has the fingerprint \(prefix)"
                    : "\(prefix): the alert is resolved, there is nothing to acknowledge",
                hint: "forebay alerts list shows what fires"
            )
        }
        guard firing.count == 1 else {
            let names = firing.prefix(10).map { "\($0.fingerprint) (\($0.alert) of \($0.device))" }
            throw OperationError(
                .invalid,
                "\(prefix) begins \(firing.count) fingerprints: \(names.joined(separator: ", "))",
                hint: "give more of it"
            )
        }
        return record
    }

    /// Silences what matches from now on; exactly one of `until` and `duration` says how long.
    package func silence(
        _ matchers: AlertMatchers,
        until: Timestamp?,
        for duration: Duration?,
        author: String,
        comment: String?
    ) async throws(OperationError) -> AlertSilence {
        try OperationsDesk.check(author: author, comment)
        try OperationsDesk.check(matchers)
        let now = clock.now()
        let end: Timestamp
        switch (until, duration) {
        case (let until?, nil): end = until
        case (nil, let duration?): end = now.advanced(by: duration)
        default: throw OperationError(.invalid, "a silence needs its end: one of `ends_at` and `for_ms`")
        }
        guard end > now, end.since(now) <= AlertingLimits.silenceMax else {
            throw OperationError(.invalid, "a silence ends later than now, and within a year")
        }
        let ended = ended(at: now)
        guard operations.silences.count - ended.count < AlertingLimits.silencesMax else {
            throw OperationError(.unavailable, "there are \(AlertingLimits.silencesMax) silences already")
        }
        let known = Set(operations.silences.map(\.id))
        var id = ""
        repeat { id = AlertFingerprint.hex(generator.next() >> 32, digits: 8) } while known.contains(id)
        let silence = AlertSilence(
            id: id,
            matchers: matchers,
            author: author,
            comment: comment,
            startsAt: now,
            endsAt: end,
            at: now
        )
        try await append([.silence(silence)], ending: ended, author: author)
        return silence
    }

    /// Ends silences before their time; what they were.
    package func unsilence(_ ids: [String], author: String) async throws(OperationError) -> [AlertSilence] {
        try OperationsDesk.check(author: author, nil)
        let known = operations.silences
        var found: [AlertSilence] = []
        for id in ids {
            guard let silence = known.first(where: { $0.id == id }) else {
                throw OperationError(
                    .unknown,
                    "there is no silence \(id)",
                    hint: "forebay alerts list --silences shows them"
                )
            }
            found.append(silence)
        }
        guard !found.isEmpty else { throw OperationError(.invalid, "no id of a silence was given") }
        try await append([], ending: found.map { OperationRecord.key(silence: $0.id) }, author: author)
        return found
    }

    // MARK: Bounds

    private static func check(author: String, _ comment: String?) throws(OperationError) {
        guard isText(author, bytesMax: AlertingLimits.operationTextBytesMax) else {
            throw OperationError(
                .invalid,
                "`author` has 1 to \(AlertingLimits.operationTextBytesMax) bytes on one line"
            )
        }
        guard comment.map({ isText($0, bytesMax: AlertingLimits.operationCommentBytesMax) }) ?? true else {
            throw OperationError(
                .invalid,
                "`comment` has 1 to \(AlertingLimits.operationCommentBytesMax) bytes on one line"
            )
        }
    }

    private static func check(_ matchers: AlertMatchers) throws(OperationError) {
        guard !matchers.isEmpty else {
            throw OperationError(
                .invalid,
                "a silence needs at least one matcher, or nobody would hear of anything",
                hint: "name an alert, a device, a metric, a severity or a label"
            )
        }
        let texts = matchers.patterns + matchers.labels.flatMap { [$0.key, $0.value] }
        guard texts.allSatisfy({ isText($0, bytesMax: AlertingLimits.operationTextBytesMax) }),
            matchers.labels.count <= AlertingLimits.silenceLabelsMax
        else {
            throw OperationError(
                .invalid,
                "a matcher has 1 to \(AlertingLimits.operationTextBytesMax) bytes on one line, and there are at most "
                    + "\(AlertingLimits.silenceLabelsMax) labels"
            )
        }
    }

    private static func isText(_ text: String, bytesMax: Int) -> Bool {
        (1...bytesMax).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    }

    /// Keys of what does not count any more: acknowledgements of firings that are over, and silences of yesterday.
    private func ended(at now: Timestamp) -> [String] {
        let acknowledged = operations.acknowledgements.filter { made in
            guard let entry = alerts.entry(made.fingerprint) else { return true }
            return entry.record.state != .firing || entry.record.firedAt != made.firedAt
        }
        let silences = operations.silences.filter { now.since($0.endsAt) > .seconds(86_400) }
        return acknowledged.map { OperationRecord.key(acknowledgement: $0.fingerprint) }
            + silences.map { OperationRecord.key(silence: $0.id) }
    }

    // MARK: The log

    /// Durable, and in the book, on return. A key that is ended gets a tombstone, which says by whom in header `author`.
    private func append(
        _ records: [OperationRecord],
        ending keys: [String],
        author: String
    ) async throws(OperationError) {
        let ended = keys.filter { key in !records.contains { $0.key == key } }
        let builder = BatchBuilder(pool: log.pool)
        let now = clock.now()
        var tombstones: [String] = []
        for record in records {
            guard let value = try? HookJSON.encoded(record), put(record.key, value, author, at: now, into: builder)
            else {
                throw OperationError(.invalid, "it is more than one record can hold")
            }
        }
        // What does not fit waits for the next change.
        for key in ended where put(key, nil, author, at: now, into: builder) { tombstones.append(key) }
        let batch = builder.seal(compression: partition.configuration.compression)
        guard case .accepted(let ticket) = log.inbox.offer(batch, to: partition) else {
            throw OperationError(.unavailable, "the log takes nothing now", hint: "forebay status says why")
        }
        guard await isDurable(ticket) else {
            throw OperationError(
                .unavailable,
                "it is not known yet whether it was recorded",
                hint: "forebay status says how the log is; look with `forebay alerts list`"
            )
        }
        for record in records { operations.take(record) }
        for key in tombstones { operations.remove(key) }
    }

    private func put(
        _ key: String,
        _ value: [UInt8]?,
        _ author: String,
        at time: Timestamp,
        into builder: BatchBuilder
    ) -> Bool {
        var headers: [UInt8] = []
        if value == nil {
            Array(author.utf8).withUnsafeBytes { RecordHeader.append(key: "author", value: $0, to: &headers) }
        }
        return Array(key.utf8).withUnsafeBytes { key in
            headers.withUnsafeBytes { headers in
                let count = headers.isEmpty ? 0 : 1
                func append(_ value: UnsafeRawBufferPointer?) -> Bool {
                    builder.append(timestamp: time, key: key, value: value, headers: headers, headerCount: count)
                }
                return value.map { $0.withUnsafeBytes { append($0) } } ?? append(nil)
            }
        }
    }

    /// Waits without holding a thread: a person has typed it, and a commit takes milliseconds.
    private func isDurable(_ ticket: CommitTicket) async -> Bool {
        let deadline = clock.monotonic().advanced(by: AlertingLimits.durableWait)
        while true {
            switch log.inbox.outcome(of: ticket) {
            case .durable: return true
            case .failed: return false
            case .pending: break
            }
            guard clock.monotonic() < deadline else { return false }
            do { try await Task.sleep(for: .milliseconds(5)) } catch { return false }
        }
    }
}
