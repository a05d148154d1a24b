// Rules over a CSV file: its quoting, its times, its rubbish.
import Appliance
import Foundation
import HTTPAPI
import Testing

@Suite("Replay of a CSV file")
struct CSVReplayTests {
    private let rules =
        "- { alert: TooWarm, match: { metric: t, labels: { site: k } }, above: -15, clear_below: -17, for: 1m }\n"

    private struct Result {
        var firings: [[String: String]]
        var pictures: [String]
        var report: CSVSeries.Report
    }

    private func replay(_ csv: String, rules: String? = nil, zone: String = "UTC", value: String = "v") throws -> Result
    {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let rulesFile = directory.appendingPathComponent("rules.yaml").path
        let csvFile = directory.appendingPathComponent("series.csv").path
        try (rules ?? self.rules).write(toFile: rulesFile, atomically: false, encoding: .utf8)
        try csv.write(toFile: csvFile, atomically: false, encoding: .utf8)
        let series = CSVSeries(
            path: csvFile,
            device: "freezer \"1\"",
            metric: "t",
            timeColumn: "time",
            valueColumn: value,
            labels: [("site", "k")],
            timeZone: zone
        )
        let (found, report) = try RulesReplay(rules: rulesFile).over(series, draws: true)
        #expect(found.pictures.count == found.firings.count)
        return Result(firings: try found.firings.map(CSVReplayTests.texts), pictures: found.pictures, report: report)
    }

    /// Every key with its value as JSON writes it, strings without their quotes.
    private static func texts(_ firing: JSONDocument) throws -> [String: String] {
        let values = try JSONDecoder().decode([String: JSONDocument].self, from: try JSONEncoder().encode(firing))
        return try values.mapValues { value in
            let text = String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
            return text.hasPrefix("\"") ? (value.text ?? "") : text
        }
    }

    @Test("fires and resolves by the rows' own times, with every key of the contract")
    func fires() throws {
        let result = try replay(
            """
            time,v
            2026-01-01T00:00:00Z,-18
            2026-01-01T00:01:00Z,-10
            2026-01-01T00:01:30Z,-9.5
            2026-01-01T00:02:00Z,-11
            2026-01-01T00:02:30Z,-18

            """
        )
        #expect(result.report.rows == 5 && result.report.skipped == 0 && result.report.firstSkipped == nil)
        #expect(
            result.firings == [
                [
                    "alert": "TooWarm", "device": "freezer \"1\"", "metric": "t", "severity": "warning",
                    "breached_at": "2026-01-01T00:01:00.000Z", "fired_at": "2026-01-01T00:02:00.000Z",
                    "resolved_at": "2026-01-01T00:02:30.000Z", "duration_s": "30", "peak": "-9.5", "samples": "4",
                ]
            ]
        )
    }

    @Test("what still fires at the end has no end, and a row is the only clock")
    func stillFiring() throws {
        let rows = "time,v\n1767225600,-10\n1767225630,-10\n"
        #expect(try replay(rows).firings.isEmpty, "nobody says that a minute has passed")
        let longer = try replay(rows + "1767225660,-8\n1767225690,-9\n")
        #expect(longer.firings.map { $0["resolved_at"] } == ["null"])
        #expect(longer.firings.map { $0["duration_s"] } == ["null"])
        #expect(longer.firings.map { $0["peak"] } == ["-8"] && longer.firings.map { $0["samples"] } == ["4"])
    }

    @Test("quotes, a byte order mark, CRLF, blank lines, other columns and a missing last line end are no obstacle")
    func quoting() throws {
        let csv =
            "\u{FEFF}note,time,\"v, °C\"\r\n\"say \"\"hm\"\"\nand on\",2026-01-01 00:00:00,-10\r\n\r\nx,2026-01-01 00:02:00,\"-10\""
        let result = try replay(csv, value: "v, °C")
        #expect(result.report.rows == 2 && result.report.skipped == 0)
        #expect(result.firings.count == 1)
    }

    @Test("times without a zone are of the zone that was named")
    func zone() throws {
        let csv = "time,v\n2026-07-01 12:00:00,-10\n2026-07-01 12:01:00,-10\n"
        #expect(try replay(csv).firings.map { $0["fired_at"] } == ["2026-07-01T12:01:00.000Z"])
        #expect(try replay(csv, zone: "Europe/Berlin").firings.map { $0["fired_at"] } == ["2026-07-01T10:01:00.000Z"])
        #expect(throws: CommandFailure.self) { try replay(csv, zone: "Nowhere/Never") }
    }

    @Test("times that repeat or go back are data; rows without a time or a number are counted and named")
    func rubbish() throws {
        let result = try replay(
            """
            time,v
            1767225600,-10
            1767225600,-10
            1767225590,-10
            soon,-10
            1767225610,warm
            1767225620
            1767225660,-10
            """
        )
        #expect(result.firings.map { $0["samples"] } == ["4"])
        #expect(result.report.rows == 7 && result.report.skipped == 3)
        #expect(result.report.firstSkipped?.hasSuffix("series.csv:5: no time in column time") == true)
    }

    @Test("files that cannot be used end with their exit code", arguments: ["", "a,b\n1,2\n"])
    func unusable(csv: String) {
        let failure = #expect(throws: CommandFailure.self) { try replay(csv) }
        #expect(failure?.status == ExitStatus.noInput && failure?.message.contains("no column `time`") == true)
    }

    @Test("a quote that never closes is an error, not memory")
    func endlessQuote() {
        let failure = #expect(throws: CommandFailure.self) {
            try replay("time,v\n\"" + String(repeating: "x", count: 3 << 20))
        }
        #expect(failure?.status == ExitStatus.noInput && failure?.message.contains(":2:") == true)
    }

    @Test("wrong rules are said with their places")
    func wrongRules() {
        let failure = #expect(throws: CommandFailure.self) {
            try replay("time,v\n", rules: "- { alert: A, match: { metric: t }, abve: 1 }\n- { alert: B, above: x }\n")
        }
        #expect(failure?.status == ExitStatus.configuration)
        #expect(
            failure?.message.contains("rules.yaml:1:") == true && failure?.message.contains("rules.yaml:2:") == true
        )
    }
}
