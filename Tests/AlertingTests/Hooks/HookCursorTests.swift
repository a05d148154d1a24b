// How far a hook has come survives every end: nothing delivered is sent again, nothing undelivered is missed.
import Alerting
import Platform
import Rules
import Testing

@Suite("Hook cursors", .timeLimit(.minutes(5)))
struct HookCursorTests {
    @Test("after a restart a hook goes on where it was, with what came meanwhile")
    func restart() async throws {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        let hooks = [webhook("pager", receiver)]
        try await withHooks(harness, hooks) { dispatcher in
            for (count, device) in ["freezer-1", "freezer-2"].enumerated() {
                try harness.appendAlerts([.sample(device: device)])
                try await eventually("it is delivered") { dispatcher.status().delivered == UInt64(count + 1) }
            }
        }
        try harness.appendAlerts([.sample(device: "freezer-3")])
        try harness.appendAlerts([.sample("Door", device: "door-1")])
        for (last, count) in [("freezer-8", 3), ("freezer-9", 1)] {
            try harness.crash()
            try await withHooks(harness, hooks) { dispatcher in
                // Whatever was to come twice would come before this one.
                try harness.appendAlerts([.sample("Last", device: last)])
                try await eventually("the last one is delivered") {
                    try dispatcher.status().delivered >= UInt64(count) && receiver.devices().last == last
                }
                #expect(dispatcher.status().delivered == UInt64(count))
            }
        }
        let expected = ["freezer-1", "freezer-2", "freezer-3", "door-1", "freezer-8", "freezer-9"]
        #expect(try receiver.devices() == expected)
    }

    @Test("a delivery keeps its key and its body over a restart, though more alerts have come that would fit into it")
    func sameDelivery() async throws {
        let receiver = try HTTPReceiver { _, _ in .status(500) }
        let harness = try AlertingHarness()
        let hooks = [webhook("pager", receiver)]
        try await withHooks(harness, hooks) { _ in
            try harness.appendAlerts([.sample(device: "freezer-1"), .sample(device: "freezer-2")])
            try await eventually("it was tried twice") { receiver.requests.count >= 2 }
        }
        try harness.appendAlerts([.sample(device: "freezer-3")])
        try harness.crash()
        receiver.follow { _, _ in .status(200) }
        try await withHooks(harness, hooks) { dispatcher in
            try await eventually("both are delivered") { dispatcher.status().delivered == 2 }
        }
        let first = try #require(receiver.requests.first)
        let attempts = receiver.requests.filter { $0.key == first.key }
        #expect(try WebhookDocument(first.body).devices == ["freezer-1", "freezer-2"])
        #expect(attempts.count >= 3)
        #expect(attempts.allSatisfy { $0.body == first.body })
        #expect(try devices(receiver.requests.filter { $0.key != first.key }) == ["freezer-3"])
    }

    /// Dies while the second of three alerts is on its way; what was sent before, and after the start that follows.
    ///
    /// `losing`: the planted bug, a cursor that was not durable.
    private func aroundAKill(
        losingTheCursor losing: Bool
    ) async throws -> (before: [ReceivedRequest], after: [ReceivedRequest]) {
        let silent = try HTTPReceiver { _, number in number == 1 ? .status(200) : .silence }
        let harness = try AlertingHarness()
        var image: TemporaryDirectory?
        try await withHooks(harness, [webhook("pager", silent, timeout: .seconds(600))]) { dispatcher in
            try harness.appendAlerts([.sample(device: "freezer-1")])
            try await eventually("the first is delivered") { dispatcher.status().delivered == 1 }
            try harness.appendAlerts([.sample(device: "freezer-2")])
            try await eventually("the second is on its way") { silent.requests.count == 2 }
            try harness.appendAlerts([.sample("Door", device: "door-1")])
            // What kill -9 leaves: the files as they are now, with the hook in the middle of its work.
            image = try TemporaryDirectory(copying: harness.directory)
        }
        let left = try #require(image)
        if losing { try PosixDisk().remove(left.path + "/cursors/hook-pager") }
        let receiver = try HTTPReceiver()
        let restarted = try AlertingHarness(left)
        try await withHooks(restarted, [webhook("pager", receiver)]) { _ in
            try restarted.appendAlerts([.sample("Last", device: "freezer-9")])
            try await eventually("the last one is delivered") { try receiver.devices().last == "freezer-9" }
        }
        return (silent.requests, receiver.requests)
    }

    private func devices(_ requests: [ReceivedRequest]) throws -> [String] {
        try requests.flatMap { try WebhookDocument($0.body).devices }
    }

    @Test("killed in the middle of a delivery, a hook repeats it with its key and misses nothing")
    func killed() async throws {
        let (before, after) = try await aroundAKill(losingTheCursor: false)
        #expect(try devices(before) == ["freezer-1", "freezer-2"])
        #expect(try devices(after) == ["freezer-2", "door-1", "freezer-9"])
        #expect(after.first?.key == before.last?.key)
        #expect(after.first?.body == before.last?.body)
        #expect(Set(after.compactMap(\.key)).count == 3)
    }

    @Test("the planted bug: a cursor that was not durable would lose alerts, and be noticed")
    func killedWithoutCursor() async throws {
        let (before, after) = try await aroundAKill(losingTheCursor: true)
        #expect(try devices(before) == ["freezer-1", "freezer-2"])
        #expect(try devices(after) == ["freezer-9"])
    }

    @Test("a damaged cursor is said, and the hook goes on with the oldest alert that still fires")
    func damaged() async throws {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        let hooks = [webhook("pager", receiver)]
        try await withHooks(harness, hooks) { dispatcher in
            try harness.appendAlerts([.sample(device: "freezer-0")])
            try harness.appendAlerts([.sample(device: "freezer-0", state: .resolved)])
            try harness.appendAlerts([.sample(device: "freezer-1")])
            try await eventually("all are delivered") { dispatcher.status().delivered == 3 }
        }
        try write([UInt8](repeating: 0xA5, count: 8192), to: harness.directory.path + "/cursors/hook-pager")
        try await withHooks(harness, hooks) { dispatcher in
            #expect(dispatcher.status().lastError?.contains("damaged") == true)
            try await eventually("what fires is delivered again") { dispatcher.status().delivered == 1 }
            try harness.appendAlerts([.sample(device: "freezer-2")])
            try await eventually("what comes now is delivered") { dispatcher.status().delivered == 2 }
        }
        #expect(try receiver.devices() == ["freezer-0", "freezer-0", "freezer-1", "freezer-1", "freezer-2"])
    }

    @Test("a new hook begins with what comes from now on; one that comes back goes on where it was")
    func newAndBack() async throws {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        let old = webhook("old", receiver, path: "/old")
        let new = webhook("new", receiver, path: "/new")
        try await withHooks(harness, [old]) { dispatcher in
            try harness.appendAlerts([.sample(device: "freezer-1")])
            try await eventually("the old one delivers") { dispatcher.status("old").delivered == 1 }
            await dispatcher.start([new], origin: AlertingHarness.origin, policies: .none)
            try harness.appendAlerts([.sample(device: "freezer-2")])
            try await eventually("the new one delivers") { dispatcher.status("new").delivered == 1 }
            await dispatcher.start([new, old], origin: AlertingHarness.origin, policies: .none)
            try await eventually("the old one delivers again") { try receiver.devices(to: "/old").count == 2 }
            #expect(dispatcher.statuses.map(\.name) == ["new", "old"])
            #expect(dispatcher.status("new").delivered == 1, "it was not disturbed")
        }
        #expect(try receiver.devices(to: "/old") == ["freezer-1", "freezer-2"])
        #expect(try receiver.devices(to: "/new") == ["freezer-2"])
    }

    @Test("alerts go to the hooks that they name, and to all where they name none; junk goes nowhere")
    func notify() async throws {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        let hooks = [webhook("pager", receiver, path: "/pager"), webhook("siren", receiver, path: "/siren")]
        try await withHooks(harness, hooks) { _ in
            try harness.appendAlerts([.sample(device: "freezer-1", notify: ["siren"])])
            try harness.appendAlerts([.sample(device: "freezer-2", notify: [])])
            try harness.appendJunkAlert("no alert")
            try harness.appendAlerts([.sample(device: "freezer-3", notify: ["pager", "siren"])])
            try harness.appendAlerts([.sample("Last", device: "freezer-9")])
            try await eventually("both have delivered the last one") {
                try ["/pager", "/siren"].allSatisfy { try receiver.devices(to: $0).last == "freezer-9" }
            }
        }
        #expect(try receiver.devices(to: "/pager") == ["freezer-3", "freezer-9"])
        #expect(try receiver.devices(to: "/siren") == ["freezer-1", "freezer-3", "freezer-9"])
    }

    @Test("an alert behind many that go to other hooks is delivered without waiting for the next one")
    func behindOthers() async throws {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        let hooks = [webhook("pager", receiver)]
        // The hook's cursor is made before the alerts, and all of them are there before the hook looks.
        try await withHooks(harness, hooks) { _ in }
        // More than one read of the log and than one delivery's worth of records.
        let words = String(repeating: "long ", count: 1600)
        for batch in 0..<8 {
            try harness.appendAlerts(
                (0..<20).map { .sample(device: "freezer-\(batch)-\($0)", summary: words, notify: ["siren"]) }
            )
        }
        try harness.appendAlerts([.sample(device: "freezer-9")])
        try await withHooks(harness, hooks) { dispatcher in
            try await eventually("it is delivered") { dispatcher.status().delivered == 1 }
        }
        #expect(try receiver.devices() == ["freezer-9"])
    }
}
