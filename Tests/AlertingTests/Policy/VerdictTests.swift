// Whether an alert is told now, by a table; and the times of the week at which nothing is.
import Alerting
import CommitLog
import EventModel
import Platform
import Rules
import Testing

@Suite("Verdicts")
struct VerdictTests {
    /// One line of the table.
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var policy = RulePolicy()
        var age = Duration.seconds(3600)
        var flaps = 1
        var labels: [String: String] = [:]
        /// Other alerts as they stand.
        var others: [Other] = []
        var verdict: PolicyVerdict

        var testDescription: String { name }
    }

    struct Other: Sendable {
        var alert = "GatewayDown"
        var device = "gateway-1"
        var labels: [String: String] = [:]
        /// Seconds before now; nil: it fires.
        var resolvedAgo: Double?
    }

    private static let behind = RulePolicy(inhibitors: [Inhibitor(alert: "GatewayDown")])
    private static let behindItsOwn = RulePolicy(inhibitors: [Inhibitor(alert: "GatewayDown", equal: ["gateway"])])
    /// 2027-01-15, a Friday, at 10:00 UTC.
    private static let now = instant(2 * 3600)

    static let cases = [
        Case(name: "nothing is said: told", verdict: .tell),
        Case(name: "four times within the hour", age: .zero, flaps: 4, verdict: .tell),
        Case(name: "five times within the hour", age: .zero, flaps: 5, verdict: .hold(.flapping)),
        Case(
            name: "five times, and for ten minutes less a second",
            age: .seconds(599),
            flaps: 5,
            verdict: .hold(.flapping)
        ),
        Case(name: "five times, and for ten minutes", age: .seconds(600), flaps: 5, verdict: .tell),
        Case(
            name: "muted",
            policy: RulePolicy(mutes: [MuteWindow(days: [4], start: 600, end: 601)]),
            verdict: .hold(.muted)
        ),
        Case(
            name: "muted on another day",
            policy: RulePolicy(mutes: [MuteWindow(days: [3], start: 600, end: 601)]),
            verdict: .tell
        ),
        Case(name: "inhibited by what fires", policy: behind, others: [Other()], verdict: .hold(.inhibited)),
        Case(name: "nothing fires that inhibits", policy: behind, others: [Other(alert: "Door")], verdict: .tell),
        Case(name: "it may be inhibited in a moment", policy: behind, age: .seconds(29), verdict: .hold(.inhibited)),
        Case(name: "the moment is over", policy: behind, age: .seconds(30), verdict: .tell),
        Case(
            name: "what inhibits is over since a moment",
            policy: behind,
            others: [Other(resolvedAgo: 299)],
            verdict: .hold(.inhibited)
        ),
        Case(name: "what inhibits is over", policy: behind, others: [Other(resolvedAgo: 300)], verdict: .tell),
        Case(
            name: "the same value of the label",
            policy: behindItsOwn,
            labels: ["gateway": "g1"],
            others: [Other(labels: ["gateway": "g1"])],
            verdict: .hold(.inhibited)
        ),
        Case(
            name: "another value of the label",
            policy: behindItsOwn,
            labels: ["gateway": "g1"],
            others: [Other(labels: ["gateway": "g2"])],
            verdict: .tell
        ),
        Case(name: "the label on neither side", policy: behindItsOwn, others: [Other()], verdict: .tell),
        Case(
            name: "the same device",
            policy: RulePolicy(inhibitors: [Inhibitor(alert: "GatewayDown", equal: ["device"])]),
            others: [Other(device: "freezer-7")],
            verdict: .hold(.inhibited)
        ),
    ]

    @Test("an alert is told, or held for one of four reasons", arguments: cases)
    func table(line: Case) throws {
        let book = AlertBook()
        var record = AlertRecord.sample()
        record.labels = line.labels
        record.flaps = line.flaps
        var others = [record]
        for other in line.others {
            var found = AlertRecord.sample(other.alert, device: other.device)
            found.labels = other.labels
            if let ago = other.resolvedAgo {
                found.state = .resolved
                found.resolvedAt = instant(2 * 3600 - ago)
            }
            others.append(found)
        }
        for (offset, other) in others.enumerated() {
            _ = try other.encoded().withUnsafeBytes { book.take($0, at: Offset(Int64(offset))) }
        }
        let policies = AlertPolicies([.words(record.alert, line.policy)], timeZone: "UTC")
        let verdict = policies.verdict(
            record,
            firingFor: line.age,
            at: VerdictTests.now,
            operations: OperationsBook(),
            book: book
        )
        #expect(verdict == line.verdict)
    }

    @Test("a hook is told at once, later, or never")
    func roles() {
        let escalation = Escalation(after: .seconds(900), notify: ["manager"])
        let policies = AlertPolicies([.words("FreezerTooWarm", RulePolicy(escalation: escalation))], timeZone: "UTC")
        let all = AlertRecord.sample()
        #expect(policies.role(of: "pager", for: all) == .direct)
        #expect(policies.role(of: "manager", for: all) == .escalation(after: .seconds(900)))
        let some = AlertRecord.sample(notify: ["pager"])
        #expect(policies.role(of: "siren", for: some) == .none)
        #expect(policies.role(of: "manager", for: some) == .escalation(after: .seconds(900)))
        #expect(policies.role(of: "manager", for: .sample("Door", notify: ["pager"])) == .none)
    }

    /// When a window is open, in UTC, minute by minute over two days.
    private func open(_ window: MuteWindow, from start: String) throws -> [String] {
        let bytes = Array(start.utf8)
        let parsed = TimestampText.parse(bytes.span.bytes, start: 0, count: bytes.count)
        let first = try #require(parsed?.milliseconds)
        var changes: [String] = []
        var was = false
        for minute in 0..<Int64(2 * 1440) {
            let time = Timestamp(milliseconds: first + minute * 60_000)
            let isOpen = window.isOpen(at: time, boxZone: "Europe/Berlin")
            if isOpen != was { changes.append((isOpen ? "open " : "shut ") + TimestampText.string(time).dropLast(8)) }
            was = isOpen
        }
        return changes
    }

    @Test("a mute follows the clocks of its zone, forwards and back")
    func daylightSaving() throws {
        // On 2026-03-29 Berlin goes from 02:00 to 03:00, on 2026-10-25 from 03:00 back to 02:00.
        let morning = MuteWindow(days: Set(0..<7), start: 6 * 60, end: 7 * 60)
        #expect(
            try open(morning, from: "2026-03-28T00:00:00Z") == [
                "open 2026-03-28T05:00", "shut 2026-03-28T06:00", "open 2026-03-29T04:00", "shut 2026-03-29T05:00",
            ]
        )
        let night = MuteWindow(days: [6], start: 2 * 60, end: 3 * 60 + 30)
        #expect(
            try open(night, from: "2026-03-28T12:00:00Z") == ["open 2026-03-29T01:00", "shut 2026-03-29T01:30"]
        )
        #expect(
            try open(night, from: "2026-10-24T12:00:00Z") == ["open 2026-10-25T00:00", "shut 2026-10-25T02:30"]
        )
    }

    @Test("a mute may cross midnight, of the day on which it begins, and names a zone of its own")
    func midnight() throws {
        let friday = MuteWindow(days: [4], start: 22 * 60, end: 6 * 60, timeZone: "UTC")
        #expect(
            try open(friday, from: "2027-01-15T12:00:00Z") == ["open 2027-01-15T22:00", "shut 2027-01-16T06:00"]
        )
        let day = MuteWindow(days: [5], start: 0, end: 1440, timeZone: "America/New_York")
        #expect(try open(day, from: "2027-01-15T12:00:00Z") == ["open 2027-01-16T05:00", "shut 2027-01-17T05:00"])
    }
}
