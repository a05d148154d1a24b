// Reads rules alone: files of them, and those of a configuration.
internal import Foundation

extension ConfigurationLoader {
    /// The hooks that rules may name.
    enum KnownHooks {
        /// Those of the same files.
        case own
        case these([HookConfiguration])
        /// Somebody else's: nothing is said of them.
        case unknown

        var areKnown: Bool {
            if case .unknown = self { return false }
            return true
        }
    }

    /// Reads files of rules, as in `rules.d`, with whatever is wrong with them; the configuration has defaults for everything
    /// else.
    ///
    /// `hooks`: those that rules may name; nil: they are somebody else's.
    package func examineRules(
        paths: [String],
        hooks: [HookConfiguration]? = nil
    ) -> Result<LoadedConfiguration, ConfigurationFailure> {
        let diagnostics = ConfigurationDiagnostics()
        var merge = ConfigurationMerge(diagnostics: diagnostics)
        for path in paths {
            guard FileManager.default.fileExists(atPath: path) else { return .failure(.notFound([path])) }
            if let tree = tree(of: path, diagnostics) { merge.addRules(tree) }
        }
        let known = hooks.map { KnownHooks.these($0) } ?? .unknown
        return .success(decode(merge, files: paths, diagnostics, hooks: known))
    }

    /// The rules of the configuration at `path` (nil: at one of `defaultPaths`) with whatever is wrong with them or with a
    /// whole file; nothing is said of the other sections.
    package func examineRules(of named: String? = nil) -> Result<LoadedConfiguration, ConfigurationFailure> {
        ConfigurationLoader.locate(named).map { path in
            let whole = examine(file: path).configuration
            let diagnostics = ConfigurationDiagnostics()
            let (merge, files) = read(file: path, diagnostics)
            var loaded = decode(merge.rulesAlone, files: files, diagnostics, hooks: .these(whole.hooks))
            loaded.configuration.data = whole.data
            return loaded
        }
    }
}
