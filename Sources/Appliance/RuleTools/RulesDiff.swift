// `forebay rules diff`: what a change of rules changes in what was recorded.
internal import Alerting
internal import CommitLog
internal import Foundation
package import HTTPAPI
package import Platform
internal import Rules

/// Two files of rules over the same log.
package struct RulesDiff: Sendable {
    private let old: RuleSet
    private let new: RuleSet

    /// - Throws: as `RulesReplay.init`.
    package init(old: String, new: String) throws(CommandFailure) {
        self.old = try RulesReplay.rules(of: old)
        self.new = try RulesReplay.rules(of: new)
    }

    /// Every firing of either, as documents with the keys `change`, `alert`, `device`, `metric`, `old` and `new`; also how
    /// many records could not be read. The log is read twice, up to the same end.
    package func overLog(
        data: String,
        from start: Timestamp?
    ) throws(CommandFailure) -> (differences: [JSONDocument], skipped: UInt64) {
        try RecordedLog.read(data) {
            (log: CommitLog) throws(LogError) -> (differences: [JSONDocument], skipped: UInt64) in
            let before = try RuleReplay.run(old, over: log, from: start, seed: randomSeed())
            let after = try RuleReplay.run(new, over: log, from: start, seed: randomSeed())
            let documents = FiringDifference.all(old: before.firings, new: after.firings).compactMap { difference in
                (try? JSONEncoder().encode(difference)).flatMap { AlertingParts.document(Array($0)) }
            }
            return (documents, max(before.skipped, after.skipped))
        }
    }
}
