// The daemon with a wall clock that is wrong and jumps (libfaketime): order, what is stored, retention and timers hold.
import Foundation
import Testing

/// The wall clock of one daemon; its monotonic clock runs on as it is.
struct FalseClock {
    private let file: String

    /// Debian's libfaketime, wherever this architecture has it.
    static let library: String? = {
        let directories = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib")) ?? []
        return directories.map { "/usr/lib/\($0)/faketime/libfaketimeMT.so.1" }
            .first { FileManager.default.fileExists(atPath: $0) }
    }()

    init(_ bench: Workbench, _ date: Date) throws {
        file = bench.path("time")
        try set(date)
    }

    /// Without the last one, libfaketime takes deadlines on the monotonic clock for dates, and waits for ever.
    var environment: [String: String] {
        [
            "LD_PRELOAD": "\(Workbench.shim("MonotonicTimers")) \(FalseClock.library ?? "")",
            "FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        ]
    }

    /// The clock steps to `date`, and goes on from there.
    func set(_ date: Date) throws {
        let offset = date.timeIntervalSinceNow
        // Replaced in one go: the daemon reads it whenever it asks for the time.
        try Data("\(offset < 0 ? "" : "+")\(offset)\n".utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
    }
}

extension EndToEndTests {
    @Suite("Wrong clocks", .enabled(if: FalseClock.library != nil, "Debian's package faketime is not installed"))
    struct ClockTests {
        /// A daemon with one UDP input and a rule with a `for`.
        private struct Line {
            let box: Box
            let control: ControlSocket
            let socket: DatagramSocket
            private(set) var sent = 0

            init(_ bench: Workbench, holding duration: String) throws {
                let port = try freePort(SOCK_DGRAM)
                box = try Box(
                    bench,
                    configuration: """
                        log: { topics: { readings: { retention: 1h } } }
                        inputs: { lan: { type: udp, listen: "127.0.0.1:\(port)", format: json } }
                        rules:
                          - alert: TooWarm
                            match: { metric: temperature, device: "freezer-*" }
                            above: -15
                            for: \(duration)

                        """
                )
                control = ControlSocket(path: "\(box.data)/control.sock")
                socket = try DatagramSocket(port: port)
            }

            /// Sends one reading and waits until it is stored.
            mutating func say(_ device: String, _ temperature: Int, time: String? = nil) async throws {
                let end = try control.metric("forebay_log_end_offset", "\"readings\"") ?? 0
                let field = time.map { ",\"time\":\"\($0)\"" } ?? ""
                try socket.send("{\"device\":\"\(device)\",\"temperature\":\(temperature)\(field)}")
                sent += 1
                try await eventually("the reading is stored") {
                    try control.metric("forebay_log_end_offset", "\"readings\"") == end + 1
                }
            }

            func alerts(_ state: String) throws -> Double? { try control.metric("forebay_alerts", "\"\(state)\"") }

            func firedCount() throws -> Int { try control.records("alerts")?.count ?? 0 }

            func values() throws -> [[String: Any]] {
                try box.records("readings").compactMap { $0["value"] as? [String: Any] }
            }
        }

        private static let epoch = Date(timeIntervalSince1970: 60)

        private func restart(_ line: Line, _ daemon: Child, _ clock: FalseClock) async throws -> Child {
            daemon.kill(SIGTERM)
            #expect(try await daemon.exitCode() == 0)
            return try await line.box.start(environment: clock.environment)
        }

        @Test("a box that boots in 1970 and gets its time later keeps order, records and alert timers")
        func bootsIn1970() async throws {
            try await Workbench.use { bench in
                let clock = try FalseClock(bench, ClockTests.epoch)
                var line = try Line(bench, holding: "30s")
                var daemon = try await line.box.start(environment: clock.environment)
                #expect(try line.control.metric("forebay_clock_synchronised") == 0)
                try await line.say("freezer-1", -20)
                try await line.say("freezer-1", -11)
                try await eventually("the alert is pending") { try line.alerts("pending") == 1 }
                // An hour of 1970, then today: neither is half a minute of the alert's time. A step counts for two ticks at most.
                try clock.set(ClockTests.epoch.addingTimeInterval(3600))
                try await line.say("freezer-1", -11)
                try clock.set(Date())
                #expect(try line.control.metric("forebay_clock_synchronised") == 1)
                try await line.say("freezer-2", -30)
                let fired = try line.firedCount()
                #expect(fired == 0, "the step of the clock counts as time")
                try await eventually("the timer is not stuck: the alert fires", within: 60) {
                    try line.firedCount() == 1
                }
                // Retention looks as soon as the daemon starts: the age of what was stored in 1970 is not 56 years.
                daemon = try await restart(line, daemon, clock)
                try await line.say("freezer-1", -30)
                try await eventually("it resolves") { try line.firedCount() == 2 }
                #expect(try line.control.metric("forebay_log_start_offset", "\"readings\"") == 0)
                let values = try line.values()
                #expect(values.count == line.sent)
                // The inputs look at the clock once a second: the reading right after the step may be either.
                let clocks = values.map { $0["clock"] as? String }
                #expect(clocks.prefix(3) == ["unsynced", "unsynced", "unsynced"])
                #expect(clocks.last == "receive")
                #expect((values[0]["received"] as? String)?.hasPrefix("1970-01-01T00:01") == true)
                #expect((values[2]["received"] as? String)?.hasPrefix("1970-01-01T01:01") == true)
                #expect(daemon.isRunning)
            }
        }

        @Test("a step of a year, forth and back, loses nothing and fires nothing", arguments: [1.0, -1.0])
        func stepOfAYear(_ direction: Double) async throws {
            try await Workbench.use { bench in
                let clock = try FalseClock(bench, Date())
                var line = try Line(bench, holding: "10m")
                let daemon = try await line.box.start(environment: clock.environment)
                try await line.say("freezer-1", -11)
                try await eventually("the alert is pending") { try line.alerts("pending") == 1 }
                try clock.set(Date().addingTimeInterval(direction * 365 * 86_400))
                try await line.say("freezer-1", -11)
                try await line.say("boiler", 60)
                try clock.set(Date())
                try await line.say("freezer-1", -11)
                try await line.say("freezer-1", -20)
                try await eventually("the alert is not stuck") { try line.alerts("pending") == 0 }
                #expect(try line.firedCount() == 0)
                #expect(try line.values().count == line.sent)
                #expect(try line.control.metric("forebay_log_start_offset", "\"readings\"") == 0)
                #expect(daemon.isRunning)
            }
        }

        @Test("its planted bug, times that follow the wall clock, fires the alert at the step")
        func stepThatCounts() async throws {
            try await Workbench.use { bench in
                let clock = try FalseClock(bench, Date())
                var line = try Line(bench, holding: "10m")
                let daemon = try await line.box.start(environment: clock.environment)
                let later = Date().addingTimeInterval(365 * 86_400)
                try await line.say("freezer-1", -11, time: Date().ISO8601Format())
                try await eventually("the alert is pending") { try line.alerts("pending") == 1 }
                try clock.set(later)
                try await line.say("freezer-1", -11, time: later.ISO8601Format())
                try await eventually("the step counts as time") { try line.firedCount() == 1 }
                #expect(daemon.isRunning)
            }
        }

        @Test("readings dated 2038 and 1999 by one device disturb nobody else")
        func devicesThatLie() async throws {
            try await Workbench.use { bench in
                let clock = try FalseClock(bench, Date())
                var line = try Line(bench, holding: "10m")
                var daemon = try await line.box.start(environment: clock.environment)
                try await line.say("freezer-1", -11)
                try await eventually("the alert is pending") { try line.alerts("pending") == 1 }
                for time in ["2038-01-19T03:14:08Z", "1999-12-31T23:59:59Z"] {
                    try await line.say("freezer-liar", -11, time: time)
                }
                try await line.say("freezer-1", -11)
                #expect(try line.firedCount() == 0)
                daemon = try await restart(line, daemon, clock)
                try await line.say("freezer-1", -20)
                try await eventually("only the liar's is pending") { try line.alerts("pending") == 1 }
                #expect(try line.firedCount() == 0)
                #expect(try line.control.metric("forebay_log_start_offset", "\"readings\"") == 0)
                let values = try line.values()
                #expect(values.count == line.sent)
                // Not believed: receive time stands in for both.
                #expect(values.allSatisfy { $0["clock"] as? String == "receive" })
                #expect(daemon.isRunning)
            }
        }
    }
}
