// The book after a start: as it was, read from the snapshot and what came after it, not from all of topic `alerts`.
import Alerting
import CommitLog
import Platform
import Rules
import Testing

@Suite("The alert book over a restart")
struct BookRestartTests {
    private static let rules = [freezerRule(holdFor: .zero)]

    /// Something unreadable at the start of the topic; then one alert fires, one fires and resolves, one fires.
    private func prepared() throws -> (harness: AlertingHarness, book: AlertBook) {
        let harness = try AlertingHarness()
        try harness.startForTheFirstTime()
        try harness.appendJunkAlert("no alert")
        let book = AlertBook()
        let runner = try harness.runner(BookRestartTests.rules, book: book)
        for step: ScriptStep in [
            .start(0), .reading(5, -10, device: "freezer-1"), .reading(6, -10, device: "freezer-2"),
            .reading(7, -20, device: "freezer-2"), .reading(8, -10, device: "freezer-3"),
        ] {
            try harness.append(step)
            try harness.settle(runner)
        }
        runner.finish()
        #expect(book.firing.map(\.record.device) == ["freezer-1", "freezer-3"])
        #expect(book.unreadableCount == 1)
        return (harness, book)
    }

    /// Starts again; the book, once the rules have come to rest.
    private func restarted(_ harness: AlertingHarness) throws -> (book: AlertBook, problem: String?) {
        try harness.crash()
        let book = AlertBook()
        let runner = try harness.runner(BookRestartTests.rules, book: book, seed: 2)
        let problem = runner.status.problem
        try harness.settle(runner)
        return (book, problem)
    }

    private func resolved(_ book: AlertBook) -> [AlertRecord] {
        book.entries(fingerprintPrefix: "").map(\.record).filter { $0.state == .resolved }
    }

    @Test("alerts that fire and those that resolved last are there, and what came before is not read")
    func fromSnapshot() throws {
        let (harness, before) = try prepared()
        for _ in 0..<3 {
            let (after, problem) = try restarted(harness)
            #expect(problem == nil)
            #expect(after.firing == before.firing)
            #expect(after.firingCount == 2)
            #expect(resolved(after).map(\.device) == ["freezer-2"])
            #expect(after.unreadableCount == 0, "the beginning of the topic was not read")
        }
        #expect(try harness.records(of: .alerts).count == 5)
    }

    @Test("what came after the snapshot is taken from the log")
    func afterSnapshot() throws {
        let (harness, _) = try prepared()
        let snapshot = try contents(of: harness.snapshotPath)
        let runner = try harness.runner(BookRestartTests.rules, seed: 3)
        for step: ScriptStep in [.reading(9, -20, device: "freezer-1"), .reading(10, -10, device: "freezer-4")] {
            try harness.append(step)
            try harness.settle(runner)
        }
        runner.finish()
        try write(snapshot, to: harness.snapshotPath)
        let (after, _) = try restarted(harness)
        #expect(after.firing.map(\.record.device) == ["freezer-3", "freezer-4"])
        #expect(Set(resolved(after).map(\.device)) == ["freezer-1", "freezer-2"])
        #expect(after.unreadableCount == 0)
    }

    /// Where the book stands in a snapshot: the byte that says whether there is one, and the end of its alerts.
    private func book(in snapshot: [UInt8]) -> Range<Int> {
        func number(_ at: Int, _ count: Int) -> Int {
            snapshot[at..<at + count].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        var at = 16
        for _ in 0..<number(12, 4) { at += 2 + number(at, 2) + 8 }
        let start = at
        at += 13
        for _ in 0..<number(start + 9, 4) { at += 12 + number(at + 8, 4) }
        return start..<at
    }

    @Test("a snapshot of the version before, which has no book, is good: the book is read from the log's start")
    func versionBefore() throws {
        let (harness, before) = try prepared()
        var bytes = try contents(of: harness.snapshotPath)
        bytes.removeSubrange(book(in: bytes))
        bytes.replaceSubrange(0..<8, with: Array("FBSTATE1".utf8))
        try write(AlertingHarness.sealedSnapshot(bytes), to: harness.snapshotPath)
        let (after, problem) = try restarted(harness)
        #expect(problem == nil)
        #expect(after.firing == before.firing)
        #expect(resolved(after).map(\.device) == ["freezer-2"])
        #expect(after.unreadableCount == 1)
        #expect(try harness.records(of: .alerts).count == 5)
    }

    @Test("a snapshot that remembers more alerts than the log holds is not believed about them")
    func longerThanTheLog() throws {
        let (harness, before) = try prepared()
        try harness.moveSnapshot(TopicPartition(topic: .alerts, partition: .zero), to: 1000)
        let (after, _) = try restarted(harness)
        #expect(after.firing == before.firing)
        #expect(after.unreadableCount == 1)
    }

    @Test("the planted bug: a snapshot that forgets who fires would be noticed")
    func forgottenAlert() throws {
        let (harness, before) = try prepared()
        var bytes = try contents(of: harness.snapshotPath)
        let place = book(in: bytes)
        bytes.replaceSubrange(place.lowerBound + 9..<place.upperBound, with: [0, 0, 0, 0])
        try write(AlertingHarness.sealedSnapshot(bytes), to: harness.snapshotPath)
        #expect(try restarted(harness).book.firing != before.firing)
    }

    @Test("a record that says `pending` is none of the topic's, and does not fire")
    func pendingRecord() throws {
        let book = AlertBook()
        var record = AlertRecord.sample(device: "freezer-1")
        record.state = .pending
        let taken = try record.encoded().withUnsafeBytes { book.take($0, at: .zero) }
        #expect(taken == nil)
        #expect(book.firingCount == 0)
        #expect(book.unreadableCount == 1)
    }
}
