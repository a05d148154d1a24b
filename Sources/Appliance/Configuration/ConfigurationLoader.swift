// Finds the configuration's files, reads them, and answers with a configuration or with everything that is wrong.
internal import Foundation

/// Reads configurations. A value; may be used from any thread; blocks on file reads.
package struct ConfigurationLoader: Sendable {
    /// Where a configuration is looked for when nobody names one, in this order.
    package static let defaultPaths = ["/etc/forebay/forebay.yaml", "./forebay.yaml"]

    /// A configuration of thousands of rules stays far below.
    private static let fileBytesMax = 4 << 20
    private static let filesMax = 1000

    let environment: [String: String]
    private let hostName: String

    /// - Parameters:
    ///   - environment: what `${VAR}` means.
    ///   - hostName: the default of `name`.
    package init(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        hostName: String = ConfigurationLoader.hostName()
    ) {
        self.environment = environment
        self.hostName = hostName
    }

    /// The host's name up to its first dot.
    package static func hostName() -> String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return Configuration().name }
        let name = bytes.prefix { $0 != 0 && $0 != CChar(UInt8(ascii: ".")) }.map { UInt8(bitPattern: $0) }
        return name.isEmpty ? Configuration().name : String(decoding: name, as: UTF8.self)
    }

    /// The file that `--config` names, else the first of `defaultPaths` that exists. One in a directory that this user may
    /// not search is taken to exist: another file is not what the box runs with.
    package static func locate(_ named: String?) -> Result<String, ConfigurationFailure> {
        let candidates = named.map { [$0] } ?? defaultPaths
        guard let path = candidates.first(where: { access($0, F_OK) == 0 || errno == EACCES }) else {
            return .failure(.notFound(candidates))
        }
        return .success(path)
    }

    /// Reads the file at `path` (nil: one of `defaultPaths`) with `conf.d/*.yaml` and `rules.d/*.yaml` beside it.
    package func load(path named: String? = nil) -> Result<LoadedConfiguration, ConfigurationFailure> {
        examine(path: named).flatMap { $0.validated() }
    }

    /// The same, with whatever is wrong among its problems: defaults stand where something could not be understood.
    package func examine(path named: String? = nil) -> Result<LoadedConfiguration, ConfigurationFailure> {
        ConfigurationLoader.locate(named).map { examine(file: $0) }
    }

    func examine(file path: String) -> LoadedConfiguration {
        let diagnostics = ConfigurationDiagnostics()
        let (merge, files) = read(file: path, diagnostics)
        return decode(merge, files: files, diagnostics)
    }

    /// The trees of the file at `path` and of those beside it, as one.
    func read(
        file path: String,
        _ diagnostics: ConfigurationDiagnostics
    ) -> (merge: ConfigurationMerge, files: [String]) {
        var merge = ConfigurationMerge(diagnostics: diagnostics)
        var files = [path] + fragments(in: "conf.d", beside: path, diagnostics)
        for file in files {
            if let tree = tree(of: file, diagnostics) { merge.add(tree) }
        }
        for file in fragments(in: "rules.d", beside: path, diagnostics) {
            files.append(file)
            if let tree = tree(of: file, diagnostics) { merge.addRules(tree) }
        }
        return (merge, files)
    }

    /// The files that `load` would read, absolute, the main one first.
    package func files(path named: String? = nil) -> Result<[String], ConfigurationFailure> {
        ConfigurationLoader.locate(named).map { path in
            let unread = ConfigurationDiagnostics()
            let files = ["conf.d", "rules.d"].flatMap { fragments(in: $0, beside: path, unread) }
            return ([path] + files).map { URL(fileURLWithPath: $0).path }
        }
    }

    /// `data` of the configuration that `load` would read, its default where absent. Whatever else is wrong is no matter:
    /// the daemon may run with what stood there before, and can be asked.
    package func dataDirectory(path named: String? = nil) -> Result<String, ConfigurationFailure> {
        let path: String
        switch ConfigurationLoader.locate(named) {
        case .success(let found): path = found
        case .failure(let failure): return .failure(failure)
        }
        let files = ConfigurationDiagnostics()
        let trees = ([path] + fragments(in: "conf.d", beside: path, files)).map { tree(of: $0, files) }
        var merge = ConfigurationMerge(diagnostics: files)
        for case let tree? in trees { merge.add(tree) }
        let (entries, place) = merge.tree(fallback: ConfigurationPlace(file: path))
        let values = ConfigurationDiagnostics()
        let context = ReadingContext(diagnostics: values, expansion: TextExpansion(environment: environment))
        if let data = MappingReader(entries, path: "", place: place, context: context).scalar("data", .path) {
            return .success(data)
        }
        if values.hasErrors { return .failure(.invalid(values.problems)) }
        // What cannot be read at all may be where the directory is named.
        return trees.contains { $0 == nil } ? .failure(.invalid(files.problems)) : .success(Configuration().data)
    }

    /// Reads a configuration from text alone, without fragments beside it. `file` is the name that places carry; relative
    /// paths in the text start at its directory.
    package func read(_ text: String, file: String) -> Result<LoadedConfiguration, ConfigurationFailure> {
        let diagnostics = ConfigurationDiagnostics()
        var merge = ConfigurationMerge(diagnostics: diagnostics)
        if let tree = YAMLSource.read(text, file: file, diagnostics: diagnostics) { merge.add(tree) }
        return decode(merge, files: [file], diagnostics).validated()
    }

    func decode(
        _ merge: ConfigurationMerge,
        files: [String],
        _ diagnostics: ConfigurationDiagnostics,
        hooks: KnownHooks = .own
    ) -> LoadedConfiguration {
        let context = ReadingContext(
            diagnostics: diagnostics,
            expansion: TextExpansion(environment: environment)
        )
        let (entries, place) = merge.tree(fallback: ConfigurationPlace(file: files.first ?? ""))
        var configuration = ConfigurationDecoder(context: context).decode(entries, place: place, hostName: hostName)
        if case .these(let hooks) = hooks { configuration.hooks = hooks }
        var loaded = LoadedConfiguration(
            configuration: configuration,
            problems: [],
            files: files,
            places: context.places
        )
        let check = ConfigurationCrossCheck(configuration: configuration, diagnostics: diagnostics) {
            loaded.place(of: $0)
        }
        check.run(hooksAreKnown: hooks.areKnown)
        let order = Dictionary(
            files.enumerated().map { ($0.element, $0.offset) },
            uniquingKeysWith: { first, _ in first }
        )
        loaded.problems = diagnostics.problems.sorted { left, right in
            let (leftFile, rightFile) = (order[left.place.file] ?? Int.max, order[right.place.file] ?? Int.max)
            return leftFile == rightFile ? left.place < right.place : leftFile < rightFile
        }
        return loaded
    }

    /// The `.yaml` files, by name, of a directory beside the file at `path`; none where there is no directory.
    private func fragments(
        in name: String,
        beside path: String,
        _ diagnostics: ConfigurationDiagnostics
    ) -> [String] {
        let directory = (path.lastIndex(of: "/").map { String(path[...$0]) } ?? "") + name
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory) else { return [] }
        guard isDirectory.boolValue else {
            diagnostics.error(ConfigurationPlace(file: directory), "expected a directory")
            return []
        }
        do {
            let names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
            for name in names where name.hasSuffix(".yml") {
                diagnostics.warning(
                    ConfigurationPlace(file: directory + "/" + name),
                    "left out: its name must end in .yaml"
                )
            }
            let files = names.filter { $0.hasSuffix(".yaml") && !$0.hasPrefix(".") }.map { directory + "/" + $0 }
            if files.count > ConfigurationLoader.filesMax {
                diagnostics.error(
                    ConfigurationPlace(file: directory),
                    "more than \(ConfigurationLoader.filesMax) files: join some"
                )
            }
            return Array(files.prefix(ConfigurationLoader.filesMax))
        } catch {
            diagnostics.error(ConfigurationPlace(file: directory), "cannot list the directory: \(reason(error))")
            return []
        }
    }

    func tree(of file: String, _ diagnostics: ConfigurationDiagnostics) -> ConfigurationNode? {
        let place = ConfigurationPlace(file: file)
        let bytes: Data
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: file))
            defer { try? handle.close() }
            bytes = try handle.read(upToCount: ConfigurationLoader.fileBytesMax + 1) ?? Data()
        } catch {
            diagnostics.error(place, "cannot read the file: \(reason(error))")
            return nil
        }
        guard bytes.count <= ConfigurationLoader.fileBytesMax else {
            diagnostics.error(place, "the file is longer than \(ConfigurationLoader.fileBytesMax >> 20) MiB")
            return nil
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            diagnostics.error(invalidPlace(in: bytes, file: file), "the file is not UTF-8")
            return nil
        }
        return YAMLSource.read(text, file: file, diagnostics: diagnostics)
    }

    /// Where the text stops being UTF-8.
    private func invalidPlace(in bytes: Data, file: String) -> ConfigurationPlace {
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        where String(validating: line, as: UTF8.self) == nil {
            let valid = String(decoding: line, as: UTF8.self).unicodeScalars.prefix { $0 != "\u{FFFD}" }
            return ConfigurationPlace(file: file, line: index + 1, column: valid.count + 1)
        }
        return ConfigurationPlace(file: file)
    }

    private func reason(_ error: any Error) -> String {
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        let number = underlying.flatMap { $0.domain == NSPOSIXErrorDomain ? $0.code : nil }
        return number.map { String(cString: strerror(Int32($0))) } ?? error.localizedDescription
    }
}
