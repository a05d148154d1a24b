// The log's files, read by a program that shares no code with us.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Independent reader")
    struct LogReaderTests {
        private func segments(_ box: Box) throws -> [String] {
            let root = URL(fileURLWithPath: box.data).appendingPathComponent("log")
            return try FileManager.default.contentsOfDirectory(at: root, includingPropertiesForKeys: nil)
                .flatMap { try FileManager.default.contentsOfDirectory(at: $0, includingPropertiesForKeys: nil) }
                .filter { $0.pathExtension == "log" }.map(\.path).sorted()
        }

        @Test(
            "kafka-python parses every segment file, whatever the compression",
            arguments: [("none", 0, 30_000), ("lz4", 3, 150_000), ("zstd", 4, 200_000)]
        )
        func everySegment(compression: String, codec: Int, count: Int) async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: """
                        log:
                          segment_bytes: 1MiB
                          topics:
                            readings: { compression: \(compression), partitions: 2 }
                        inputs:
                          lan: { type: udp, listen: "127.0.0.1:\(port)", format: json }
                        """
                )
                let daemon = try await box.start()
                let report = try bench.simulated(
                    ["udp", "--port", "\(port)", "--rate", "50000", "--count", "\(count)", "--garbage", "1"]
                )
                try await eventually("all is received") {
                    try await Int(box.metric("forebay_input_received_total")) >= report.count("payloads")
                }
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)

                let files = try segments(box)
                let run = try Command.run(Workbench.python, [Workbench.script("read_segments.py")] + files)
                try #require(run.status == 0, "\(run.error)")
                let found = try run.output.split(separator: "\n").map { line in
                    try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                }
                #expect(found.count == files.count)
                var records: [String: Int] = [:]
                var codecs: Set<Int> = []
                for file in found {
                    let path = try #require(file["file"] as? String)
                    let directory = URL(fileURLWithPath: path).deletingLastPathComponent().lastPathComponent
                    let topic = String(directory.prefix { $0 != "-" })
                    records[topic, default: 0] += try #require(file["records"] as? Int)
                    if topic == "readings" { codecs.formUnion(try #require(file["codecs"] as? [Int])) }
                }
                #expect(records["readings"] == report.count("sent"))
                #expect(records["rejected"] == report.count("garbage"))
                #expect((records["system"] ?? 0) >= 2)
                #expect(codecs == [codec])
                #expect(files.filter { $0.contains("/readings-") }.count > 2, "no segment was rolled")
            }
        }

        @Test("every record follows the schema of its topic, and a record that does not would be found")
        func schemas() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: """
                        inputs: { lan: { type: udp, listen: "127.0.0.1:\(port)", format: json } }
                        rules: [{ alert: TooWarm, match: { metric: temperature }, above: 5 }]
                        """
                )
                let daemon = try await box.start()
                let socket = try DatagramSocket(port: port)
                let full =
                    #"{"device":"a","temperature":21.5,"door":"open","on":true,"unit":"C","seq":4,"#
                    + #""time":"2026-11-23T19:10:00Z","mode":{"fan":3}}"#
                for payload in [full, #"{"device":"a","temperature":"open"}"#, #"{"device":"a","temperature":1}"#] {
                    try socket.send(payload)
                }
                try await eventually("an alert fires and resolves") { try box.records("alerts").count == 2 }
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                var lines = ""
                for topic in ["readings", "alerts", "system"] {
                    lines += try box.command(["tail", topic, "--from", "earliest", "-o", "ndjson", "--data", box.data])
                }
                func validate(_ lines: String) throws -> (status: Int32, output: String, error: String) {
                    try Command.run(
                        Workbench.python,
                        [Workbench.script("validate_records.py"), Workbench.repository("docs/schema")],
                        input: Data(lines.utf8)
                    )
                }
                let verdict = try validate(lines)
                #expect(verdict.status == 0, "\(verdict.error)")
                for count in [#""readings": 3"#, #""alerts": 2"#, #""system": 2"#] {
                    #expect(verdict.output.contains(count), "\(verdict.output)")
                }
                #expect(
                    try validate(lines.replacingOccurrences(of: #""clock":"device""#, with: #""clock":"sundial""#))
                        .status == 1
                )
                #expect(try validate(lines.replacingOccurrences(of: #""quality""#, with: #""qualities""#)).status == 1)
            }
        }

        @Test("a flipped byte would be found")
        func flippedByte() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: "inputs: { lan: { type: udp, listen: \"127.0.0.1:\(port)\", format: json } }\n"
                )
                let daemon = try await box.start()
                try DatagramSocket(port: port).send(#"{"device":"a","temperature":21.5}"#)
                try await eventually("it is stored") { try await box.metric("forebay_input_appended_total") == 1 }
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                let path = try #require(try segments(box).first { $0.contains("/readings-0/") })
                var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
                bytes[bytes.count - 10] ^= 1
                try bytes.write(to: URL(fileURLWithPath: path))
                let run = try Command.run(Workbench.python, [Workbench.script("read_segments.py"), path])
                #expect(run.status == 1)
            }
        }
    }
}
