// Which messages belong to an MQTT input: its patterns in order, its exclusions, and the filters to subscribe to.

/// What a topic means to an input.
package enum TopicVerdict: Hashable, Sendable {
    /// The pattern with this index matched first.
    case wanted(pattern: Int)
    /// A pattern of `exclude` matched.
    case excluded
    /// No pattern matched: a subscription of an older configuration that the broker still holds.
    case unmatched
}

/// The compiled patterns of one input. Owned by the input's thread; immutable, so any thread may ask it.
package final class TopicRouter: @unchecked Sendable {
    // Sendable: `names` is written by `init` alone.
    private let patterns: [TopicPattern]
    private let exclusions: [TopicPattern]
    /// The bytes of all label names, one after the other; pointers into it stay valid as long as this object.
    private let names: UnsafeMutableRawBufferPointer
    private let nameRanges: [[Range<Int>]]

    /// - Throws: the first pattern that cannot be compiled.
    package init(subscribe: [String], exclude: [String]) throws(TopicPatternError) {
        var patterns: [TopicPattern] = []
        for text in subscribe { patterns.append(try TopicPattern(text)) }
        var exclusions: [TopicPattern] = []
        for text in exclude { exclusions.append(try TopicPattern(text)) }
        var bytes: [UInt8] = []
        nameRanges = patterns.map { pattern in
            pattern.labelNames.map { name in
                let start = bytes.count
                bytes.append(contentsOf: name.utf8)
                return start..<bytes.count
            }
        }
        names = .allocate(byteCount: max(1, bytes.count), alignment: 1)
        names.copyBytes(from: bytes)
        self.patterns = patterns
        self.exclusions = exclusions
    }

    deinit {
        names.deallocate()
    }

    /// What to subscribe to: each filter once, without those that another one covers, so that the broker does not send a
    /// message twice because two filters match it (MQTT 3.1.1, section 3.3.5).
    package var filters: [String] {
        var kept: [String] = []
        for filter in patterns.map(\.filter) where !kept.contains(where: { TopicRouter.covers($0, filter) }) {
            kept.removeAll { TopicRouter.covers(filter, $0) }
            kept.append(filter)
        }
        return kept
    }

    /// No allocation; steps in proportion to patterns and topic.
    package func route(_ topic: UnsafeRawBufferPointer, captures: inout TopicCaptures) -> TopicVerdict {
        for exclusion in exclusions where exclusion.matches(topic, captures: &captures) { return .excluded }
        for (index, pattern) in patterns.enumerated() where pattern.matches(topic, captures: &captures) {
            return .wanted(pattern: index)
        }
        return .unmatched
    }

    package func labelCount(ofPattern index: Int) -> Int {
        nameRanges.indices.contains(index) ? nameRanges[index].count : 0
    }

    /// The name of a label, valid as long as this object. Both indices are those of `route` and `labelCount`.
    package func labelName(ofPattern index: Int, label: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: names[nameRanges[index][label]])
    }

    /// Whether every topic that `narrow` matches is matched by `wide` too.
    private static func covers(_ wide: String, _ narrow: String) -> Bool {
        let wideLevels = wide.split(separator: "/", omittingEmptySubsequences: false)
        let narrowLevels = narrow.split(separator: "/", omittingEmptySubsequences: false)
        for (index, level) in wideLevels.enumerated() {
            if level == "#" { return index > 0 || narrowLevels.first?.hasPrefix("$") != true }
            guard index < narrowLevels.count, narrowLevels[index] != "#" else { return false }
            if level == "+" {
                if index == 0, narrowLevels[0].hasPrefix("$") { return false }
            } else if level != narrowLevels[index] {
                return false
            }
        }
        return wideLevels.count == narrowLevels.count
    }
}
