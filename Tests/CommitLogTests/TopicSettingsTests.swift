// Topics' settings: changes that overlap, what would be refused, and those that are only kept to be shown.
import CommitLog
import Platform
import Testing

@Suite("Settings of topics")
struct TopicSettingsTests {
    private static let inert = ["flush.ms": "7", "compression.type": "gzip", "empty": "", "name": "übel"]

    /// Changes something before it refuses.
    @Sendable
    private static func refuse(_ topic: inout TopicConfiguration) throws(LogError) {
        topic.cleanup = .compact
        throw LogError(.tooLarge)
    }

    @Test("alterations that are asked for together all count, and one that cannot be done changes nothing")
    func overlap() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        fixture.create(.orders, .init(retentionBytes: ByteCount(1000)))
        let changes: [TopicChange] = [
            .alter(.orders, by: { $0.partitions = 3 }), .alter(.orders, by: { $0.retention = .seconds(60) }),
            .alter(.orders, by: Self.refuse),
            .alter(.orders, by: { $0.retentionBytes = $0.retentionBytes.map { ByteCount($0.value + 1) } }),
            .alter(.orders, by: { $0.retentionBytes = $0.retentionBytes.map { ByteCount($0.value * 2) } }),
            .alter(.orders, by: { $0.partitions -= 1 }),
        ]
        let answers = changes.map { fixture.log.ask($0) }
        fixture.settle()
        #expect(
            answers.map(\.outcome) == [
                .done, .done, .failed(.tooLarge), .done, .done, .failed(.invalidPartitionCount),
            ]
        )
        let wanted = TopicConfiguration(partitions: 3, retention: .seconds(60), retentionBytes: ByteCount(2002))
        #expect(fixture.topic()?.configuration == wanted)
        guard case .serving = fixture.log.state else {
            Issue.record("not serving")
            return
        }
        #expect(try LogFixture(directory.path).topic()?.configuration == wanted)
    }

    @Test("what a change would be refused with is what it is refused with, and asking does nothing")
    func refusal() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        fixture.create(.orders, .init(partitions: 2))
        try fixture.append(["a", "b"], to: .orders(0))
        let other = try #require(TopicName("other"))
        let many = Limits.partitionsPerChangeMax + 1
        let long = ["name": String(repeating: "x", count: Limits.inertSettingsBytesMax)]
        let changes: [(TopicChange, LogError.Code?)] = [
            (.create(.orders, .init(), id: .random()), .topicExists),
            (.create(other, .init(partitions: 0), id: .random()), .invalidPartitionCount),
            (.create(other, .init(partitions: many), id: .random()), .tooManyPartitions),
            (.create(other, .init(inertSettings: long), id: .random()), .invalidConfiguration),
            (.delete(.readings), .configured), (.delete(other), .unknownPartition),
            (.alter(.readings, by: { $0.partitions = 7 }), .configured),
            (.alter(other, by: { _ in }), .unknownPartition),
            (.alter(.orders, by: { $0.partitions = 1 }), .invalidPartitionCount),
            (.alter(.orders, by: { $0.partitions = .min }), .invalidPartitionCount),
            (.alter(.orders, by: { $0.partitions = .max }), .tooManyPartitions),
            (.alter(.orders, by: { $0.inertSettings = long }), .invalidConfiguration),
            (.alter(.orders, by: Self.refuse), .tooLarge),
            (.deleteRecords(.orders(0), before: Offset(3)), .offsetOutOfRange),
            (.deleteRecords(.orders(2), before: Offset(0)), .unknownPartition),
            (.deleteRecords(.orders(0), before: Offset(1)), nil), (.alter(.orders, by: { $0.partitions = 3 }), nil),
            (.create(other, .init(), id: .random()), nil), (.delete(.orders), nil),
        ]
        let epoch = fixture.log.topicsEpoch
        for (change, code) in changes { #expect(fixture.log.refusal(of: change)?.code == code) }
        #expect(fixture.log.topicsEpoch == epoch && fixture.topic()?.partitions.first?.logStartOffset == .zero)
        for (change, code) in changes {
            #expect(fixture.change(change) == (code.map { .failed($0) } ?? .done))
        }
    }

    @Test("settings that are only shown are kept with the topic, through restarts and as long journals are rewritten")
    func kept() throws {
        let directory = try TemporaryDirectory()
        let whole = ["name": String(repeating: "x", count: Limits.inertSettingsBytesMax - 8)]
        do {
            let fixture = try LogFixture(directory.path)
            #expect(fixture.create(.orders, .init(partitions: 2, inertSettings: Self.inert)) == .done)
            #expect(fixture.topic()?.configuration.inertSettings == Self.inert)
        }
        do {
            let fixture = try LogFixture(directory.path)
            #expect(fixture.topic()?.configuration.inertSettings == Self.inert)
            for round in 0..<120 {
                let settings = round % 2 == 0 ? whole : Self.inert
                #expect(fixture.change(.alter(.orders, by: { $0.inertSettings = settings })) == .done)
            }
            #expect(fixture.change(.alter(.orders, by: { $0.inertSettings = whole })) == .done)
            #expect(fixture.change(.alter(.orders, by: { $0.partitions = 3 })) == .done)
        }
        // The last word of a journal that was rewritten, of the one that counts and of a new partition's.
        for number in 0..<3 {
            let path = "\(directory.path)/log/orders-\(number)/partition.journal"
            #expect(try contents(of: path).count < Limits.journalRewriteBytes + 4096)
        }
        let fixture = try LogFixture(directory.path)
        #expect(fixture.topic()?.configuration == .init(partitions: 3, inertSettings: whole))
        #expect(!fixture.log.recoveryReport.foundLoss)
        #expect(fixture.change(.alter(.orders, by: { $0.inertSettings = [:] })) == .done)
        #expect(try LogFixture(directory.path).topic()?.configuration == .init(partitions: 3))
    }

    @Test("in the journal they follow what programs before wrote, which is the same where there are none")
    func bytes() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        func journal(_ settings: [String: String]) throws -> [UInt8] {
            fixture.change(.delete(.orders))
            #expect(fixture.create(.orders, .init(inertSettings: settings), id: .init(high: 1, low: 2)) == .done)
            return try contents(of: directory.path + "/log/orders-0/partition.journal")
        }
        let plain = try journal([:])
        // An opened segment, 34 bytes, and the partition, 44, each behind a length and a checksum.
        #expect(plain.count == 8 + 34 + 8 + 44)
        let with = try journal(["b": "", "a": "cd"])
        let tail: [UInt8] = [0, 2, 0, 1, 0x61, 0, 2, 0x63, 0x64, 0, 1, 0x62, 0, 0]
        #expect(with.count == plain.count + tail.count && Array(with.suffix(tail.count)) == tail)
        #expect(Array(with[50..<94]) == Array(plain[50..<94]))
    }

    @Test("a topic is found by its name and by its id, while it is there")
    func lookUp() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        let id = UniqueIdentifier.random()
        #expect(fixture.log.topic(.orders) == nil && fixture.log.topic(id) == nil)
        fixture.create(id: id)
        #expect(fixture.log.topic(.orders)?.id == id && fixture.log.topic(id)?.name == .orders)
        #expect(fixture.log.topic(.readings)?.isConfigured == true)
        fixture.change(.delete(.orders))
        #expect(fixture.log.topic(.orders) == nil && fixture.log.topic(id) == nil)
    }
}
