// A hook whose cursor cannot be stored or opened: it waits, says so, and goes on by itself without a delivery too many.
import Alerting
import Platform
import Rules
import Synchronization
import Testing

@Suite("Hooks on a failing disk", .timeLimit(.minutes(5)))
struct HookFailureTests {
    /// Appends an alert while no cursor can be stored, and waits for so many failures; what was delivered by then.
    private func deliveredWhileFailing(
        _ disk: FailingCursorDisk,
        _ receiver: HTTPReceiver,
        _ harness: AlertingHarness,
        heal: (HookDispatcher) async throws -> Void = { _ in }
    ) async throws -> Int {
        var delivered = 0
        try await withHooks(harness, [webhook("pager", receiver)], disk: disk) { dispatcher in
            disk.plan.withLock { $0.syncsLeft = 0 }
            try harness.appendAlerts([.sample(device: "freezer-1")])
            // A failed attempt is followed by others, which must not deliver either.
            try await eventually("it fails several times, or delivers") {
                disk.failures >= 5 || dispatcher.status().delivered > 0
            }
            delivered = receiver.requests.count
            try await heal(dispatcher)
        }
        return delivered
    }

    @Test("nothing is delivered as long as the cursor cannot be stored, and once when it can be")
    func storeFails() async throws {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        let disk = FailingCursorDisk()
        let early = try await deliveredWhileFailing(disk, receiver, harness) { dispatcher in
            #expect(dispatcher.status().lastError != nil)
            #expect(dispatcher.status().lagRecords == 1)
            disk.heal()
            try await eventually("it is delivered") { dispatcher.status().delivered == 1 }
            #expect(dispatcher.status().lastError == nil)
        }
        #expect(early == 0)
        #expect(try receiver.devices() == ["freezer-1"])
        print("failed stores: \(disk.failures), delivered meanwhile: \(early)")
    }

    @Test("the planted bug: a failed store that looks like a success would deliver, and be noticed")
    func hiddenFailure() async throws {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        let disk = FailingCursorDisk()
        disk.plan.withLock { $0.hidesFailedSyncs = true }
        #expect(try await deliveredWhileFailing(disk, receiver, harness) == 1)
    }

    @Test("a delivery whose end cannot be stored is not repeated by the process that made it, nor by the next one")
    func endFails() async throws {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        let disk = FailingCursorDisk()
        let hooks = [webhook("pager", receiver)]
        try await withHooks(harness, hooks, disk: disk) { dispatcher in
            disk.plan.withLock { $0.syncsLeft = 1 }
            try harness.appendAlerts([.sample(device: "freezer-1")])
            try await eventually("it is delivered, and its end not stored") {
                dispatcher.status().delivered == 1 && disk.failures >= 3
            }
            try harness.appendAlerts([.sample(device: "freezer-2")])
            disk.heal()
            try await eventually("the next is delivered") { dispatcher.status().delivered == 2 }
        }
        try await withHooks(harness, hooks) { dispatcher in
            try harness.appendAlerts([.sample("Last", device: "freezer-9")])
            try await eventually("the last is delivered") { dispatcher.status().delivered == 1 }
        }
        #expect(try receiver.devices() == ["freezer-1", "freezer-2", "freezer-9"])
    }

    @Test("a hook whose cursor could not be opened opens it later, and has missed nothing since it was configured")
    func openFails() async throws {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        let disk = FailingCursorDisk()
        disk.plan.withLock { $0.failsOpening = true }
        try harness.appendAlerts([.sample(device: "freezer-0")])
        try await withHooks(harness, [webhook("pager", receiver)], disk: disk) { dispatcher in
            try await eventually("it has failed several times") { disk.failures >= 3 }
            #expect(dispatcher.status().lastError?.contains("cursors/hook-pager") == true)
            try harness.appendAlerts([.sample(device: "freezer-1")])
            disk.heal()
            try await eventually("it is delivered") { dispatcher.status().delivered == 1 }
            #expect(dispatcher.status().lastError == nil)
        }
        #expect(try receiver.devices() == ["freezer-1"])
    }
}
