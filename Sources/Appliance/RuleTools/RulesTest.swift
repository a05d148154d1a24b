// `forebay rules test`: files of tests, run one after the other.
internal import Foundation
internal import Platform

/// What `rules test` does.
package enum RulesTest {
    /// Every test of every file, in order.
    ///
    /// - Throws: 66 where a file is not there, 78 where one is wrong; with every problem of all of them, before any test runs.
    package static func run(_ paths: [String]) throws(CommandFailure) -> [RuleTestResult] {
        var fixtures: [RuleFixture] = []
        var failures: [CommandFailure] = []
        for path in paths {
            do throws(CommandFailure) { fixtures.append(try RuleFixture(path: path)) } catch { failures.append(error) }
        }
        if let first = failures.first {
            throw CommandFailure(first.status, failures.map(\.description).joined(separator: "\n"))
        }
        var results: [RuleTestResult] = []
        for fixture in fixtures {
            for test in fixture.tests {
                let readings = try RuleTestReadings(test.series)
                var run = RuleTestRun(test, of: fixture, readings, seed: randomSeed())
                results.append(try run.run())
            }
        }
        return results
    }

    /// Writes the results as JUnit XML, for machines that build. Throws 73 where the file cannot be written.
    package static func writeJUnit(_ results: [RuleTestResult], to path: String) throws(CommandFailure) {
        do { try Data(JUnitReport(results).text.utf8).write(to: URL(fileURLWithPath: path)) } catch {
            throw CommandFailure(ExitStatus.cannotCreate, "cannot write \(path): \(error.localizedDescription)")
        }
    }
}
