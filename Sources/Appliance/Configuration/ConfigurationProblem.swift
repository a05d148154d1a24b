// What is wrong with a configuration, and where.

/// A place in a file, counted as editors do.
package struct ConfigurationPlace: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The path as it was opened.
    package var file: String
    /// From 1.
    package var line: Int
    /// From 1, in Unicode scalars.
    package var column: Int

    package init(file: String, line: Int = 1, column: Int = 1) {
        self.file = file
        self.line = line
        self.column = column
    }

    package var description: String { "\(file):\(line):\(column)" }

    package static func < (left: ConfigurationPlace, right: ConfigurationPlace) -> Bool {
        (left.file, left.line, left.column) < (right.file, right.line, right.column)
    }
}

/// One finding. Its description is the line that `check` prints: `file:line:column: message`.
package struct ConfigurationProblem: Hashable, Sendable, CustomStringConvertible {
    package enum Severity: String, Sendable {
        /// The configuration is not taken.
        case error
        /// It is taken, and does something that is hardly meant.
        case warning
    }

    package var severity: Severity
    package var place: ConfigurationPlace
    package var message: String

    package init(_ severity: Severity, _ place: ConfigurationPlace, _ message: String) {
        self.severity = severity
        self.place = place
        self.message = message
    }

    package var description: String {
        severity == .error ? "\(place): \(message)" : "\(place): warning: \(message)"
    }
}

/// Why there is no configuration.
package enum ConfigurationFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// No file at any of these paths.
    case notFound([String])
    /// Everything that is wrong, warnings included, in the order of the files.
    case invalid([ConfigurationProblem])

    package var description: String {
        switch self {
        case .notFound(let paths):
            "no configuration: there is no \(paths.joined(separator: " and no ")); name one with --config FILE"
        case .invalid(let problems):
            problems.map(\.description).joined(separator: "\n")
        }
    }
}

/// What was read, what is wrong with it, and where its parts were said.
package struct LoadedConfiguration: Sendable {
    package var configuration: Configuration
    /// In the order of the files. A configuration that is valid has warnings only.
    package var problems: [ConfigurationProblem]
    /// The files that were read, in the order of reading.
    package var files: [String]
    /// Where a key was given, by its dotted path (`inputs.lan.listen`, `rules.FreezerTooWarm`).
    package var places: [String: ConfigurationPlace]

    package var isValid: Bool { problems.allSatisfy { $0.severity != .error } }

    /// Itself where nothing is wrong with it.
    func validated() -> Result<LoadedConfiguration, ConfigurationFailure> {
        isValid ? .success(self) : .failure(.invalid(problems))
    }

    /// The place of `path`, or of the nearest part above it that was given; at last the first file's beginning.
    package func place(of path: String) -> ConfigurationPlace {
        var part = Substring(path)
        while !part.isEmpty {
            if let place = places[String(part)] { return place }
            guard let dot = part.lastIndex(of: ".") else { break }
            part = part[..<dot]
        }
        return ConfigurationPlace(file: files.first ?? "")
    }
}
