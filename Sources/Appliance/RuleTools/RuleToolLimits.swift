// Every bound of the tools for rules, with its reason.

enum RuleToolLimits {
    /// Readings, and silences in their place, of one test: a month at one in three seconds. Patterns are not written out, so
    /// this bounds time, not memory.
    static let readingsMax: Int64 = 1_000_000

    /// From the first to the last instant of a test: beyond the longest `for` and `absent`, a year, and some six million
    /// ticks.
    static let spanMax = Duration.seconds(732 * 86_400)

    /// Values of one reading pattern, as text.
    static let patternBytesMax = 1 << 20

    /// What a failed expectation shows of its series: readings up to its instant, and behind it.
    static let readingsBefore = 6
    static let readingsAfter = 3

    /// The same of its alert's edges.
    static let edgesBefore = 4
    static let edgesAfter = 2

    /// Metrics of one device that `explain` remembers: a log that somebody else wrote may have any number.
    static let metricsMax = 10_000
}
