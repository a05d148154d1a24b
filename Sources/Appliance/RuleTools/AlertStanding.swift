// How an alert stands for one metric of one device: the one word that its levels come to.
internal import Rules

/// The levels of a rule for one metric, and what they make together.
struct AlertStanding: Sendable {
    enum State: String, CaseIterable, Codable, Sendable {
        case ok, pending, firing
        /// Firing, with values that are cleared and have not been for `clear_for` yet.
        case recovering
        /// `ok`, after it has fired.
        case resolved
        /// No reading came yet that the rule watches.
        case noData = "no_data"

        /// Whether this is what was expected: `recovering` is `firing`, and `resolved` is `ok`.
        func satisfies(_ expected: State) -> Bool {
            switch (self, expected) {
            case (.recovering, .firing), (.resolved, .ok): true
            default: self == expected
            }
        }
    }

    let state: State
    /// Of the level that fires, or of the worst one that is pending.
    let severity: String?
    /// That level; in other states the first, which has the value; nil without data.
    let level: LevelStanding?

    /// `levels`: of one metric, in order; empty where there was no reading.
    init(_ levels: [LevelStanding], _ rule: RuleDefinition) {
        let shown = levels.first { $0.isShown } ?? levels.last { $0.phase == .pending }
        level = shown ?? levels.first
        severity = shown.flatMap { rule.levels.indices.contains($0.level) ? rule.levels[$0.level].severity : nil }
        switch shown?.phase {
        case .pending: state = .pending
        case .recovering: state = .recovering
        case .some: state = .firing
        case nil:
            guard !levels.isEmpty else {
                state = .noData
                return
            }
            state = levels.contains { $0.hasFired } ? .resolved : .ok
        }
    }
}
