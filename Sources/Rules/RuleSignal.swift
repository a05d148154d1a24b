// What a rule compares with its limits: a reading as it comes, or what the readings of some time amount to.
internal import Platform

/// What a number of readings amount to.
package enum RuleAggregate: String, CaseIterable, Sendable {
    /// The newest of them.
    case last
    case avg, min, max, sum, count
    /// Of the readings as they are: divided by their count.
    case stddev
    /// Nearest rank.
    case p50, p95, p99
    /// The newest less the oldest.
    case delta
    /// That, by the time between the two.
    case rate

    /// Whether it compares both ends of the time, and so is known only where the readings reach across it.
    var isChange: Bool { self == .delta || self == .rate }

    /// Of the readings' count, the share that lies at or below the value; nil for what is no percentile.
    var share: Double? {
        switch self {
        case .p50: 0.5
        case .p95: 0.95
        case .p99: 0.99
        default: nil
        }
    }
}

/// An aggregate of the readings of the last `over`.
package struct RuleSignal: Hashable, Sendable {
    package var aggregate: RuleAggregate
    /// nil, for `last` only: however old it is.
    package var over: Duration?
    /// The time that a `rate` is for.
    package var per: Duration

    package init(_ aggregate: RuleAggregate, over: Duration? = nil, per: Duration = .seconds(1)) {
        self.aggregate = aggregate
        self.over = over
        self.per = per
    }

    /// A reading as it comes.
    package static let reading = RuleSignal(.last)

    var isReading: Bool { self == .reading }

    /// `avg` over `5m` of a metric, as alerts write it.
    func text(of metric: String) -> String {
        guard !isReading else { return metric }
        let over = over.map { ", " + RuleText.duration(milliseconds: $0.wholeMilliseconds) } ?? ""
        return "\(aggregate.rawValue)(\(metric)\(over))"
    }

    /// The unit of it, where the readings have `unit`.
    func unit(of unit: String?) -> String? {
        switch aggregate {
        case .count: nil
        case .rate: unit.map { "\($0)/\(RuleSignal.name(of: per))" }
        default: unit
        }
    }

    private static func name(of per: Duration) -> String {
        switch per {
        case .seconds(1): "s"
        case .seconds(60): "min"
        case .seconds(3600): "h"
        case .seconds(86_400): "d"
        default: RuleText.duration(milliseconds: per.wholeMilliseconds)
        }
    }
}

/// What another metric of the same device must be, or a rule does not begin to hold.
package struct RuleGate: Hashable, Sendable {
    package var metric: String
    /// No watch, no expression.
    package var condition: RuleCondition
    /// How old its reading may be; nil: a value holds until the next one.
    package var within: Duration?

    package init(metric: String, condition: RuleCondition, within: Duration? = nil) {
        self.metric = metric
        self.condition = condition
        self.within = within
    }
}

/// What makes one alert of several devices.
package struct RuleGroup: Hashable, Sendable {
    /// How many of them must be beyond the limit.
    package var atLeast: Int
    /// Those count that were beyond it within this time; nil: those whose newest reading is.
    package var within: Duration?
    /// Labels whose values tell one group from another.
    package var by: [String]

    package init(atLeast: Int, within: Duration? = nil, by: [String] = []) {
        self.atLeast = atLeast
        self.within = within
        self.by = by
    }
}
