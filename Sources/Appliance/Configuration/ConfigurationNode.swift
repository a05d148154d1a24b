// The tree that a configuration file is, with the place of every part: what the decoder reads and files merge into.

/// A value with its place.
struct ConfigurationNode {
    enum Content {
        /// Nothing behind the colon, or `null`: as if the key were not there.
        case empty
        case scalar(ScalarText)
        case sequence([ConfigurationNode])
        /// Keys are unique.
        case mapping([Entry])
    }

    struct Entry {
        var key: String
        var keyPlace: ConfigurationPlace
        var value: ConfigurationNode
    }

    /// A scalar as it stands in the file.
    struct ScalarText {
        /// Without quotes, before `${...}` is replaced.
        var text: String
        /// Quoted, or a block scalar: surely meant as text.
        var isQuoted: Bool
    }

    var place: ConfigurationPlace
    var content: Content

    /// For messages: what kind of thing stands here.
    var kind: String {
        switch content {
        case .empty: "nothing"
        case .scalar: "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping of keys"
        }
    }
}

/// The problems found so far.
final class ConfigurationDiagnostics {
    private(set) var problems: [ConfigurationProblem] = []

    var errorCount: Int { problems.count { $0.severity == .error } }
    var hasErrors: Bool { errorCount > 0 }

    func error(_ place: ConfigurationPlace, _ message: String) {
        problems.append(ConfigurationProblem(.error, place, message))
    }

    func warning(_ place: ConfigurationPlace, _ message: String) {
        problems.append(ConfigurationProblem(.warning, place, message))
    }
}
