// Results of tests of rules as JUnit XML: a suite per file, a case per test.

/// The XML as build servers read it (the schema of Jenkins' JUnit plug-in, without times: nothing here took any).
struct JUnitReport {
    private let results: [RuleTestResult]

    init(_ results: [RuleTestResult]) {
        self.results = results
    }

    var text: String {
        var files: [String] = []
        for result in results where files.last != result.file { files.append(result.file) }
        let counts = JUnitReport.counts(results)
        let suites = files.map { file in suite(file, results.filter { $0.file == file }) }
        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites\(counts)>\n\(suites.joined())</testsuites>\n"
    }

    private func suite(_ file: String, _ results: [RuleTestResult]) -> String {
        let cases = results.map { result in
            let head = "    <testcase classname=\(quoted(file)) name=\(quoted(result.test))"
            guard let first = result.failures.first else { return "\(head)/>\n" }
            let body = escaped(result.lines.joined(separator: "\n"))
            let message = quoted("expected \(first.expected.text), found \(first.found.text)")
            return "\(head)>\n      <failure message=\(message)>\(body)</failure>\n    </testcase>\n"
        }
        return
            "  <testsuite name=\(quoted(file))\(JUnitReport.counts(results))>\n\(cases.joined())  </testsuite>\n"
    }

    private static func counts(_ results: [RuleTestResult]) -> String {
        " tests=\"\(results.count)\" failures=\"\(results.count { !$0.passed })\" errors=\"0\" skipped=\"0\""
    }

    private func quoted(_ text: String) -> String { "\"\(escaped(text))\"" }

    /// What XML 1.0 cannot hold stands as U+FFFD; a line end in an attribute would be read as a blank.
    private func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "\t", "\n", "\u{20}"..."\u{D7FF}", "\u{E000}"..."\u{FFFD}", "\u{10000}"..."\u{10FFFF}":
                escaped.unicodeScalars.append(scalar)
            default: escaped += "\u{FFFD}"
            }
        }
        return escaped
    }
}
