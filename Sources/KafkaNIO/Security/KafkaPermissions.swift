// Who may do what with which topics and groups.
internal import CommitLog

/// What a permission allows; the raw value is its name in the configuration.
package enum KafkaOperation: String, CaseIterable, Sendable {
    /// Of a group: to be a member, and to commit its offsets.
    case read
    case write
    case create
    /// Partitions and settings of a topic.
    case alter
    case delete
}

/// One entry of the configuration. In every pattern `*` stands for any text, and all else for itself.
package struct KafkaPermission: Hashable, Sendable {
    /// A pattern of users.
    package var user: String
    /// Patterns of topics.
    package var topics: [String]
    /// Patterns of groups.
    package var groups: [String]
    package var allow: Set<KafkaOperation>

    package init(user: String, topics: [String] = [], groups: [String] = [], allow: Set<KafkaOperation>) {
        self.user = user
        self.topics = topics
        self.groups = groups
        self.allow = allow
    }
}

/// What one client may do. Made once the client is known, and the same for as long as it stays connected.
package struct Access: Sendable {
    /// Who did not have to say who it is.
    static let anonymous = "anonymous"
    /// Of a client that is not known yet.
    static let nothing = Access(user: "", permissions: [])

    let user: String
    /// Those of this user; nil where none are configured, for anybody.
    private let permissions: [KafkaPermission]?

    /// Of `permissions`, those of this user; nil where none are configured, for anybody.
    package init(user: String, permissions: [KafkaPermission]?) {
        self.user = user
        self.permissions = permissions?.filter { Pattern.covers($0.user, user) }
    }

    /// Forebay's own topics are there to be read. Into `readings` may write whom a permission names.
    package func allows(_ operation: KafkaOperation, topic: String) -> Bool {
        if operation != .read, Access.ownTopics.contains(topic) {
            guard operation == .write, topic == TopicName.readings.text, permissions != nil else { return false }
        }
        guard let permissions else { return true }
        return permissions.contains { $0.allow.contains(operation) && $0.covers(topic: topic) }
    }

    /// Whether the user may do this with a group.
    package func allows(_ operation: KafkaOperation, group: String) -> Bool {
        guard let permissions else { return true }
        return permissions.contains { $0.allow.contains(operation) && $0.covers(group: group) }
    }

    /// Whether the user may make topics of whatever name.
    var mayCreateAnyTopic: Bool {
        permissions?.contains { $0.allow.contains(.create) && $0.topics.contains("*") } ?? true
    }

    /// Whether the user may do anything at all with a topic, and so may know that it is there.
    package func knows(topic: String) -> Bool {
        permissions?.contains { !$0.allow.isEmpty && $0.covers(topic: topic) } ?? true
    }

    /// Whether the user may do anything at all with a group.
    package func knows(group: String) -> Bool {
        permissions?.contains { !$0.allow.isEmpty && $0.covers(group: group) } ?? true
    }

    private static let ownTopics: Set<String> = Set(
        [TopicName.readings, .alerts, .rejected, .system, .gaps, .operations, .consumerOffsets].map(\.text)
    )
}

extension KafkaPermission {
    fileprivate func covers(topic: String) -> Bool { topics.contains { Pattern.covers($0, topic) } }
    fileprivate func covers(group: String) -> Bool { groups.contains { Pattern.covers($0, group) } }
}

private enum Pattern {
    private static let star = UInt8(ascii: "*")

    /// Byte by byte; at a mismatch the last star takes one byte more.
    static func covers(_ pattern: String, _ text: String) -> Bool {
        let (pattern, text) = (pattern.utf8, text.utf8)
        var (patternIndex, textIndex) = (pattern.startIndex, text.startIndex)
        var retry: (pattern: String.Index, text: String.Index)?
        while textIndex < text.endIndex {
            if patternIndex < pattern.endIndex, pattern[patternIndex] == star {
                patternIndex = pattern.index(after: patternIndex)
                retry = (patternIndex, textIndex)
            } else if patternIndex < pattern.endIndex, pattern[patternIndex] == text[textIndex] {
                patternIndex = pattern.index(after: patternIndex)
                textIndex = text.index(after: textIndex)
            } else if let last = retry {
                patternIndex = last.pattern
                textIndex = text.index(after: last.text)
                retry = (patternIndex, textIndex)
            } else {
                return false
            }
        }
        return pattern[patternIndex...].allSatisfy { $0 == star }
    }
}
