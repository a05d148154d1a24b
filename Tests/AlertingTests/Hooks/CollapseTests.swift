// Alerts that fired and ended while nobody could be told: one message each, and only then.
import Alerting
import CommitLog
import Platform
import Rules
import Testing

@Suite("Collapsed alerts", .timeLimit(.minutes(5)))
struct CollapseTests {
    /// What was delivered, as `state device`, and how the hook stood in the end.
    private struct Told {
        var edges: [String]
        var status: HookStatus
    }

    /// Delivers edges of which `early` come before the receiver fails, and `late` while it does; it fails from the first of
    /// these until the hook has settled down to one delivery that it repeats.
    ///
    /// `hasBook`: without, the hook does not know what is over.
    private func told(
        early: [AlertRecord] = [],
        late: [[AlertRecord]],
        answer: ReceiverAnswer = .status(503),
        hasBook: Bool = true
    ) async throws -> Told {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        let book = AlertBook()
        var end: Int64 = 0
        func append(_ records: [AlertRecord]) throws {
            try harness.appendAlerts(records)
            for record in records {
                if hasBook { _ = try record.encoded().withUnsafeBytes { book.take($0, at: Offset(end)) } }
                end += 1
            }
        }
        var status = HookStatus(name: "pager", type: "none")
        var edges: [String] = []
        let hook = webhook("pager", receiver, timeout: .milliseconds(300))
        try await withHooks(harness, [hook], book: book) { dispatcher in
            for record in early {
                try append([record])
                try await eventually("it is delivered") { dispatcher.status().lagRecords == 0 }
            }
            let before = receiver.requests.count
            receiver.follow { _, _ in answer }
            for records in late {
                try append(records)
                let tried = dispatcher.status().failed
                try await eventually("it fails on") { dispatcher.status().failed >= tried + 2 }
            }
            receiver.follow { _, _ in .status(200) }
            try await eventually("nothing is left") { dispatcher.status().lagRecords == 0 }
            let requests = receiver.requests
            let delivered = requests.prefix(before) + requests.suffix(Int(dispatcher.status().delivered) - before)
            edges = try delivered.flatMap { request in
                let document = try WebhookDocument(request.body)
                return document.devices.map { "\(document.status) \($0)" }
            }
            status = dispatcher.status()
        }
        return Told(edges: edges, status: status)
    }

    private func firing(_ device: String, _ cause: Int64 = 1) -> AlertRecord { .sample(device: device, cause: cause) }

    private func resolved(_ device: String, _ cause: Int64 = 2) -> AlertRecord {
        .sample(device: device, state: .resolved, cause: cause)
    }

    @Test(
        "an alert that fired and ended while its receiver failed is told once, of its end",
        arguments: [.status(503), .hangUp, .silence] as [ReceiverAnswer]
    )
    func collapsed(answer: ReceiverAnswer) async throws {
        let told = try await told(late: [[firing("freezer-1")], [resolved("freezer-1")]], answer: answer)
        #expect(told.edges == ["resolved freezer-1"])
        #expect(told.status.collapsed == 1)
        #expect(told.status.delivered == 1)
        #expect(told.status.deliveriesByResult.first { $0.result == "collapsed" }?.count == 1)
    }

    @Test("the planted bug: a hook that does not know what is over tells both")
    func notCollapsed() async throws {
        let told = try await told(late: [[firing("freezer-1")], [resolved("freezer-1")]], hasBook: false)
        #expect(told.edges == ["firing freezer-1", "resolved freezer-1"])
        #expect(told.status.collapsed == 0)
    }

    @Test("what waits behind another delivery is collapsed too, and what still fires is told")
    func behind() async throws {
        let told = try await told(
            late: [
                [firing("freezer-1")], [firing("freezer-2")], [resolved("freezer-2")], [firing("freezer-3")],
                [firing("freezer-2", 3)], [resolved("freezer-2", 4)],
            ]
        )
        #expect(
            told.edges == [
                "firing freezer-1", "resolved freezer-2", "firing freezer-3", "resolved freezer-2",
            ]
        )
        #expect(told.status.collapsed == 2)
    }

    @Test("of alerts that fired together, all are told while one still fires, and the ends alone when none does")
    func together() async throws {
        let both = [firing("freezer-1"), firing("freezer-2")]
        let one = try await told(late: [both, [resolved("freezer-1")]])
        #expect(one.edges == ["firing freezer-1", "firing freezer-2", "resolved freezer-1"])
        #expect(one.status.collapsed == 0)
        let none = try await told(late: [both, [resolved("freezer-1")], [resolved("freezer-2")]])
        #expect(none.edges == ["resolved freezer-1", "resolved freezer-2"])
        #expect(none.status.collapsed == 2)
    }

    @Test("an alert whose firing was told is told of its end, and flapping ends with what holds")
    func toldBefore() async throws {
        let told = try await told(
            early: [firing("freezer-1")],
            late: [
                [resolved("freezer-1")], [firing("freezer-1", 3)], [resolved("freezer-1", 4)], [firing("freezer-1", 5)],
            ]
        )
        #expect(told.edges.first == "firing freezer-1")
        #expect(told.edges.last == "firing freezer-1")
        #expect(told.edges == ["firing", "resolved", "resolved", "firing"].map { "\($0) freezer-1" })
    }

    @Test("where the receiver answers, firing and end are both told, however fast they follow one another")
    func healthy() async throws {
        let told = try await told(
            early: [firing("freezer-1"), resolved("freezer-1"), firing("freezer-2"), resolved("freezer-2")],
            late: [[firing("freezer-3")]]
        )
        #expect(
            told.edges == [
                "firing freezer-1", "resolved freezer-1", "firing freezer-2", "resolved freezer-2", "firing freezer-3",
            ]
        )
        #expect(told.status.collapsed == 0)
    }
}
