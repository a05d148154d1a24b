// A file of tests of rules, read: series of readings, and what alerts they must make.
internal import Platform
package import Rules

/// One file.
package struct RuleFixture: Sendable {
    /// As it was named on the command line.
    package var path: String
    package var rules: RuleSet
    package var tests: [RuleTest]
}

/// One test of it: the rules see nothing but its series.
package struct RuleTest: Sendable {
    package var name: String
    package var place: ConfigurationPlace
    var series: [RuleTestSeries]
    var expectations: [RuleExpectation]

    static let tooLong = "a test covers at most \(RuleToolLimits.spanMax.components.seconds / 86_400) days"
}

/// The readings of one metric of one device.
struct RuleTestSeries: Sendable {
    enum Readings: Sendable {
        case pattern(ValuePattern, start: Timestamp, every: Duration)
        /// Device, metric and labels in it are those of the series.
        case file(CSVSeries)
    }

    var place: ConfigurationPlace
    var device: String
    var metric: String
    var unit: String?
    var labels: [(name: String, value: String)]
    var readings: Readings

    /// Those that its values stand for; empty: they are numbers.
    var states: [String] {
        if case .pattern(let pattern, _, _) = readings { return pattern.states }
        return []
    }

    /// A reading of it, for people.
    func shown(_ reading: SeriesReading) -> RuleTestResult.Reading {
        let place = Int(exactly: reading.value)
        let state = place.flatMap { states.indices.contains($0) ? states[$0] : nil }
        return RuleTestResult.Reading(
            time: reading.time.rfc3339,
            value: state == nil ? reading.value : nil,
            state: state
        )
    }
}

/// How an alert must stand at an instant.
struct RuleExpectation: Sendable {
    enum Instant: Sendable {
        /// From the test's first instant on.
        case after(Duration)
        case at(Timestamp)
    }

    var place: ConfigurationPlace
    var at: Instant
    var alert: String
    var device: String
    /// nil where the rule watches none of the device's metrics.
    var metric: String?
    var state: AlertStanding.State
    var severity: String?
    var value: Double?
}
