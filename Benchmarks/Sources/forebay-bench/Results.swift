// What was measured, as a table for people and as JSON for machines.
import Foundation

/// One line of the table.
struct Result {
    enum Verdict: String {
        case pass
        case fail = "FAIL"
        /// A figure without a bar.
        case none = "-"
        /// The load fell short of what the bar is about: this machine cannot tell.
        case unclear = "load too low"
    }

    var what: String
    var figure: String
    var reference = "-"
    var ratio: Double?
    var bar = "-"
    var verdict = Verdict.none
}

struct Results {
    private(set) var lines: [Result] = []
    private(set) var failures: [String] = []

    mutating func add(_ result: Result) {
        lines.append(result)
    }

    /// A measurement that could not be done; the run fails.
    mutating func addFailure(_ text: String) {
        failures.append(text)
    }

    var passed: Bool { failures.isEmpty && !lines.contains { $0.verdict == .fail } }

    var table: String {
        let heads = ["what", "figure", "reference", "ratio", "bar", "verdict"]
        let rows = lines.map { line in
            [
                line.what, line.figure, line.reference, line.ratio.map { String(format: "%.2f", $0) } ?? "-", line.bar,
                line.verdict.rawValue,
            ]
        }
        let widths = heads.indices.map { column in ([heads] + rows).map { $0[column].count }.max() ?? 0 }
        func text(_ cells: [String]) -> String {
            zip(cells, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(separator: "  ")
        }
        let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
        return ([text(heads), rule] + rows.map(text) + failures.map { "not measured: \($0)" }).joined(separator: "\n")
    }

    var json: String {
        let object: [String: Any] = [
            "results": lines.map { line in
                [
                    "what": line.what, "figure": line.figure, "reference": line.reference,
                    "ratio": line.ratio.map { $0 as Any } ?? NSNull(), "bar": line.bar,
                    "verdict": line.verdict.rawValue,
                ]
            },
            "failures": failures, "passed": passed,
        ]
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
        let data = try? JSONSerialization.data(withJSONObject: object, options: options)
        return data.map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
