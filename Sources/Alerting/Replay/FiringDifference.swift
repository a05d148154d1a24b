// What two sets of rules found in the same log, side by side.
internal import Platform

/// One firing of either, or one of both that belong together.
package struct FiringDifference: Hashable, Sendable, Encodable {
    package enum Change: String, Sendable, Encodable {
        /// The same instants and severity.
        case kept
        /// Both fire at a time, but begin, end or count otherwise.
        case changed
        case gained, lost
    }

    package var change: Change
    package var alert: String
    package var device: String
    package var metric: String
    /// nil where it was gained.
    package var old: Firing?
    /// nil where it was lost.
    package var new: Firing?

    private enum CodingKeys: String, CodingKey {
        case change, alert, device, metric, old, new
    }

    /// Every key is there, with null where there is no firing.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(change, forKey: .change)
        try container.encode(alert, forKey: .alert)
        try container.encode(device, forKey: .device)
        try container.encode(metric, forKey: .metric)
        try container.encode(old, forKey: .old)
        try container.encode(new, forKey: .new)
    }

    private init(_ old: Firing?, _ new: Firing?, of subject: Firing) {
        alert = subject.alert
        device = subject.device
        metric = subject.metric
        self.old = old
        self.new = new
        guard let old, let new else {
            change = old == nil ? .gained : .lost
            return
        }
        let isSame =
            old.breachedAt == new.breachedAt && old.firedAt == new.firedAt && old.resolvedAt == new.resolvedAt
            && old.severity == new.severity
        change = isSame ? .kept : .changed
    }

    /// Pairs the firings of each alert, device and metric that overlap, the earliest with the earliest, in the order in which
    /// they fired.
    package static func all(old: [Firing], new: [Firing]) -> [FiringDifference] {
        var differences: [FiringDifference] = []
        let (olds, news) = (Dictionary(grouping: old, by: Subject.init), Dictionary(grouping: new, by: Subject.init))
        for subject in Set(olds.keys).union(news.keys) {
            differences += pairs(olds[subject] ?? [], news[subject] ?? [])
        }
        return differences.sorted { left, right in
            (left.firedFirst, left.alert, left.device, left.metric)
                < (right.firedFirst, right.alert, right.device, right.metric)
        }
    }

    private struct Subject: Hashable {
        var alert: String
        var device: String
        var metric: String

        init(_ firing: Firing) {
            alert = firing.alert
            device = firing.device
            metric = firing.metric
        }
    }

    private var firedFirst: Timestamp {
        switch (old?.firedAt, new?.firedAt) {
        case (let old?, let new?): min(old, new)
        case (let fired?, nil), (nil, let fired?): fired
        case (nil, nil): Timestamp(milliseconds: 0)
        }
    }

    /// Of one subject, each list in the order of firing; firings of one list do not overlap.
    private static func pairs(_ old: [Firing], _ new: [Firing]) -> [FiringDifference] {
        var (left, right) = (old[...], new[...])
        var differences: [FiringDifference] = []
        while let before = left.first, let after = right.first {
            if before.overlaps(after) {
                differences.append(FiringDifference(before, after, of: after))
                left.removeFirst()
                right.removeFirst()
            } else if before.firedAt < after.firedAt {
                differences.append(FiringDifference(before, nil, of: before))
                left.removeFirst()
            } else {
                differences.append(FiringDifference(nil, after, of: after))
                right.removeFirst()
            }
        }
        differences += left.map { FiringDifference($0, nil, of: $0) }
        differences += right.map { FiringDifference(nil, $0, of: $0) }
        return differences
    }
}

extension Firing {
    /// Whether there is an instant at which both fire; ends do not count, but for firings that have no length.
    fileprivate func overlaps(_ other: Firing) -> Bool {
        if firedAt == other.firedAt { return true }
        let (first, second) = firedAt < other.firedAt ? (self, other) : (other, self)
        return first.resolvedAt.map { $0 > second.firedAt } ?? true
    }
}
