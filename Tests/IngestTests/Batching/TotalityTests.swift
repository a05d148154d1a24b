// Whatever the bytes: no trap, no hang, every payload accounted for, every record in shape. Repeat with FOREBAY_SEED.
import CommitLog
import EventModel
import Glibc
import Ingest
import Platform
import Testing

private let formats = DecoderRegistry.all.map(\.name)

/// Of all formats together.
private let payloadCount = 20_000

private let reasons = Set(RejectReason.allCases.map { $0.name.description })

/// `FOREBAY_SEED`, or a new seed.
private func seedOfRun() throws -> UInt64 {
    guard let text = getenv("FOREBAY_SEED") else { return randomSeed() }
    return try #require(UInt64(String(cString: text)), "FOREBAY_SEED is a whole number")
}

@Suite("Totality of decoders and pipeline")
struct TotalityTests {
    /// A bench where much can happen: a registry that scales, labels and blocks, small limits, several partitions.
    private func hostileBench(_ format: String) throws -> PipelineBench {
        try PipelineBench {
            $0.format = format
            $0.partitions = 3
            $0.sightings = DeviceSightings(automaticMax: 100)
            $0.decoder.deviceField = "meta.serial"
            $0.normaliser.metricsMax = 16
            $0.normaliser.ignore = ["link*"]
            $0.normaliser.localTime = LocalTime(spans: [LocalTime.Span(from: 0, offset: 3_600_000)])
            $0.devices = [
                DeviceEntry(
                    id: "a",
                    name: "Walk-in \"cold\"",
                    labels: ["line": "b", "site": "c\\d"],
                    metrics: [
                        "t": MetricEntry(unit: "Cel", scale: 0.1, offset: -40), "x": MetricEntry(scale: 1e300),
                        "temperature": MetricEntry(kind: .state),
                    ],
                    calibrationRevision: 2
                ),
                DeviceEntry(id: "b", state: .blocked),
            ]
        }
    }

    private static let ways: [PayloadWay] = [
        .datagram, .topic("up/b/a/t", "up/{line}/{device}/{metric}", messageID: 7),
        .topic("up/north/lab", "up/{site}/{unit}"), .topic("up/d1", "up/{device...}", isRetained: true),
        .topic("up/d2/a.b \"c\"", "up/{device}/{metric}"),
    ]

    /// Checks everything that came of a chunk of payloads, of which `rejected` were rejected; the promises broken.
    private func broken(_ bench: PipelineBench, rejected: [[UInt8]], eventsBefore: UInt64) throws -> [String] {
        try bench.commit()
        var found: [String] = []
        let counts = bench.counts
        if !counts.isConserved { found.append("received \(counts.received) is not the sum of the rest") }
        let events = try bench.records(of: .readings)
        if UInt64(events.count) != counts.events - eventsBefore { found.append("\(events.count) records of events") }
        for record in events {
            let promises = RecordPromises(record).broken
            if !promises.isEmpty { found.append("\(promises): \(record.text)") }
        }
        let rejects = try bench.records(of: .rejected)
        if rejects.map(\.value) != rejected { found.append("\(rejects.count) rejects of \(rejected.count) payloads") }
        for record in rejects {
            let position = record.headers["position"].flatMap { Int($0) } ?? -1
            if !(0...record.value.count).contains(position) { found.append("position \(position): \(record.text)") }
            let reason = record.headers["reason"] ?? "none"
            if !reasons.contains(reason) { found.append("reason \(reason)") }
            if record.key != bench.settings.input { found.append("key \(record.key)") }
            if record.headers["format"] != bench.settings.format { found.append("format of a reject") }
        }
        return found
    }

    /// Sends payloads in chunks until there are no more, and checks after each chunk.
    private func send(
        _ bench: PipelineBench,
        _ what: String,
        next: () -> (payload: [UInt8], way: PayloadWay)?
    ) throws {
        var isOver = false
        while !isOver {
            var chunk: [[UInt8]] = []
            var rejected: [[UInt8]] = []
            let eventsBefore = bench.counts.events
            while chunk.count < 100 {
                guard let (payload, way) = next() else {
                    isOver = true
                    break
                }
                let before = bench.counts.rejectedTotal
                try bench.accept(payload, way)
                chunk.append(payload)
                let difference = bench.counts.rejectedTotal - before
                if difference > 0 { rejected.append(payload) }
                if difference > 1 { Issue.record("\(what): \(difference) rejects of one payload: \(payload)") }
            }
            let found = try broken(bench, rejected: rejected, eventsBefore: eventsBefore)
            guard found.isEmpty else {
                let payloads = chunk.map { String(decoding: $0, as: UTF8.self) }
                Issue.record("\(what): \(found.joined(separator: "\n"))\nof \(payloads)")
                return
            }
        }
    }

    @Test("20,000 mutated payloads through the whole pipeline", arguments: formats)
    func pipeline(_ format: String) throws {
        let seed = try seedOfRun()
        print("pipeline totality of \(format): FOREBAY_SEED=\(seed)")
        var mutator = PayloadMutator(try CorpusSamples(format: format), seed: seed)
        let bench = try hostileBench(format)
        let wanted = payloadCount / formats.count
        var sent = 0
        try send(bench, "\(format), FOREBAY_SEED=\(seed)") {
            guard sent < wanted else { return nil }
            sent += 1
            let payload = mutator.payload()
            return (payload: payload, way: TotalityTests.ways[mutator.choice(below: TotalityTests.ways.count)])
        }
        let counts = bench.counts
        #expect(counts.received == UInt64(wanted) && counts.isConserved && counts.dropped.isEmpty)
        // A run in which nearly nothing was stored, or nothing refused, would prove little.
        #expect(counts.events > UInt64(wanted / 20))
        #expect(counts.rejectedTotal > UInt64(wanted / 20))
    }

    @Test("20,000 mutated payloads through every decoder", arguments: formats)
    func decoders(_ format: String) throws {
        let seed = try seedOfRun()
        print("decoder totality of \(format): FOREBAY_SEED=\(seed)")
        var mutator = PayloadMutator(try CorpusSamples(format: format), seed: seed)
        var options = DecoderOptions()
        options.deviceField = "meta.serial"
        let decoder = try #require(DecoderRegistry.definition(named: format)).make(options)
        var collector = EventCollector()
        for round in 0..<payloadCount / formats.count {
            let payload = mutator.payload()
            let violations = decode(decoder, payload, &collector).violations
            guard violations.isEmpty else {
                Issue.record("\(format), FOREBAY_SEED=\(seed), round \(round): \(violations) of \(payload)")
                return
            }
        }
    }

    @Test("every truncation of every sample through the whole pipeline", arguments: formats)
    func truncations(_ format: String) throws {
        let samples = try CorpusSamples(format: format).own
        let bench = try hostileBench(format)
        var payloads: [[UInt8]] = []
        for sample in samples {
            for count in 0...sample.count { payloads.append(Array(sample[..<count])) }
        }
        var index = 0
        try send(bench, "truncations of \(format)") {
            guard index < payloads.count else { return nil }
            index += 1
            return (payload: payloads[index - 1], way: TotalityTests.ways[index % TotalityTests.ways.count])
        }
        #expect(bench.counts.received == UInt64(payloads.count) && bench.counts.isConserved)
    }

    @Test("every payload through the decoder of every other format", arguments: formats)
    func foreignPayloads(_ format: String) throws {
        let samples = try CorpusSamples(format: format).all
        let bench = try hostileBench(format)
        var index = 0
        try send(bench, "foreign payloads in \(format)") {
            guard index < samples.count else { return nil }
            index += 1
            return (payload: samples[index - 1], way: TotalityTests.ways[index % TotalityTests.ways.count])
        }
        #expect(bench.counts.received == UInt64(samples.count) && bench.counts.isConserved)
    }
}
