// One run of the process: the parts of the daemon that data passes through, made by a start, gone with a crash.
import Alerting
import CommitLog
import EventModel
import Ingest
import Platform
import Rules

/// What every start of one seed's box is made with.
struct BoxSettings {
    static let directory = "/data"

    var topics: [TopicName: TopicConfiguration]
    var segmentBytes: Int64
    var rules: RuleSet
    var storesCursorFirst = false
    /// Of hashes; changes no outcome.
    var hashSeed: UInt64

    static func freezerRules() throws -> RuleSet {
        let freezers = RuleMatch(metrics: ["temperature"], devices: ["freezer-*"])
        return try RuleSet([
            RuleDefinition(
                alert: "FreezerTooWarm",
                match: freezers,
                levels: [RuleLevel(.above(limit: -15, clear: -17), holdFor: .seconds(20))]
            ),
            RuleDefinition(
                alert: "AtOnce",
                match: freezers,
                levels: [
                    RuleLevel(.above(limit: -12, clear: nil)),
                    RuleLevel(.above(limit: -8, clear: nil), holdFor: .seconds(10), severity: "critical"),
                ]
            ),
            RuleDefinition(
                alert: "Silent",
                match: freezers,
                levels: [
                    RuleLevel(.absent(.duration(.seconds(15)))),
                    RuleLevel(.absent(.duration(.seconds(40))), severity: "critical"),
                ]
            ),
            RuleDefinition(alert: "Stuck", match: freezers, levels: [RuleLevel(.unchanged(.seconds(10)))]),
        ])
    }

    var logConfiguration: LogConfiguration {
        LogConfiguration(
            directory: BoxSettings.directory,
            topics: topics,
            segmentBytes: ByteCount(segmentBytes),
            keepFreeFraction: 0,
            inboxBytesMax: 512 << 10
        )
    }
}

final class Box {
    let log: CommitLog
    let writer: LogWriter
    let pipeline: IngestPipeline
    let runner: RulesRunner
    let consumer: Consumer
    let recorder: Recorder

    /// Goes on with a log that was just opened. Throws where the disk fails.
    init(_ log: CommitLog, _ settings: BoxSettings, disk: any Disk, clock: SimulatedClock, run: Int) throws {
        func partition(_ topic: TopicName) throws -> Partition {
            guard let found = log.partition(TopicPartition(topic: topic, partition: .zero)) else {
                throw Violation("the log has no topic \(topic)")
            }
            return found
        }
        self.log = log
        writer = log.makeWriter(syncHelpersMax: 0)
        let readings = try partition(.readings)
        runner = try RulesRunner(
            log: log,
            dataDirectory: BoxSettings.directory,
            disk: disk,
            clock: clock,
            rules: settings.rules,
            origin: AlertOrigin(box: "edge-01"),
            book: AlertBook(),
            seed: settings.hashSeed
        )
        consumer = try Consumer(
            log: log,
            alerts: try partition(.alerts),
            disk: disk,
            directory: BoxSettings.directory,
            storesFirst: settings.storesCursorFirst
        )
        recorder = Recorder(
            log: log,
            system: try partition(.system),
            readings: readings.topicPartition,
            clock: clock,
            run: run
        )
        guard let decoder = DecoderRegistry.definition(named: "json") else { throw Violation("no decoder json") }
        pipeline = IngestPipeline(
            settings: PipelineSettings(input: "plant", format: "json"),
            decoder: try decoder.make(DecoderOptions()),
            log: PipelineLog(
                readings: [readings],
                rejected: try partition(.rejected),
                gaps: try partition(.gaps),
                log: log,
                readingsCompression: readings.configuration.compression,
                rejectedCompression: .none,
                commitInterval: .milliseconds(10)
            ),
            directory: DirectoryFeed(),
            sightings: DeviceSightings(automaticMax: 1000),
            counters: InputCounters(),
            clock: clock,
            hashSeed: settings.hashSeed
        )
    }
}
