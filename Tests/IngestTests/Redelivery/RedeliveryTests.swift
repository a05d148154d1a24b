// Messages that Debian's mosquitto delivers again after a crash between the sync and the acknowledgement.
import EventModel
import Ingest
import Platform
import Testing

private func reading(_ number: Int) -> String { "{\"temperature\":\(number)}" }

@Suite("Redelivery", .serialized)
struct RedeliveryTests {
    private let directory: ScratchDirectory
    private static let count = 15

    init() throws {
        directory = try ScratchDirectory()
    }

    /// A subscriber on the log that all subscribers of a test share; the same one started again to the broker.
    private func subscriber(
        _ port: UInt16,
        name: String = "plant",
        duplicates: DuplicatePolicy = .mark
    ) throws -> Subscriber {
        try Subscriber(directory, port: port, logDirectory: directory, input: name, duplicates: duplicates)
    }

    /// Has 15 events and a reject stored whose acknowledgements never leave.
    private func crash(_ port: UInt16, _ publisher: WirePublisher) throws {
        let first = try subscriber(port)
        try first.untilUp()
        first.harness.holdCommits()
        for number in 0..<RedeliveryTests.count - 1 { try publisher.publish("t/dev", reading(number)) }
        // One more that says the same as the last one: another message all the same.
        try publisher.publish("t/dev", reading(RedeliveryTests.count - 2))
        try publisher.publish("t/dev", "{\"temperature\":")
        try first.until(received: UInt64(RedeliveryTests.count) + 1)
        first.handOver()
        // The log is closed behind it, and so takes what it was given; the connection only breaks.
    }

    private func isMarked(_ record: HarnessRecord) -> Bool { record.value.hasSuffix(",\"duplicate\":true}") }

    @Test("marks what is stored already, again after the next crash, and nothing that is new")
    func marks() throws {
        let broker = try BrokerProcess(in: directory)
        let publisher = try WirePublisher(port: broker.port)
        try crash(broker.port, publisher)
        for round in 1...2 {
            let again = try subscriber(broker.port)
            again.harness.holdCommits()
            try again.until(received: UInt64(RedeliveryTests.count) + 1)
            again.handOver()
            #expect(again.harness.counts.duplicates == UInt64(RedeliveryTests.count) + 1)
            #expect(again.harness.counts.dropped.isEmpty, "round \(round)")
            again.harness.close()
        }
        let last = try subscriber(broker.port)
        // What was sent before comes first; what the device repeats itself is new.
        try publisher.publish("t/dev", reading(RedeliveryTests.count - 2))
        try last.until(received: UInt64(RedeliveryTests.count) + 2)
        last.input.finish()
        #expect(last.harness.counts.duplicates == UInt64(RedeliveryTests.count) + 1)
        let records = try last.harness.readings()
        try #require(records.count == 4 * RedeliveryTests.count + 1)
        let marks = records.map(isMarked)
        #expect(marks[..<RedeliveryTests.count].allSatisfy { !$0 })
        #expect(marks[RedeliveryTests.count..<4 * RedeliveryTests.count].allSatisfy { $0 })
        #expect(marks.last == false)
        let rejects = try last.harness.rejects()
        #expect(rejects.map { $0.headers["duplicate"] } == [nil, "true", "true", "true"])
    }

    @Test("drops what is stored already where it is told to, counts it, and acknowledges it")
    func drops() throws {
        let broker = try BrokerProcess(in: directory)
        let publisher = try WirePublisher(port: broker.port)
        try crash(broker.port, publisher)
        let stored = UInt64(RedeliveryTests.count) + 1
        let second = try subscriber(broker.port, duplicates: .drop)
        try second.until(received: stored)
        try publisher.publish("t/dev", reading(0))
        try second.until(records: RedeliveryTests.count + 1)
        second.input.finish()
        let counts = second.harness.counts
        #expect(counts.received == stored + 1)
        #expect(counts.dropped == [.duplicate: stored])
        #expect(counts.duplicates == stored)
        #expect(counts.appended == 1 && counts.rejected.isEmpty)
        #expect(try second.harness.readings().filter(isMarked).isEmpty)
        #expect(try second.harness.rejects().count == 1)
        second.harness.close()
        let third = try subscriber(broker.port)
        try third.untilUp()
        try publisher.publish("t/dev", reading(1))
        try third.until(received: 1)
        third.input.finish()
        #expect(third.harness.counts.received == 1)
    }

    @Test("an input under another name recognises nothing: the duplicates stand there unmarked")
    func plantedBug() throws {
        let broker = try BrokerProcess(in: directory)
        try crash(broker.port, try WirePublisher(port: broker.port))
        let second = try subscriber(broker.port, name: "plant2")
        try second.until(received: UInt64(RedeliveryTests.count) + 1)
        second.input.finish()
        #expect(second.harness.counts.duplicates == 0)
        let records = try second.harness.readings()
        #expect(records.count == 2 * RedeliveryTests.count)
        #expect(records.filter(isMarked).isEmpty)
    }

    @Test("finds the last messages behind many records of other inputs")
    func farBack() throws {
        let broker = try BrokerProcess(in: directory)
        try crash(broker.port, try WirePublisher(port: broker.port))
        let other = try PipelineHarness(directory: directory, change: { $0.input = "other" })
        for number in 0..<30_000 { other.accept("{\"device\":\"d\",\"temperature\":\(number)}") }
        try other.commit()
        other.close()
        let second = try subscriber(broker.port)
        try second.until(received: UInt64(RedeliveryTests.count) + 1)
        second.input.finish()
        #expect(second.harness.counts.duplicates == UInt64(RedeliveryTests.count) + 1)
    }
}
