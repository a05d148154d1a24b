// What a hook holds, repeats and escalates; told late, again or never, and the same after a kill.
import Alerting
import CommitLog
import Platform
import Rules
import Testing

@Suite("Held alerts", .timeLimit(.minutes(5)))
struct HeldAlertTests {
    private static let alert = "FreezerTooWarm"
    private static let hour = Duration.seconds(3600)

    private func bench(_ policy: RulePolicy = RulePolicy(), notify: [String]? = nil) throws -> PolicyBench {
        try PolicyBench([.words(HeldAlertTests.alert, notify: notify, policy)])
    }

    // MARK: Holding

    /// A silenced freezer fires, then something else does, then the silence ends.
    private func aroundASilence(isKnown: Bool) async throws -> [String] {
        let bench = try bench()
        _ = try await bench.silence(device: "freezer-1", for: HeldAlertTests.hour)
        try await bench.run(operations: isKnown ? nil : OperationsBook()) { dispatcher in
            try bench.fire(HeldAlertTests.alert, ["freezer-1"])
            try await bench.mark("door-1")
            bench.harness.clock.advance(HeldAlertTests.hour)
            dispatcher.wake()
            try await eventually("the freezer is told") { try bench.told().contains("firing freezer-1") }
        }
        return try bench.told()
    }

    @Test("a silenced alert is told when the silence ends and it still fires")
    func silenced() async throws {
        #expect(try await aroundASilence(isKnown: true) == ["firing door-1", "firing freezer-1"])
    }

    @Test("the planted bug: a hook that does not know of the silence tells at once")
    func notSilenced() async throws {
        #expect(try await aroundASilence(isKnown: false) == ["firing freezer-1", "firing door-1"])
    }

    @Test(
        "an alert that is over before it might be told is told to nobody, and counted; no file is left that says more"
    )
    func overWhileHeld() async throws {
        let bench = try bench()
        _ = try await bench.silence(device: "freezer-1", for: HeldAlertTests.hour)
        try await bench.run { dispatcher in
            try bench.fire(HeldAlertTests.alert, ["freezer-1"])
            try await bench.mark("door-1")
            try bench.resolve(HeldAlertTests.alert, ["freezer-1"])
            try await bench.mark("door-2")
            #expect(dispatcher.status().held == 1)
            #expect(dispatcher.status().deliveriesByResult.first { $0.result == "held" }?.count == 1)
        }
        try await bench.run { _ in
            try await bench.mark("door-3")
            try await eventually("the ledger says nothing") {
                try bench.harness.directory.lines(of: "hooks/pager.ledger").first == #"{"entries":[],"version":1}"#
            }
        }
        #expect(try bench.told() == ["firing door-1", "firing door-2", "firing door-3"])
    }

    @Test(
        "an alert that was told is told of its end, silenced or not; and hooks without anything to hold have no ledger"
    )
    func toldBefore() async throws {
        let bench = try bench()
        try await bench.run { _ in
            try bench.fire(HeldAlertTests.alert, ["freezer-1"])
            try await bench.mark("door-1")
            _ = try await bench.silence(device: "freezer-1", for: HeldAlertTests.hour)
            try bench.resolve(HeldAlertTests.alert, ["freezer-1"])
            try await bench.mark("door-2")
        }
        #expect(try bench.told() == ["firing freezer-1", "firing door-1", "resolved freezer-1", "firing door-2"])
        #expect(try !bench.harness.directory.exists("hooks/pager.ledger"))
    }

    @Test("a flapping alert is held until it has fired for ten minutes, and says how often it has fired")
    func flapping() async throws {
        let bench = try bench()
        try await bench.run { dispatcher in
            try bench.fire(HeldAlertTests.alert, ["freezer-1"], flaps: 4)
            try bench.fire("Door", ["door-0"], flaps: 5)
            try bench.resolve("Door", ["door-0"])
            try bench.fire("Door", ["door-0"], flaps: 6)
            try await bench.mark("door-1")
            bench.harness.clock.advance(.seconds(600))
            dispatcher.wake()
            try await eventually("it is told") { try bench.told().count == 3 }
        }
        #expect(try bench.told() == ["firing freezer-1", "firing door-1", "firing door-0"])
        let last = try #require(bench.receiver.requests.last)
        #expect(try WebhookDocument(last.body).alerts.first?.flaps == 6)
    }

    // MARK: Inhibition

    /// Two hundred devices fall silent just before their gateway does, and one behind another gateway; all come back.
    private func aroundAGateway(_ policies: AlertPolicies?) async throws -> [String] {
        let inhibitor = Inhibitor(alert: "GatewayDown", equal: ["gateway"])
        let bench = try PolicyBench([
            .words("DeviceSilent", RulePolicy(inhibitors: [inhibitor])), .words("GatewayDown"),
        ])
        let devices = (1...200).map { "device-\($0)" }
        try await bench.run(policies: policies) { dispatcher in
            try bench.fire("DeviceSilent", devices, labels: ["gateway": "g1"])
            try bench.fire("DeviceSilent", ["lonely"], labels: ["gateway": "g2"])
            bench.harness.clock.advance(.seconds(10))
            try bench.fire("GatewayDown", ["gateway-1"], labels: ["gateway": "g1"])
            try await eventually("the gateway is told") { try bench.told().contains("firing gateway-1") }
            bench.harness.clock.advance(.seconds(30))
            dispatcher.wake()
            try await eventually("the lonely one is told") { try bench.told().contains("firing lonely") }
            bench.harness.clock.advance(HeldAlertTests.hour)
            try bench.resolve("GatewayDown", ["gateway-1"])
            try await eventually("its end is told") { try bench.told().contains("resolved gateway-1") }
            bench.harness.clock.advance(.seconds(120))
            dispatcher.wake()
            try bench.resolve("DeviceSilent", devices)
            try await bench.mark("door-1")
        }
        return try bench.told()
    }

    @Test("one lost gateway is one message, not two hundred")
    func inhibited() async throws {
        let expected = ["firing gateway-1", "firing lonely", "resolved gateway-1", "firing door-1"]
        #expect(try await aroundAGateway(nil) == expected)
    }

    @Test("the planted bug: without `inhibited_by` each device is told, and its end")
    func notInhibited() async throws {
        let told = try await aroundAGateway(AlertPolicies.none)
        #expect(told.count == 404)
    }

    // MARK: Repeating and escalating

    @Test("what fires is told again until somebody acknowledges it, under a key of its own")
    func repeated() async throws {
        let bench = try bench(RulePolicy(repeatEvery: HeldAlertTests.hour))
        try await bench.run { dispatcher in
            try bench.fire(HeldAlertTests.alert, ["freezer-1", "freezer-2"])
            try await bench.mark("door-1")
            try await bench.acknowledge(HeldAlertTests.alert, "freezer-1")
            for count in 1...2 {
                bench.harness.clock.advance(HeldAlertTests.hour)
                dispatcher.wake()
                try await eventually("it is told again") {
                    try bench.told().contains("firing freezer-2 again \(count)")
                }
            }
            try bench.resolve(HeldAlertTests.alert, ["freezer-1", "freezer-2"])
            try await bench.mark("door-2")
        }
        #expect(
            try bench.told() == [
                "firing freezer-1", "firing freezer-2", "firing door-1", "firing freezer-2 again 1",
                "firing freezer-2 again 2", "resolved freezer-1", "resolved freezer-2", "firing door-2",
            ]
        )
        let again = try bench.receiver.requests.filter {
            try WebhookDocument($0.body).alerts.first?.repeated != nil
        }
        #expect(again.compactMap(\.key) == ["pager:1+1", "pager:1+2"])
        let summary = try WebhookDocument(try #require(again.last).body).alerts.first?.annotations["summary"]
        #expect(summary?.hasPrefix("STILL FIRING after 2 h: ") == true)
    }

    @Test(
        "what nobody acknowledges goes to others after a time, once, and they hear of its end; who was not told hears nothing"
    )
    func escalated() async throws {
        let escalation = Escalation(after: .seconds(900), notify: ["manager"])
        let bench = try bench(RulePolicy(escalation: escalation))
        try await bench.run(["pager", "manager"]) { dispatcher in
            try bench.fire(HeldAlertTests.alert, ["freezer-1", "freezer-2"])
            try await bench.mark("door-1")
            try await bench.acknowledge(HeldAlertTests.alert, "freezer-1")
            bench.harness.clock.advance(.seconds(900))
            dispatcher.wake()
            try await eventually("the manager is told") { try bench.told("manager").contains("firing freezer-2") }
            try bench.resolve(HeldAlertTests.alert, ["freezer-1", "freezer-2"])
            try await bench.mark("door-2")
            try await bench.mark("door-3", to: "manager")
        }
        let pager = [
            "firing freezer-1", "firing freezer-2", "firing door-1", "resolved freezer-1", "resolved freezer-2",
            "firing door-2", "firing door-3",
        ]
        #expect(try bench.told().prefix(6) == pager.prefix(6))
        #expect(
            try bench.told("manager") == [
                "firing door-1", "firing freezer-2", "resolved freezer-2", "firing door-2", "firing door-3",
            ]
        )
        let requests = bench.receiver.requests(to: "/manager")
        let summary = try WebhookDocument(try #require(requests.dropFirst().first).body).alerts.first?
            .annotations["summary"]
        #expect(summary?.hasPrefix("NOT ACKNOWLEDGED for 15 min: ") == true)
    }

    // MARK: Kills

    /// Dies while an alert is held; what the next run tells when the silence is over.
    ///
    /// `losing`: the planted bug, a ledger that was not durable.
    private func killedWhileHeld(losingTheLedger losing: Bool) async throws -> [String] {
        let bench = try bench()
        _ = try await bench.silence(device: "freezer-1", for: HeldAlertTests.hour)
        var left: PolicyBench?
        try await bench.run { _ in
            try bench.fire(HeldAlertTests.alert, ["freezer-1"])
            try await bench.mark("door-1")
            left = try bench.killed()
        }
        let after = try #require(left)
        if losing { try PosixDisk().remove(after.harness.directory.path + "/hooks/pager.ledger") }
        after.harness.clock.advance(HeldAlertTests.hour)
        try await after.run { dispatcher in
            if !losing {
                try await eventually("the freezer is told") { try after.told().contains("firing freezer-1") }
            }
            try await after.mark("door-2")
            try after.resolve(HeldAlertTests.alert, ["freezer-1"])
            try await after.mark("door-3")
        }
        return try after.told()
    }

    @Test("killed while it held an alert, a hook tells it when it may, and of its end")
    func killed() async throws {
        let told = try await killedWhileHeld(losingTheLedger: false)
        // The marker of before is told once more where its end was not stored.
        #expect(
            told.filter { $0 != "firing door-1" }
                == ["firing freezer-1", "firing door-2", "resolved freezer-1", "firing door-3"]
        )
    }

    @Test(
        "the planted bug: a ledger that was not durable loses the alert, and tells an end of which nobody knew the beginning"
    )
    func killedWithoutLedger() async throws {
        let told = try await killedWhileHeld(losingTheLedger: true)
        #expect(told.filter { $0 != "firing door-1" } == ["firing door-2", "resolved freezer-1", "firing door-3"])
    }

    @Test(
        "killed while a repeat, or an alert that was held, is on its way, a hook repeats it with its key",
        arguments: [true, false]
    )
    func killedInDelivery(isRepeat: Bool) async throws {
        let bench = try bench(RulePolicy(repeatEvery: isRepeat ? HeldAlertTests.hour : nil))
        if !isRepeat { _ = try await bench.silence(device: "freezer-1", for: HeldAlertTests.hour) }
        var left: PolicyBench?
        try await bench.run { dispatcher in
            try bench.fire(HeldAlertTests.alert, ["freezer-1"])
            try await bench.mark("door-1")
            bench.harness.clock.advance(HeldAlertTests.hour)
            bench.receiver.follow { _, _ in .silence }
            let before = bench.receiver.requests.count
            dispatcher.wake()
            try await eventually("it is on its way") { bench.receiver.requests.count > before }
            left = try bench.killed()
            bench.receiver.follow { _, _ in .status(200) }
        }
        let after = try #require(left)
        let key = isRepeat ? "pager:0+1" : "pager:0"
        try await after.run { _ in
            try await after.mark("door-2")
            try await eventually("it is told once more") { after.receiver.requests.contains { $0.key == key } }
        }
        #expect(bench.receiver.requests.last { $0.key == key } != nil)
        #expect(after.receiver.requests.count { $0.key == key } == 1)
    }

    @Test("a damaged ledger is said; what fires is told, or held, anew")
    func damagedLedger() async throws {
        let bench = try bench()
        _ = try await bench.silence(device: "freezer-1", for: HeldAlertTests.hour)
        try await bench.run { _ in
            try bench.fire(HeldAlertTests.alert, ["freezer-1"])
            try await bench.mark("door-1")
        }
        let path = bench.harness.directory.path + "/hooks/pager.ledger"
        var bytes = try contents(of: path)
        bytes[20] ^= 1
        try write(bytes, to: path)
        try await bench.run { dispatcher in
            #expect(dispatcher.status().lastError?.contains("damaged") == true)
            try await bench.mark("door-2")
            bench.harness.clock.advance(HeldAlertTests.hour)
            dispatcher.wake()
            try await eventually("the freezer is told") { try bench.told().contains("firing freezer-1") }
        }
        #expect(try bench.told() == ["firing door-1", "firing door-1", "firing door-2", "firing freezer-1"])
    }
}
