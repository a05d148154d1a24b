// What keeps a rule from watching a device, in words.
internal import EventModel

/// One kind of patterns none of which fits.
package struct RuleMismatch: Hashable, Sendable, Codable {
    /// The key of `match`: `metric`, `device`, `name`, `profile`, `location`, or `labels.NAME`.
    package var key: String
    /// What the rule wants: any of these.
    package var patterns: [String]
    /// What the device has there; empty where it has nothing.
    package var found: [String]
}

extension RuleMatch {
    /// The kinds of patterns that do not fit a device with these metrics and labels; empty where the rule watches at least one
    /// of its metrics.
    package func mismatches(device: String, metrics: [String], labels: [String: String]) -> [RuleMismatch] {
        var wanted: [(key: String, patterns: [String], found: [String])] = [
            ("metric", self.metrics, metrics), ("device", devices, [device]),
        ]
        func stamped(_ label: String) -> [String] { labels[label].map { [$0] } ?? [] }
        for (label, patterns) in self.labels.sorted(by: { $0.key < $1.key }) {
            // A label without patterns takes any text, but it must be there.
            wanted.append(("labels.\(label)", patterns.isEmpty ? ["*"] : patterns, stamped(label)))
        }
        wanted.append(("name", names, stamped("name")))
        wanted.append(("profile", profiles, stamped("profile")))
        wanted.append(("location", locations, stamped("location")))
        return wanted.compactMap { key, patterns, found in
            guard !patterns.isEmpty else { return nil }
            let globs = patterns.map { Glob($0) }
            guard !found.contains(where: { text in globs.contains { $0.matches(text) } }) else { return nil }
            return RuleMismatch(key: key, patterns: patterns, found: found)
        }
    }
}
