// `forebay rules check`: what is wrong with rules, and what they look for in vain.
internal import Foundation

/// What was found.
package struct RulesCheck: Sendable {
    package var files: [String]
    package var ruleCount: Int
    /// Errors and warnings, in the order of the files.
    package var problems: [ConfigurationProblem]
    /// There is no configuration: of hooks and devices nothing is known.
    package var isAlone = false

    package var isValid: Bool { problems.allSatisfy { $0.severity != .error } }

    /// `files`: of rules; none: those of the configuration. `configuration`: whose hooks and registry count; nil: the one at
    /// the usual place, which for files need not be there.
    ///
    /// Throws 66 where a file is not there, 77 where the configuration may not be read.
    package init(files: [String], configuration: String?) throws(CommandFailure) {
        if case .success(let path) = ConfigurationLoader.locate(configuration) { try AccessCheck.require(path, R_OK) }
        let loader = ConfigurationLoader()
        let loaded: LoadedConfiguration
        do throws(ConfigurationFailure) {
            if files.isEmpty {
                loaded = try loader.examineRules(of: configuration).get()
            } else if case .failure = ConfigurationLoader.locate(configuration), configuration == nil {
                loaded = try loader.examineRules(paths: files).get()
                isAlone = true
            } else {
                let whole = try loader.examine(path: configuration).get().configuration
                var rules = try loader.examineRules(paths: files, hooks: whole.hooks).get()
                rules.configuration.data = whole.data
                loaded = rules
            }
        } catch {
            guard case .notFound(let paths) = error, let path = paths.first, files.contains(path) else {
                throw CommandFailure(ExitStatus.noInput, error.description)
            }
            throw CommandFailure(ExitStatus.noInput, "there is no file of rules \(path)")
        }
        let registry = isAlone ? [] : RegistryCheck(loaded).names()
        let misunderstood = Set(loaded.problems.filter { $0.severity == .error }.map(\.place))
        problems = loaded.problems + registry.filter { !misunderstood.contains($0.place) }
        self.files = loaded.files
        ruleCount = loaded.configuration.rules.count
    }
}
