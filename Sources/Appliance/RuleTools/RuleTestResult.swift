// What became of a test of rules.
internal import Rules

/// One test, with everything that was not as expected. Keys are those of `rules test -o json`.
package struct RuleTestResult: Encodable, Sendable {
    /// What was expected of an alert, or found.
    package struct Standing: Encodable, Sendable {
        package var state: String
        package var severity: String?
        package var value: Double?
        /// The first reading of the breach.
        package var since: String?
        /// How much of `for` has run, and when the alert fires if nothing ends it.
        package var elapsedSeconds: Double?
        package var forSeconds: Double?
        package var firesAt: String?

        private enum CodingKeys: String, CodingKey {
            case state, severity, value, since
            case elapsedSeconds = "elapsed_s"
            case forSeconds = "for_s"
            case firesAt = "fires_at"
        }
    }

    /// A beginning or an end of the alert.
    package struct Edge: Encodable, Sendable {
        package var state: String
        package var severity: String
        package var at: String
        /// When the box would have known: with the reading, or the tick, that made it.
        package var toldAt: String
        package var value: Double

        private enum CodingKeys: String, CodingKey {
            case state, severity, at, value
            case toldAt = "told_at"
        }
    }

    package struct Reading: Encodable, Sendable {
        package var time: String
        /// nil for a state.
        package var value: Double?
        package var state: String?
    }

    /// One expectation that was not met.
    package struct Failure: Encodable, Sendable {
        package var line: Int
        package var column: Int
        package var at: String
        /// The same after the test's first instant, in seconds.
        package var afterSeconds: Double
        package var alert: String
        package var device: String
        package var metric: String?
        package var expected: Standing
        package var found: Standing
        /// Around the instant, in order.
        package var edges: [Edge] = []
        package var readings: [Reading] = []

        private enum CodingKeys: String, CodingKey {
            case line, column, at, alert, device, metric, expected, found, edges, readings
            case afterSeconds = "after_s"
        }
    }

    package var file: String
    package var line: Int
    package var test: String
    package var passed: Bool
    package var expectations: Int
    package var failures: [Failure]
    /// Rows of files that are no readings.
    package var omissions: [String]
}

extension RuleTestResult {
    /// The test for people: one line where it passed, else a block per expectation that was not met.
    package var lines: [String] {
        guard !passed else { return ["ok    \(test)"] }
        return ["FAIL  \(test)"]
            + failures.flatMap { failure in
                ["  \(file):\(failure.line):\(failure.column)"] + failure.lines.map { "    " + $0 }
            }
    }
}

extension RuleTestResult.Failure {
    /// What was expected, what was there, and what lies around it.
    package var lines: [String] {
        let after = RuleText.duration(milliseconds: Int64((afterSeconds * 1000).rounded()))
        var lines = [
            "expected  \(alert) of \(device)\(metric.map { " " + $0 } ?? ""): \(expected.text), at \(after) (\(at))",
            "found     \(found.text)",
        ]
        let told = edges.map { edge in
            let late = edge.toldAt == edge.at ? "" : ", told at \(edge.toldAt)"
            return (edge.at, "\(edge.state) \(edge.severity), value \(RuleText.number(edge.value))\(late)")
        }
        lines += RuleTestResult.Failure.around(at, "edges", told)
        lines += RuleTestResult.Failure.around(
            at,
            "readings",
            readings.map { reading in
                (reading.time, reading.value.map { RuleText.number($0) } ?? reading.state ?? "")
            }
        )
        return lines
    }

    /// A list in the order of time, with the instant's own place in it.
    private static func around(_ at: String, _ title: String, _ entries: [(time: String, text: String)]) -> [String] {
        // Times of one form: their texts are in the order of the times.
        var rows = entries.filter { $0.time <= at }.map { "\($0.time)  \($0.text)" }
        rows.append("\(at)  <- here")
        rows += entries.filter { $0.time > at }.map { "\($0.time)  \($0.text)" }
        if entries.isEmpty { rows = ["none"] }
        let head = title + String(repeating: " ", count: 10 - title.count)
        return rows.enumerated().map { ($0.offset == 0 ? head : String(repeating: " ", count: 10)) + $0.element }
    }
}

extension RuleTestResult.Standing {
    /// `pending, severity critical, value -10, since …, 7m30s of 10m have run, fires at …`
    package var text: String {
        var parts = [state]
        if let severity { parts.append("severity \(severity)") }
        if let value { parts.append("value \(RuleText.number(value))") }
        if let since { parts.append("since \(since)") }
        if let elapsedSeconds, let forSeconds, forSeconds > 0 {
            let (elapsed, whole) = (Int64((elapsedSeconds * 1000).rounded()), Int64((forSeconds * 1000).rounded()))
            parts.append(
                "\(RuleText.duration(milliseconds: elapsed)) of \(RuleText.duration(milliseconds: whole)) have run"
            )
        }
        if let firesAt { parts.append("fires at \(firesAt)") }
        return parts.joined(separator: ", ")
    }
}
