// Takes one mapping of the tree apart, key by key; every key that nobody asked for is a problem.

/// What all readers of one configuration share.
final class ReadingContext {
    let diagnostics: ConfigurationDiagnostics
    let expansion: TextExpansion
    /// Where each key was given, by dotted path.
    var places: [String: ConfigurationPlace] = [:]

    init(diagnostics: ConfigurationDiagnostics, expansion: TextExpansion) {
        self.diagnostics = diagnostics
        self.expansion = expansion
    }

    /// Reads a single value; nil, and a problem, where it is of another kind or not what `type` needs.
    func scalar<Value>(_ node: ConfigurationNode, _ type: ScalarType<Value>, named name: String) -> Value? {
        guard case .scalar(let scalar) = node.content else {
            diagnostics.error(node.place, "`\(name)`: expected a single value, not \(node.kind)")
            return nil
        }
        do {
            let directory = node.place.file.lastIndex(of: "/").map { String(node.place.file[...$0]) } ?? "."
            let text = try expansion.expand(scalar.text, directory: directory)
            return try type.read(
                ScalarValue(
                    text: text,
                    isQuoted: scalar.isQuoted,
                    isExpanded: text != scalar.text,
                    shown: scalar.text,
                    directory: directory
                )
            )
        } catch let wrong as WrongValue {
            diagnostics.error(node.place, "`\(name)`: \(wrong.message)")
        } catch let failure as TextExpansion.Failure {
            diagnostics.error(node.place, "`\(name)`: \(failure.message)")
        } catch {
            diagnostics.error(node.place, "`\(name)`: \(error)")
        }
        return nil
    }
}

/// One mapping. Ask for its keys, then call `finish()`.
final class MappingReader {
    /// Dotted path from the root; empty at the root.
    let path: String
    let place: ConfigurationPlace
    let context: ReadingContext
    private let entries: [ConfigurationNode.Entry]
    private var asked: [String] = []

    init(_ entries: [ConfigurationNode.Entry], path: String, place: ConfigurationPlace, context: ReadingContext) {
        self.entries = entries
        self.path = path
        self.place = place
        self.context = context
        for entry in entries { context.places[dotted(entry.key)] = self.place(of: entry.key) }
    }

    /// The keys that are there, in order, with their values.
    var all: [ConfigurationNode.Entry] { entries }

    func error(_ message: String) {
        context.diagnostics.error(place, message)
    }

    /// Where people look for `key`: its value, or the key itself where the value is a mapping or nothing; where the key
    /// is absent, this mapping.
    func place(of key: String) -> ConfigurationPlace {
        guard let entry = entries.first(where: { $0.key == key }) else { return place }
        switch entry.value.content {
        case .scalar, .sequence: return entry.value.place
        case .mapping, .empty: return entry.keyPlace
        }
    }

    /// The value of `key`; nil where it is absent or empty. From now on the key is a known one.
    func node(_ key: String) -> ConfigurationNode? {
        if !asked.contains(key) { asked.append(key) }
        guard let value = entries.first(where: { $0.key == key })?.value else { return nil }
        if case .empty = value.content { return nil }
        return value
    }

    /// Whether the key has a value, right or wrong.
    func isGiven(_ key: String) -> Bool { node(key) != nil }

    /// Whether the key has no value, or a list without elements.
    func isEmpty(_ key: String) -> Bool {
        guard let node = node(key) else { return true }
        if case .sequence(let elements) = node.content { return elements.isEmpty }
        return false
    }

    func scalar<Value>(_ key: String, _ type: ScalarType<Value>) -> Value? {
        node(key).flatMap { context.scalar($0, type, named: key) }
    }

    /// Leaves `target` alone where the key is absent or wrong.
    func read<Value>(_ key: String, _ type: ScalarType<Value>, into target: inout Value) {
        if let value = scalar(key, type) { target = value }
    }

    func read<Value>(_ key: String, _ type: ScalarType<Value>, into target: inout Value?) {
        if let value = scalar(key, type) { target = value }
    }

    /// A list, or a single value for a list of one; nil where the key is absent.
    func list<Value>(_ key: String, _ type: ScalarType<Value>, countMax: Int = 1000) -> [Value]? {
        guard let node = node(key) else { return nil }
        switch node.content {
        case .sequence(let elements):
            guard elements.count <= countMax else {
                context.diagnostics.error(node.place, "`\(key)`: more than \(countMax) values")
                return nil
            }
            return elements.compactMap { context.scalar($0, type, named: key) }
        case .scalar:
            return context.scalar(node, type, named: key).map { [$0] }
        case .mapping, .empty:
            context.diagnostics.error(node.place, "`\(key)`: expected a list, not \(node.kind)")
            return nil
        }
    }

    /// A mapping below `key`; nil where the key is absent or its value is something else.
    func mapping(_ key: String) -> MappingReader? {
        node(key).flatMap { mapping($0, named: key) }
    }

    /// The mapping that `node`, the value of `key`, is.
    func mapping(_ node: ConfigurationNode, named key: String) -> MappingReader? {
        guard case .mapping(let entries) = node.content else {
            context.diagnostics.error(node.place, "`\(key)`: expected a mapping of keys, not \(node.kind)")
            return nil
        }
        return MappingReader(entries, path: dotted(key), place: node.place, context: context)
    }

    /// The mappings below `key` that people have named themselves, in order.
    func named(_ key: String, countMax: Int) -> [(name: String, reader: MappingReader)] {
        guard let outer = mapping(key) else { return [] }
        if outer.entries.count > countMax { outer.error("`\(key)`: more than \(countMax)") }
        return outer.entries.prefix(countMax).compactMap { entry in
            let text = ScalarValue(text: entry.key, isQuoted: false, shown: entry.key, directory: "")
            do throws(WrongValue) {
                _ = try ScalarType<String>.name.read(text)
            } catch {
                context.diagnostics.error(entry.keyPlace, "`\(key)`: `\(entry.key)` is no name: \(error.message)")
                return nil
            }
            return outer.mapping(entry.value, named: entry.key).map { (entry.key, $0) }
        }
    }

    /// Reports every key that was not asked for, with the nearest one that was.
    ///
    /// - Parameter later: keys of a later version.
    func finish(later: [String] = []) {
        for entry in entries where !asked.contains(entry.key) {
            let name = path.isEmpty ? entry.key : "\(path).\(entry.key)"
            if later.contains(entry.key) {
                context.diagnostics.error(entry.keyPlace, "`\(name)` is not in this version")
            } else if entry.key == "<<" {
                context.diagnostics.error(entry.keyPlace, "merge keys (`<<`) are not read: write the keys out")
            } else {
                let hint = NearestName.hint(for: entry.key, among: asked)
                context.diagnostics.error(entry.keyPlace, "unknown key `\(name)`\(hint)")
            }
        }
    }

    private func dotted(_ key: String) -> String {
        path.isEmpty ? key : "\(path).\(key)"
    }
}
