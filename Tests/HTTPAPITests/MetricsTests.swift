// The text of the metrics: golden, escaped, and clean under Prometheus' own checker.
import Foundation
import HTTPAPI
import Platform
import Testing

@Suite("Metrics text")
struct MetricsTests {
    @Test("holds exactly the families of the contract, in their order")
    func families() {
        let names = sampleMetrics.prometheusText.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
            .map { String($0.dropFirst(7)) }
        #expect(
            names == [
                "forebay_input_received_total counter", "forebay_input_appended_total counter",
                "forebay_input_rejected_total counter", "forebay_input_dropped_total counter",
                "forebay_input_events_total counter", "forebay_input_left_out_total counter",
                "forebay_input_duplicates_total counter",
                "forebay_input_gaps_total counter", "forebay_input_up gauge",
                "forebay_input_last_payload_time_seconds gauge", "forebay_log_start_offset gauge",
                "forebay_log_end_offset gauge", "forebay_log_size_bytes gauge",
                "forebay_log_read_only gauge", "forebay_log_repaired_segments_total counter",
                "forebay_log_lost_offsets_total counter",
                "forebay_data_free_bytes gauge", "forebay_commit_duration_seconds histogram",
                "forebay_commit_sync_seconds histogram", "forebay_log_durable_latency_seconds histogram",
                "forebay_log_appended_batches_total counter", "forebay_log_appended_records_total counter",
                "forebay_log_appended_bytes_total counter", "forebay_log_full_attempts_total counter",
                "forebay_log_deleted_segments_total counter", "forebay_log_disk_full gauge",
                "forebay_log_age_retention_suspended gauge", "forebay_alerts gauge",
                "forebay_hook_deliveries_total counter", "forebay_hook_lag_records gauge",
                "forebay_hook_skipped_records_total counter",
                "forebay_hook_last_success_time_seconds gauge", "forebay_group_lag_records gauge",
                "forebay_group_lag_left_out gauge", "forebay_kafka_connections gauge",
                "forebay_kafka_requests_total counter", "forebay_kafka_closed_total counter",
                "forebay_devices gauge", "forebay_registry_skipped_total counter", "forebay_clock_synchronised gauge",
                "forebay_config_last_reload_successful gauge", "forebay_build_info gauge",
            ]
        )
    }

    @Test("says each number once, sorted by its labels")
    func samples() {
        let lines = sampleMetrics.prometheusText.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
        #expect(
            lines == [
                #"forebay_input_received_total{input="lan"} 0"#, #"forebay_input_received_total{input="plant"} 12"#,
                #"forebay_input_appended_total{input="lan"} 0"#, #"forebay_input_appended_total{input="plant"} 9"#,
                #"forebay_input_rejected_total{input="plant",reason="malformed"} 2"#,
                #"forebay_input_dropped_total{input="plant",reason="kernel"} 1"#,
                #"forebay_input_events_total{input="lan"} 0"#, #"forebay_input_events_total{input="plant"} 30"#,
                #"forebay_input_left_out_total{input="lan"} 0"#, #"forebay_input_left_out_total{input="plant"} 0"#,
                #"forebay_input_duplicates_total{input="lan"} 0"#,
                #"forebay_input_duplicates_total{input="plant"} 0"#,
                #"forebay_input_gaps_total{input="plant",kind="sequence"} 3"#,
                #"forebay_input_up{input="lan"} 0"#, #"forebay_input_up{input="plant"} 1"#,
                #"forebay_input_last_payload_time_seconds{input="plant"} 1795461000.123"#,
                #"forebay_log_start_offset{topic="readings",partition="0"} 3"#,
                #"forebay_log_end_offset{topic="readings",partition="0"} 10"#,
                #"forebay_log_size_bytes{topic="readings",partition="0"} 4096"#,
                #"forebay_log_read_only 0"#, #"forebay_log_repaired_segments_total 0"#,
                #"forebay_log_lost_offsets_total 0"#,
                #"forebay_data_free_bytes 1000000000"#,
                #"forebay_commit_duration_seconds_bucket{le="0.001"} 5"#,
                #"forebay_commit_duration_seconds_bucket{le="0.01"} 7"#,
                #"forebay_commit_duration_seconds_bucket{le="+Inf"} 8"#,
                #"forebay_commit_duration_seconds_sum 0.125"#, #"forebay_commit_duration_seconds_count 8"#,
                #"forebay_commit_sync_seconds_bucket{le="0.001"} 7"#,
                #"forebay_commit_sync_seconds_bucket{le="+Inf"} 8"#, #"forebay_commit_sync_seconds_sum 0.5"#,
                #"forebay_commit_sync_seconds_count 8"#,
                #"forebay_log_durable_latency_seconds_bucket{le="0.01"} 9"#,
                #"forebay_log_durable_latency_seconds_bucket{le="+Inf"} 9"#,
                #"forebay_log_durable_latency_seconds_sum 0.25"#, #"forebay_log_durable_latency_seconds_count 9"#,
                #"forebay_log_appended_batches_total 9"#, #"forebay_log_appended_records_total 90"#,
                #"forebay_log_appended_bytes_total 9000"#, #"forebay_log_full_attempts_total 3"#,
                #"forebay_log_deleted_segments_total 2"#, #"forebay_log_disk_full 1"#,
                #"forebay_log_age_retention_suspended 0"#, #"forebay_alerts{state="firing"} 1"#,
                #"forebay_alerts{state="pending"} 0"#,
                #"forebay_hook_deliveries_total{hook="pager",result="delivered"} 3"#,
                #"forebay_hook_deliveries_total{hook="pager",result="failed"} 1"#,
                #"forebay_hook_lag_records{hook="pager"} 2"#,
                #"forebay_hook_skipped_records_total{hook="pager"} 0"#,
                #"forebay_hook_last_success_time_seconds{hook="pager"} 1795461000.5"#,
                #"forebay_group_lag_records{group="analytics",topic="readings",partition="0"} 7"#,
                "forebay_group_lag_left_out 2", "forebay_kafka_connections 4",
                #"forebay_kafka_requests_total{api="ApiVersions"} 5"#,
                #"forebay_kafka_requests_total{api="Fetch"} 40"#,
                #"forebay_kafka_closed_total{reason="idle"} 1"#,
                #"forebay_devices{state="active"} 2"#, #"forebay_devices{state="blocked"} 0"#,
                #"forebay_devices{state="new"} 1"#, "forebay_registry_skipped_total 0",
                #"forebay_clock_synchronised 1"#,
                #"forebay_config_last_reload_successful 1"#, #"forebay_build_info{version="0.1.0",box="edge-01"} 1"#,
            ]
        )
    }

    @Test("leaves out a family that has nothing to say")
    func emptyFamilies() {
        var snapshot = sampleMetrics
        snapshot.groups = []
        snapshot.hooks = []
        snapshot.kafka = nil
        #expect(!snapshot.prometheusText.contains("forebay_group_lag_records"))
        #expect(!snapshot.prometheusText.contains("forebay_hook_"))
        #expect(!snapshot.prometheusText.contains("forebay_kafka_"))
    }

    @Test("escapes what a name of the user's own may hold")
    func escaping() {
        var snapshot = sampleMetrics
        snapshot.box = "a\"b\\c\nd é"
        #expect(snapshot.prometheusText.contains(#"box="a\"b\\c\nd é"} 1"#))
    }

    @Test("writes numbers that Prometheus reads: infinities, not-a-number, fractions, large counters")
    func numbers() {
        func line(_ value: Double) -> String? {
            let reading = LatestReading(
                device: "d",
                metric: "m",
                unit: "",
                value: value,
                time: FixedClock.instant,
                expectedInterval: nil
            )
            return ReadingGauges.prometheusText([reading], now: FixedClock.instant).split(separator: "\n")
                .first { $0.hasPrefix("forebay_reading{") }.map { String($0.split(separator: " ")[1]) }
        }
        #expect(line(.infinity) == "+Inf")
        #expect(line(-.infinity) == "-Inf")
        #expect(line(.nan) == "NaN")
        #expect(line(0.1) == "0.1")
        #expect(line(-0.0) == "0")
        #expect(line(1e300) == "1e+300")
        #expect(line(123_456_789_012) == "123456789012")
    }

    @Test("is clean under promtool check metrics", arguments: ["metrics", "readings"])
    func promtool(page: String) throws {
        let readings = (0..<50).map { index in
            LatestReading(
                device: "hall/\(index) \"x\"",
                metric: "temperature",
                unit: "°C",
                value: Double(index) / 3,
                time: FixedClock.instant,
                expectedInterval: nil
            )
        }
        let text =
            page == "metrics"
            ? sampleMetrics.prometheusText : ReadingGauges.prometheusText(readings, now: FixedClock.instant)
        let findings = try promtoolFindings(text)
        #expect(findings.status == 0)
        #expect(findings.output.isEmpty, "\(findings.output)")
    }

    @Test("is not clean when something is wrong with it, so that the check above can fail")
    func promtoolTwin() throws {
        let noHelp = sampleMetrics.prometheusText.split(separator: "\n").filter { !$0.hasPrefix("# HELP") }
        #expect(try promtoolFindings(noHelp.joined(separator: "\n") + "\n").status != 0)
        let broken = sampleMetrics.prometheusText.replacingOccurrences(of: "\"plant\"", with: "plant")
        #expect(try promtoolFindings(broken).status != 0)
    }

    private func promtoolFindings(_ text: String) throws -> (status: Int32, output: String) {
        let path = "/usr/bin/promtool"
        try #require(
            FileManager.default.isExecutableFile(atPath: path),
            "promtool is missing: apt-get install prometheus (make setup does)"
        )
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["check", "metrics"]
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        try process.run()
        input.fileHandleForWriting.write(Data(text.utf8))
        try input.fileHandleForWriting.close()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: said, as: UTF8.self))
    }
}

@Suite("Latest readings")
struct ReadingGaugeTests {
    private func reading(_ device: String, age: Duration, interval: Duration? = nil) -> LatestReading {
        LatestReading(
            device: device,
            metric: "m",
            unit: "V",
            value: 1,
            time: FixedClock.instant.advanced(by: .zero - age),
            expectedInterval: interval
        )
    }

    @Test("leave out what is older than five minutes, or than three expected intervals")
    func stale() {
        let text = ReadingGauges.prometheusText(
            [
                reading("fresh", age: .seconds(300)), reading("stale", age: .milliseconds(300_001)),
                reading("slow", age: .seconds(3 * 3600), interval: .seconds(3600)),
                reading("late", age: .milliseconds(30_001), interval: .seconds(10)),
                reading("future", age: .zero - .seconds(5)),
            ],
            now: FixedClock.instant
        )
        let devices = text.split(separator: "\n").filter { $0.hasPrefix("forebay_reading{") }
            .compactMap { $0.split(separator: "\"").dropFirst().first.map(String.init) }
        #expect(devices == ["fresh", "future", "slow"])
        #expect(text.contains("forebay_reading_time_seconds{device=\"fresh\",metric=\"m\"} 1795460700\n"))
    }

    @Test("stop at the cap, and say how many are left out")
    func cap() {
        let readings = (0..<(ReadingGauges.seriesMax + 2)).map { reading("d\($0)", age: .zero) }
        let lines = ReadingGauges.prometheusText(readings, now: FixedClock.instant).split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("forebay_reading{") } == ReadingGauges.seriesMax)
        #expect(lines.last == "forebay_readings_left_out 2")
    }

    @Test("none at all is a page without series")
    func none() {
        let text = ReadingGauges.prometheusText([], now: FixedClock.instant)
        #expect(text.split(separator: "\n").filter { !$0.hasPrefix("#") } == ["forebay_readings_left_out 0"])
    }
}
