// A short life of the daemon on a faulty disk: it starts, takes in some datagrams, rolls a segment, fires an alert,
// reloads and stops. Then its next starts, on what the fault left.
import Foundation
import Platform
import Testing

/// One data directory and the ports of one daemon; the same for many runs, one after the other.
final class DiskScript: @unchecked Sendable {
    // Sendable: used by one lane of a sweep at a time.
    /// Where the life begins.
    enum Beginning: String, CaseIterable, Sendable {
        /// There is no data directory.
        case first
        /// There are two segments, and retention lets the older one go; the other is nearly full.
        case later
    }

    /// What one run came to.
    struct Run {
        var status: Int32?
        var output = ""
        var disk: DiskReport
        /// Per topic, what a reader saw before the end, by offset.
        var seen: [String: [Int: String]] = [:]
    }

    private static let segmentBytes = 1 << 20
    private static let smallDatagrams = 6
    /// How long the script waits for an answer that a fault may have made impossible.
    private static let patience = 0.7

    let bench: Workbench
    let beginning: Beginning
    private let port: UInt16
    private var runs = 0
    private var child: Child?

    var data: String { bench.path("data") }
    /// A full disk may take old readings only where the base has some to spare.
    private var onFull: String { beginning == .first ? "refuse" : "drop_oldest" }
    private var base: String { bench.path("base") }
    private var control: ControlSocket { ControlSocket(path: "\(data)/control.sock") }

    init(_ bench: Workbench, _ beginning: Beginning) async throws {
        self.bench = bench
        self.beginning = beginning
        port = try freePort(SOCK_DGRAM)
        try configure(limit: -15, retention: "8GiB")
        if beginning == .later { try await prepare() }
        try configure(limit: -15, retention: "1MiB")
    }

    private func configure(limit: Int, retention: String) throws {
        try bench.write(
            "forebay.yaml",
            """
            name: bench
            data: \(data)
            clock: trust
            listen: { http: none, kafka: none }
            log:
              commit_interval: 1ms
              segment_bytes: 1MiB
              keep_free: 0%
              topics: { readings: { compression: none, retention_bytes: \(retention), on_full: \(onFull) } }
            inputs: { lan: { type: udp, listen: "127.0.0.1:\(port)", format: json } }
            rules:
              - { alert: TooWarm, match: { metric: temperature }, above: \(limit) }
            hooks: { siren: { type: exec, command: ["/bin/true"] } }

            """
        )
    }

    // MARK: - Talking to the daemon

    private func start(_ settings: String?) throws -> Child {
        runs += 1
        let environment = settings.map { ["LD_PRELOAD": Workbench.shim("FaultyDisk"), "FOREBAY_DISK": $0] }
        let child = try bench.start(
            "forebay-\(runs)",
            Workbench.binaries.appendingPathComponent("forebay").path,
            ["run", "--config", bench.path("forebay.yaml")],
            environment: environment ?? [:]
        )
        self.child = child
        return child
    }

    /// Asks until the answer is true; false where the daemon is gone, or `fault()` and patience is at its end.
    private func holds(
        _ child: Child,
        within seconds: Double = 20,
        isFaulty: () -> Bool = { false },
        _ condition: () throws -> Bool
    ) async throws -> Bool {
        let begin = Date()
        while true {
            if try condition() { return true }
            guard child.isRunning else { return false }
            let waited = Date().timeIntervalSince(begin)
            if waited > seconds || (waited > DiskScript.patience && isFaulty()) { return false }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    private func isReady() throws -> Bool { try control.get("/readyz") != nil }

    private func end(of topic: String) throws -> Int? {
        try control.metric("forebay_log_end_offset", "topic=\"\(topic)\"").map { Int($0) }
    }

    /// A datagram of about 60 KB: twelve devices with as many states as one may have.
    private var large: String {
        let states = (0..<60).map { "\"s\($0)\":\"\(String(repeating: "x", count: 60))\"" }.joined(separator: ",")
        return (0..<12).map { "{\"device\":\"large-\($0)\",\(states)}" }.joined(separator: "\n")
    }

    private func prepare() async throws {
        let child = try start(nil)
        guard try await holds(child, isReady) else { throw WorkbenchError(description: child.output) }
        let socket = try DatagramSocket(port: port)
        var expected = 0
        func say(_ text: String) async throws {
            expected += text.split(separator: "\n").count
            try socket.send(text)
            guard try await holds(child, { try end(of: "readings") == expected }) else {
                throw WorkbenchError(description: "the base of the script was not stored: \(child.output)")
            }
        }
        func segments() throws -> [Int] {
            let directory = "\(data)/log/readings-0"
            return try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".log") }
                .sorted()
                .map { try FileManager.default.attributesOfItem(atPath: "\(directory)/\($0)")[.size] as? Int ?? 0 }
        }
        while try segments().count < 2 { try await say(large) }
        while let last = try segments().last, last < DiskScript.segmentBytes - (40 << 10) {
            let one = large.split(separator: "\n")[0]
            try await say(last < DiskScript.segmentBytes - (120 << 10) ? large : String(one))
        }
        child.kill(SIGTERM)
        guard try await child.exitCode() == 0 else { throw WorkbenchError(description: child.output) }
        try FileManager.default.moveItem(atPath: data, toPath: base)
    }

    // MARK: - The script

    /// Runs the script with the shim's `settings`; whatever is left is on the disk afterwards.
    func run(_ settings: String) async throws -> Run {
        try? FileManager.default.removeItem(atPath: data)
        if beginning == .later { try FileManager.default.copyItem(atPath: base, toPath: data) }
        let report = bench.path("report")
        try? FileManager.default.removeItem(atPath: report)
        try configure(limit: -15, retention: "1MiB")
        let child = try start("root=\(data) report=\(report) \(settings)")
        var run = Run(disk: DiskReport(path: report))
        try await live(child, &run.seen) { DiskReport(path: report).fault != nil }
        if child.isRunning { child.kill(SIGTERM) }
        _ = try await holds(child) { !child.isRunning }
        run.status = child.isRunning ? nil : child.status
        run.output = child.output
        run.disk = DiskReport(path: report)
        child.kill(SIGKILL)
        return run
    }

    private func live(_ child: Child, _ seen: inout [String: [Int: String]], isFaulty: () -> Bool) async throws {
        guard try await holds(child, isFaulty: isFaulty, isReady) else { return }
        let socket = try DatagramSocket(port: port)
        guard var expected = try end(of: "readings") else { return }
        let alerts = try end(of: "alerts") ?? 0
        seen["readings"] = try control.records("readings") ?? [:]
        /// Sends, waits until it is visible, and reads it.
        func say(_ text: String) async throws -> Bool {
            let first = expected
            expected += text.split(separator: "\n").count
            // Refused where the daemon is gone.
            try? socket.send(text)
            guard try await holds(child, isFaulty: isFaulty, { try end(of: "readings") == expected }) else {
                return false
            }
            seen["readings"]?.merge(try control.records("readings", from: first) ?? [:]) { $1 }
            return true
        }
        for number in 0..<DiskScript.smallDatagrams {
            guard try await say(#"{"device":"a","temperature":\#(-30 - number)}"#) || child.isRunning else { return }
        }
        guard try await say(large) || child.isRunning else { return }
        // Not JSON: kept in topic `rejected`.
        try? socket.send("rubbish")
        _ = try await say(#"{"device":"freezer","temperature":5}"#)
        if try await holds(child, isFaulty: isFaulty, { try end(of: "alerts") == alerts + 1 }) {
            seen["alerts"] = try control.records("alerts") ?? [:]
        }
        _ = try await holds(child, isFaulty: isFaulty) { try control.metric("forebay_hook_deliveries_total") == 1 }
        seen["rejected"] = try control.records("rejected") ?? [:]
        guard child.isRunning else { return }
        try configure(limit: -10, retention: "1MiB")
        _ = try control.post("/api/v1/reload")
        _ = try await say(#"{"device":"freezer","temperature":-40}"#)
    }

    // MARK: - What must hold afterwards

    /// Starts the daemon twice on what is left, without the shim: everything seen is there byte for byte, a stored reading
    /// that is too warm has fired exactly once for a condition, the log verifies, and the second start changes nothing (the
    /// rules may end what they had begun). How many records were the same, and what was found wrong.
    func verify(_ seen: [String: [Int: String]]) async throws -> (verified: Int, findings: [String]) {
        var findings: [String] = []
        var verified = 0
        let first = try await restart()
        guard let found = first.records else { return (0, ["it does not start and stop: \(first.output)"]) }
        for (topic, lines) in seen {
            let start = first.starts[topic] ?? 0
            for (offset, line) in lines {
                if found[topic]?[offset] == line {
                    verified += 1
                } else if offset < start, topic == "rejected" || (topic == "readings" && beginning == .later) {
                    // Retention, or a disk that stays full, let it go, as the configuration says.
                    verified += 1
                } else {
                    findings.append("\(topic) \(offset) was seen, and is \(found[topic]?[offset] ?? "not there")")
                }
            }
        }
        let verdict = try Command.run("forebay", ["log", "verify", "--data", data])
        if verdict.status != 0 { findings.append("log verify: \(verdict.output)\(verdict.error)") }
        let before = try names()
        let second = try await restart(killed: true)
        let isSame = found.allSatisfy { topic, lines in
            let again = second.records?[topic] ?? [:]
            return topic == "alerts" ? lines.allSatisfy { again[$0.key] == $0.value } : again == lines
        }
        if !isSame { findings.append("a second start shows other records: \(second.output)") }
        findings += alertFindings(second.records ?? [:])
        if second.output.contains("torn") || second.output.contains("damaged") {
            findings.append("a second start repairs again: \(second.output)")
        }
        if try names() != before { findings.append("a second start changed the files of the log") }
        return (verified, Array(findings.prefix(3)))
    }

    private func alertFindings(_ records: [String: [Int: String]]) -> [String] {
        let firings = records["alerts"]?.values.filter(DiskScript.isFiring) ?? []
        let isWarm = records["readings"]?.values.contains(where: DiskScript.isTooWarm) == true
        // Retention may have taken the reading; the script changes the condition once.
        let isExplained = isWarm || beginning == .later || firings.isEmpty
        let isOnce = Set(firings.map(DiskScript.rule)).count == firings.count
        if isExplained, isOnce, !isWarm || !firings.isEmpty { return [] }
        let place = isWarm ? "stored" : "not stored"
        return ["a reading that is too warm is \(place), and \(firings.count) alerts fired"]
    }

    /// What a reader finds of the topics that payloads make, where each begins, and what was logged.
    private struct Found {
        var records: [String: [Int: String]]?
        var starts: [String: Int] = [:]
        var output = ""
    }

    /// A life without payloads, which ends in order or by a kill.
    private func restart(killed: Bool = false) async throws -> Found {
        let child = try start(nil)
        defer { child.kill(SIGKILL) }
        guard try await holds(child, isReady) else { return Found(output: child.output) }
        // The rules go on from where the fault has left them.
        if try control.records("readings")?.values.contains(where: DiskScript.isTooWarm) == true {
            _ = try await holds(child, within: 2) {
                try control.records("alerts")?.values.contains(where: DiskScript.isFiring) == true
            }
        }
        var records: [String: [Int: String]] = [:]
        var starts: [String: Int] = [:]
        for topic in ["readings", "alerts", "rejected"] {
            records[topic] = try control.records(topic)
            starts[topic] = try control.metric("forebay_log_start_offset", "topic=\"\(topic)\"").map { Int($0) }
        }
        if killed { return Found(records: records, starts: starts, output: child.output) }
        child.kill(SIGTERM)
        guard try await holds(child, { !child.isRunning }), child.status == 0 else {
            return Found(output: child.output)
        }
        return Found(records: records, starts: starts, output: child.output)
    }

    private static let isTooWarm: @Sendable (String) -> Bool = { $0.contains(#""readings":{"temperature":5}"#) }
    private static let isFiring: @Sendable (String) -> Bool = {
        $0.contains(#""alert":"TooWarm""#) && $0.contains(#""state":"firing""#)
    }

    private static func rule(_ line: String) -> Substring? {
        line.range(of: #""rule":""#).map { line[$0.upperBound...].prefix { $0 != "\"" } }
    }

    private func names() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: "\(data)/log").sorted()
    }
}
