// Providers that answer what a test tells them, and remember what they were asked.
import EventModel
import HTTPAPI
import NIOCore
import Platform
import Synchronization

/// Stands for the appliance behind the API.
final class FakeAppliance: Sendable {
    struct TopicChange: Hashable {
        var kind: String
        var topic: String
        var settings: TopicSettings?
    }

    struct State: Sendable {
        var reasons: [String] = []
        var filters: [DeviceFilter] = []
        var changes: [(id: String, change: DeviceChange)] = []
        var queries: [RecordQuery] = []
        var alertQueries: [AlertQuery] = []
        var historyQueries: [AlertHistoryQuery] = []
        var reloads = 0
        var reloadOutcome = ReloadDocument(applied: true, changes: ["rule FreezerTooWarm: above -15, was -14"])
        var topicChanges: [TopicChange] = []
        var resets: [GroupResetRequest] = []
        var failure: (any Error)?
        var lines: [String] = []
    }

    let state = Mutex(State())
    let endless = EndlessLines()

    var providers: APIProviders {
        APIProviders(
            status: self,
            metrics: self,
            devices: self,
            log: self,
            topics: self,
            groups: self,
            alerts: self,
            actions: self
        )
    }

    func set<Value: Sendable>(_ path: sending WritableKeyPath<State, Value>, _ value: sending Value) {
        state.withLock { $0[keyPath: path] = value }
    }

    /// What it was asked so far, and what it was told.
    var seen: State { state.withLock { $0 } }

    func throwIfAsked() throws {
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    static func device(_ id: String) -> DeviceRecord {
        DeviceRecord(id: id, state: .active, registeredBy: .operator)
    }
}

extension FakeAppliance: StatusProvider, MetricsProvider {
    func readiness() async -> Readiness {
        Readiness(reasons: state.withLock { $0.reasons })
    }

    func status() async throws -> StatusDocument {
        try throwIfAsked()
        return sampleStatus
    }

    func metrics() async -> MetricsSnapshot {
        sampleMetrics
    }

    func latestReadings() async -> [LatestReading] {
        [
            LatestReading(
                device: "freezer-7",
                metric: "temperature",
                unit: "°C",
                value: -11.8,
                time: FixedClock.instant,
                expectedInterval: nil
            )
        ]
    }
}

extension FakeAppliance: DeviceDirectoryEditor {
    func devices(_ filter: DeviceFilter) async throws -> DevicePage {
        state.withLock { $0.filters.append(filter) }
        return DevicePage(devices: [Self.device("a")], next: "a")
    }

    func device(_ id: String) async throws -> DeviceRecord {
        try throwIfAsked()
        guard id != "absent" else { throw APIFailure(.notFound, "there is no device `absent`", hint: "try another") }
        return Self.device(id)
    }

    func change(_ id: String, _ changes: DeviceChange) async throws -> DeviceRecord {
        try throwIfAsked()
        state.withLock { $0.changes.append((id, changes)) }
        return Self.device(id)
    }
}

extension FakeAppliance: LogBrowser {
    static let readings = TopicDocument(
        topic: "readings",
        configuration: ["retention": "400d"],
        partitions: [
            PartitionDocument(
                topic: "readings",
                partition: 0,
                logStartOffset: 3,
                highWatermark: 9,
                logEndOffset: 10,
                segments: 1,
                bytes: 4096
            )
        ]
    )

    func topics() async throws -> [TopicDocument] { [Self.readings] }

    func topic(_ name: String) async throws -> TopicDocument {
        guard name == "readings" else { throw APIFailure(.notFound, "there is no topic `\(name)`") }
        return Self.readings
    }

    func records(_ query: RecordQuery) async throws -> LineSequence {
        state.withLock { $0.queries.append(query) }
        // As a search through a log in which nothing passes.
        if query.follow || query.device == "nowhere" { return endless }
        return ScriptedLines(lines: state.withLock { $0.lines }, failure: state.withLock { $0.failure })
    }

    func verify() async throws -> VerificationDocument {
        VerificationDocument(partitions: [], damage: [])
    }
}

extension FakeAppliance: TopicAdministrator {
    func createTopic(_ name: String, _ settings: TopicSettings) async throws -> TopicDocument {
        note("create", name, settings)
    }

    func alterTopic(_ name: String, _ settings: TopicSettings) async throws -> TopicDocument {
        note("alter", name, settings)
    }

    func deleteTopic(_ name: String) async throws -> TopicDocument { note("delete", name, nil) }

    private func note(_ kind: String, _ topic: String, _ settings: TopicSettings?) -> TopicDocument {
        state.withLock { $0.topicChanges.append(TopicChange(kind: kind, topic: topic, settings: settings)) }
        return TopicDocument(topic: topic, configuration: [:], partitions: [])
    }
}

extension FakeAppliance: GroupAdministrator {
    private static let readers = GroupSummaryDocument(
        group: "readers",
        state: "Stable",
        protocolType: "consumer",
        members: 1,
        lag: 3
    )

    func groups() async throws -> [GroupSummaryDocument] { [Self.readers] }

    func group(_ id: String) async throws -> GroupDocument {
        guard id == "readers" else { throw APIFailure(.notFound, "no group \(id)") }
        let partition = GroupPartitionDocument(
            topic: "orders",
            partition: 0,
            committedOffset: 7,
            logEndOffset: 10,
            lag: 3,
            memberId: "c-1",
            clientId: "c",
            host: "/127.0.0.1"
        )
        return GroupDocument(Self.readers, partitions: [partition])
    }

    func resetGroup(_ id: String, _ request: GroupResetRequest) async throws -> GroupResetDocument {
        state.withLock { $0.resets.append(request) }
        return GroupResetDocument(
            group: id,
            applied: !request.isDryRun,
            partitions: [.init(topic: request.topic, partition: 0, from: 7, to: 0)]
        )
    }

    func deleteGroup(_ id: String) async throws -> GroupDocument { try await group(id) }
}

extension FakeAppliance: AlertBrowser {
    static let alert = JSONDocument.object([
        "alert": .string("FreezerTooWarm"), "fingerprint": .string("a27ac6f6a394764f"), "value": .number(-11.8),
        "resolved_at": .null,
    ])

    func alerts(_ query: AlertQuery) async throws -> [JSONDocument] {
        state.withLock { $0.alertQueries.append(query) }
        return [Self.alert]
    }

    func alert(_ fingerprint: String) async throws -> JSONDocument {
        guard fingerprint == "a27ac6f6a394764f" else { throw APIFailure(.notFound, "there is no such alert") }
        return Self.alert
    }

    func silences() async throws -> SilencesDocument {
        SilencesDocument(silences: [.object(["id": .string("3c48ca6f")])])
    }

    func history(_ query: AlertHistoryQuery) async throws -> LineSequence {
        state.withLock { $0.historyQueries.append(query) }
        return ScriptedLines(lines: ["{\"state\":\"firing\"}\n"], failure: nil)
    }
}

extension FakeAppliance: ControlActions {
    func reload() async throws -> ReloadDocument {
        state.withLock { state in
            state.reloads += 1
            return state.reloadOutcome
        }
    }

    func testHook(_ name: String) async throws -> HookTestDocument {
        guard name == "pager" else { throw APIFailure(.notFound, "there is no hook `\(name)`") }
        return HookTestDocument(hook: name, delivered: true, status: 200, latencyMilliseconds: 1.5, error: nil)
    }

    func deadLetters(_ hook: String) async throws -> DeadLettersDocument {
        guard hook == "pager" else { throw APIFailure(.notFound, "there is no hook `\(hook)`") }
        return DeadLettersDocument(hook: hook, letters: [.object(["key": .string("pager:3")])])
    }

    func resendDeadLetters(_ hook: String) async throws -> DeadLetterResendDocument {
        guard hook == "pager" else { throw APIFailure(.notFound, "there is no hook `\(hook)`") }
        return DeadLetterResendDocument(hook: hook, delivered: 1, left: 2, error: "HTTP 400")
    }

    func acknowledge(_ request: AcknowledgementRequest) async throws -> AcknowledgementsDocument {
        guard request.fingerprints == ["a27ac6f6"] else { throw APIFailure(.notFound, "there is no such alert") }
        return AcknowledgementsDocument(acknowledged: [.object(["author": .string(request.author)])])
    }

    func silence(_ request: SilenceRequest) async throws -> JSONDocument {
        guard !request.matchers.isEmpty else { throw APIFailure(.badRequest, "no matcher") }
        return .object(["device": request.matchers.device.map { .string($0) } ?? .null])
    }

    func endSilences(_ request: SilenceEndRequest) async throws -> SilencesDocument {
        SilencesDocument(silences: request.ids.map { .object(["id": .string($0)]) })
    }

    func backup() async throws -> BackupDocument {
        let segments = [BackupDocument.Segment(base: 0, length: 4096)]
        return BackupDocument(
            configuration: ["/etc/forebay/forebay.yaml"],
            partitions: [.init(topic: "readings", partition: 0, highWatermark: 1041, segments: segments)]
        )
    }
}

/// Some lines, then the end or an error.
struct ScriptedLines: AsyncSequence, Sendable {
    let lines: [String]
    let failure: (any Error)?

    struct AsyncIterator: AsyncIteratorProtocol {
        var lines: ArraySlice<String>
        let failure: (any Error)?

        mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> ByteBuffer? {
            if let line = lines.popFirst() { return ByteBuffer(string: line) }
            if let failure { throw failure }
            return nil
        }

        mutating func next() async throws -> ByteBuffer? { try await next(isolation: nil) }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(lines: lines[...], failure: failure)
    }
}

/// One line, then silence until the reader is cancelled; says when that happened.
final class EndlessLines: AsyncSequence, Sendable {
    private let (ended, source) = AsyncStream<Void>.makeStream()

    /// Suspends until an iteration was cancelled.
    func untilCancelled() async {
        for await _ in ended { return }
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        let owner: EndlessLines
        var hasBegun = false

        mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> ByteBuffer? {
            guard hasBegun else {
                hasBegun = true
                return ByteBuffer(string: "{\"offset\":0}\n")
            }
            let (never, _) = AsyncStream<Void>.makeStream()
            for await _ in never {}
            owner.source.yield()
            throw CancellationError()
        }

        mutating func next() async throws -> ByteBuffer? { try await next(isolation: nil) }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(owner: self)
    }
}

struct FixedClock: Clock {
    /// 2026-11-23T19:10:00.000Z
    static let instant = Timestamp(milliseconds: 1_795_461_000_000)

    func now() -> Timestamp { Self.instant }
    func monotonic() -> MonotonicInstant { MonotonicInstant(nanoseconds: 0) }
    func quality() -> ClockQuality { .synchronised }
    var bootID: String { "00000000-0000-0000-0000-000000000000" }
}

let sampleMetrics = MetricsSnapshot(
    version: "0.1.0",
    box: "edge-01",
    inputs: [
        InputMetrics(
            input: "plant",
            received: 12,
            appended: 9,
            rejected: ["malformed": 2],
            dropped: ["kernel": 1],
            events: 30,
            gaps: ["sequence": 3],
            isUp: true,
            lastPayload: Timestamp(milliseconds: 1_795_461_000_123)
        ),
        InputMetrics(
            input: "lan",
            received: 0,
            appended: 0,
            rejected: [:],
            dropped: [:],
            events: 0,
            isUp: false,
            lastPayload: nil
        ),
    ],
    partitions: [PartitionMetrics(topic: "readings", partition: 0, startOffset: 3, endOffset: 10, sizeBytes: 4096)],
    log: LogMetricsSnapshot(
        commitDuration: HistogramSnapshot(upperBounds: [0.001, 0.01], counts: [5, 2], overflowCount: 1, sum: 0.125),
        syncDuration: HistogramSnapshot(upperBounds: [0.001], counts: [7], overflowCount: 1, sum: 0.5),
        durableLatency: HistogramSnapshot(upperBounds: [0.01], counts: [9], overflowCount: 0, sum: 0.25),
        appendedBatches: 9,
        appendedRecords: 90,
        appendedBytes: 9000,
        fullAttempts: 3,
        deletedSegments: 2,
        isDiskFull: true
    ),
    dataFreeBytes: 1_000_000_000,
    alerts: ["pending": 0, "firing": 1],
    hooks: [
        HookMetrics(
            hook: "pager",
            deliveries: ["delivered": 3, "failed": 1],
            lagRecords: 2,
            lastSuccess: Timestamp(milliseconds: 1_795_461_000_500)
        )
    ],
    groups: [GroupMetrics(group: "analytics", topic: "readings", partition: 0, lagRecords: 7)],
    groupsLeftOut: 2,
    kafka: KafkaMetrics(connections: 4, requests: ["Fetch": 40, "ApiVersions": 5], closed: ["idle": 1]),
    devices: ["new": 1, "active": 2, "blocked": 0],
    isClockSynchronised: true,
    wasLastReloadSuccessful: true
)

let sampleStatus = StatusDocument(
    box: "edge-01",
    version: "0.1.0",
    pid: 42,
    state: .degraded,
    problems: ["the registry was damaged"],
    started: JSONTimestamp(FixedClock.instant),
    time: JSONTimestamp(FixedClock.instant),
    clockSynchronised: true,
    inputs: [
        InputStatus(
            name: "plant",
            type: "mqtt",
            connected: true,
            required: false,
            rate: 2.5,
            received: 12,
            appended: 9,
            events: 30,
            dropped: 1,
            rejected: [.init(reason: "malformed", count: 2, sample: "{\"t\":", hint: "forebay tail rejected")],
            lastPayload: JSONTimestamp(FixedClock.instant)
        )
    ],
    devices: DevicesStatus(new: 1, active: 2, blocked: 0, newest: ["freezer-9"]),
    alerts: AlertsStatus(pending: 0, firing: [FakeAppliance.alert]),
    hooks: [
        HookStatus(
            name: "pager",
            type: "webhook",
            lag: 2,
            delivered: 3,
            failed: 1,
            lastSuccess: JSONTimestamp(FixedClock.instant),
            lastError: nil
        )
    ],
    disk: DiskStatus(
        freeBytes: 1_000_000_000,
        sizeBytes: 2_000_000_000,
        logBytes: 4096,
        daysLeft: nil,
        writtenBytesPerEvent: 210.5,
        deviceWrittenBytesPerDay: nil,
        cardDaysLeft: nil
    )
)
