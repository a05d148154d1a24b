// What comes in adds up: a known mixture over all three inputs, and what a reject keeps.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Conservation")
    struct ConservationTests {
        private struct Counts: Equatable, CustomStringConvertible {
            var received: Int
            var appended: Int
            var rejected: Int
            var dropped: Int

            var description: String { "\(received) = \(appended) + \(rejected) + \(dropped)" }
        }

        private func counts(_ box: Box, _ input: String) async throws -> Counts {
            let label = "input=\"\(input)\""
            return Counts(
                received: Int(try await box.metric("forebay_input_received_total", label)),
                appended: Int(try await box.metric("forebay_input_appended_total", label)),
                rejected: Int(try await box.metric("forebay_input_rejected_total", label)),
                dropped: Int(try await box.metric("forebay_input_dropped_total", label))
            )
        }

        @Test("a known mixture over MQTT, UDP and a serial line adds up, and each reject is kept")
        func mixture() async throws {
            try await Workbench.use { bench in
                let broker = try Broker(bench)
                _ = try await broker.start()
                let udp = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: """
                        inputs:
                          plant:
                            type: mqtt
                            url: mqtt://127.0.0.1:\(broker.port)
                            subscribe: ["forebay/sim/{device}"]
                            format: json
                          lan: { type: udp, listen: "127.0.0.1:\(udp)", format: line_protocol }
                          mast: { type: serial, port: "\(bench.path("mast"))", format: nmea, device: mast }
                        """
                )
                let serial = try bench.simulate(
                    "serial",
                    [
                        "serial", "--pty", bench.path("mast"), "--devices", "2", "--rate", "400", "--count", "1000",
                        "--garbage", "10",
                    ]
                )
                let daemon = try await box.start()
                try await eventually("all inputs are up") { try await box.metric("forebay_input_up") == 3 }
                let mqtt = try bench.simulated(
                    ["mqtt", "--port", "\(broker.port)", "--rate", "0", "--count", "5000", "--garbage", "10"]
                )
                let lan = try bench.simulated(
                    [
                        "udp", "--port", "\(udp)", "--format", "line_protocol", "--rate", "5000", "--count", "5000",
                        "--garbage", "10",
                    ]
                )
                #expect(try await serial.exitCode() == 0)
                let mast = try SimulatorReport(serial.output)
                for (input, report) in [("plant", mqtt), ("lan", lan), ("mast", mast)] {
                    let expected = Counts(
                        received: report.count("payloads"),
                        appended: report.count("payloads") - report.count("garbage"),
                        rejected: report.count("garbage"),
                        dropped: 0
                    )
                    #expect(expected.rejected > 0)
                    try await eventually("\(input) takes in all that was sent") {
                        let found = try await counts(box, input)
                        return found.received >= expected.received
                            && found.received == found.appended + found.rejected + found.dropped
                    }
                    #expect(try await counts(box, input) == expected, "\(input)")
                    let events = try await box.metric("forebay_input_events_total", "input=\"\(input)\"")
                    #expect(Int(events) >= expected.appended)
                    let rejects = try box.records("rejected").filter { $0["key"] as? String == input }
                    #expect(rejects.count == expected.rejected)
                    for reject in rejects {
                        let headers = try #require(reject["headers"] as? [String: Any])
                        #expect(
                            Set(["input", "from", "format", "reason", "position", "received"]).isSubset(
                                of: headers.keys
                            )
                        )
                    }
                }
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                let verdict = try box.command(["log", "verify", "--data", box.data])
                #expect(verdict.contains(#""damage":[]"#))
            }
        }

        @Test("a rejected payload is kept byte for byte, with its reason and position")
        func rejectedBytes() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: "inputs: { lan: { type: udp, listen: \"127.0.0.1:\(port)\", format: json } }\n"
                )
                let daemon = try await box.start()
                let socket = try DatagramSocket(port: port)
                let truncated = #"{"device":"a","temperature":21.5,"#
                try socket.send(truncated)
                try socket.send([0xFF, 0x00, 0xFE])
                try socket.send([])
                try socket.send(#"[{"device":"b","temperature":1},{"temperature":}]"#)
                try await eventually("four rejects are counted") {
                    try await box.metric("forebay_input_rejected_total") == 4
                }
                #expect(try await box.metric("forebay_input_received_total") == 4)
                var rejects: [[String: Any]] = []
                try await eventually("four rejects are stored") {
                    rejects = try box.records("rejected")
                    return rejects.count == 4
                }
                #expect(rejects[0]["value"] as? String == truncated)
                #expect((rejects[1]["value"] as? [String: Any])?["base64"] as? String == "/wD+")
                let reasons = rejects.compactMap { ($0["headers"] as? [String: Any])?["reason"] as? String }
                #expect(reasons == ["malformed", "malformed", "empty", "malformed"])
                // The good part of the last payload is appended all the same.
                let readings = try box.records("readings")
                #expect(readings.compactMap { $0["key"] as? String } == ["b"])
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
            }
        }

        @Test("drops of the kernel are counted to the datagram")
        func kernelDrops() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: """
                        inputs:
                          lan: { type: udp, listen: "127.0.0.1:\(port)", format: json, receive_buffer_bytes: 64KiB }
                        """
                )
                let daemon = try await box.start()
                // Stopped, the daemon reads nothing: what does not fit the buffer is dropped for sure.
                daemon.kill(SIGSTOP)
                let report = try bench.simulated(["udp", "--port", "\(port)", "--rate", "0", "--count", "5000"])
                daemon.kill(SIGCONT)
                let sent = report.count("payloads")
                try await eventually("all that was sent is accounted for") {
                    let found = try await counts(box, "lan")
                    return found.received == sent && found.received == found.appended + found.rejected + found.dropped
                }
                #expect(try await counts(box, "lan").dropped > 0)
            }
        }

        /// The sum of the counts of one kind in topic `gaps`.
        private func ledger(_ records: [[String: Any]], _ kind: String) -> Int {
            records.compactMap { $0["value"] as? [String: Any] }.filter { $0["kind"] as? String == kind }
                .compactMap { $0["count"] as? Int }.reduce(0, +)
        }

        @Test("drops of the kernel stand in topic gaps to the datagram, over a restart, and the devices' numbers agree")
        func gapsLedger() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: """
                        inputs:
                          lan: { type: udp, listen: "127.0.0.1:\(port)", format: json, receive_buffer_bytes: 64KiB }
                        """
                )
                var dropped = 0
                for round in 0..<2 {
                    let daemon = try await box.start()
                    let socket = try DatagramSocket(port: port)
                    // Numbers of the rounds far apart: a restart begins where it finds a device.
                    let first = round * 100_000
                    try socket.send(#"{"device":"d","temperature":1,"seq":\#(first)}"#)
                    try await eventually("the first one is there") { try await counts(box, "lan").received == 1 }
                    daemon.kill(SIGSTOP)
                    let sent = 3000
                    for number in first + 1...first + sent {
                        try socket.send(#"{"device":"d","temperature":1,"seq":\#(number)}"#)
                    }
                    daemon.kill(SIGCONT)
                    try await eventually("all is accounted for") { try await counts(box, "lan").received == sent + 1 }
                    // The one behind all drops closes the device's numbers.
                    try socket.send(#"{"device":"d","temperature":1,"seq":\#(first + sent + 1)}"#)
                    try await eventually("the last one is there") { try await counts(box, "lan").received == sent + 2 }
                    dropped += try await counts(box, "lan").dropped
                    try await eventually("the ledger is written") {
                        try await box.metric("forebay_input_gaps_total", #"kind="sequence""#) > 0
                    }
                    daemon.kill(SIGTERM)
                    #expect(try await daemon.exitCode() == 0)
                }
                let gaps = try box.records("gaps")
                print("datagrams dropped \(dropped); records in gaps \(gaps.count)")
                #expect(dropped > 0)
                #expect(ledger(gaps, "kernel_buffer") == dropped)
                #expect(ledger(gaps, "sequence") - ledger(gaps, "sequence_late") == dropped)
                // A record that is missing would be found.
                let rest = Array(gaps.dropFirst())
                #expect(ledger(rest, "kernel_buffer") + ledger(rest, "sequence") < 2 * dropped)
                let lines = try box.command(["tail", "gaps", "--from", "earliest", "-o", "ndjson", "--data", box.data])
                let verdict = try Command.run(
                    Workbench.python,
                    [Workbench.script("validate_records.py"), Workbench.repository("docs/schema")],
                    input: Data(lines.utf8)
                )
                #expect(verdict.status == 0, "\(verdict.error)")
            }
        }
    }
}
