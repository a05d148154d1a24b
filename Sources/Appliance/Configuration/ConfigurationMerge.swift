// Several files become one tree: mappings join, rules line up, and whatever is said twice is a problem.

/// Merges trees in the order in which their files are read.
struct ConfigurationMerge {
    private let diagnostics: ConfigurationDiagnostics
    private var root: [ConfigurationNode.Entry] = []
    private var rootPlace: ConfigurationPlace?

    init(diagnostics: ConfigurationDiagnostics) {
        self.diagnostics = diagnostics
    }

    /// The merged tree; `fallback` is its place where no file had content.
    func tree(fallback: ConfigurationPlace) -> (entries: [ConfigurationNode.Entry], place: ConfigurationPlace) {
        (root, rootPlace ?? fallback)
    }

    /// The same with its rules alone.
    var rulesAlone: ConfigurationMerge {
        var merge = self
        merge.root.removeAll { $0.key != "rules" }
        return merge
    }

    /// Adds a file of the whole configuration (`forebay.yaml`, `conf.d/*.yaml`).
    mutating func add(_ tree: ConfigurationNode) {
        switch tree.content {
        case .empty: return
        case .mapping(let entries):
            if rootPlace == nil { rootPlace = tree.place }
            merge(entries, into: &root, path: [])
        case .scalar, .sequence:
            diagnostics.error(tree.place, "expected keys such as `inputs:` and `rules:`, not \(tree.kind)")
        }
    }

    /// Adds a file of rules (`rules.d/*.yaml`): `rules:` with a list, or the list alone.
    mutating func addRules(_ tree: ConfigurationNode) {
        switch tree.content {
        case .sequence:
            add(
                ConfigurationNode(
                    place: tree.place,
                    content: .mapping([.init(key: "rules", keyPlace: tree.place, value: tree)])
                )
            )
        case .mapping(let entries):
            for entry in entries where entry.key != "rules" {
                diagnostics.error(
                    entry.keyPlace,
                    "`\(entry.key)` does not belong into `rules.d`: a file there has `rules:` alone; the rest goes to `conf.d`"
                )
            }
            let rules = entries.filter { $0.key == "rules" }
            add(ConfigurationNode(place: tree.place, content: .mapping(rules)))
        case .scalar, .empty: add(tree)
        }
    }

    private func merge(
        _ entries: [ConfigurationNode.Entry],
        into target: inout [ConfigurationNode.Entry],
        path: [String]
    ) {
        for entry in entries {
            guard let index = target.firstIndex(where: { $0.key == entry.key }) else {
                target.append(entry)
                continue
            }
            if case .empty = entry.value.content { continue }
            switch (target[index].value.content, entry.value.content) {
            case (.empty, _):
                target[index] = entry
            case (.sequence(let first), .sequence(let second)) where path.isEmpty && entry.key == "rules":
                target[index].value.content = .sequence(first + second)
            case (.mapping(var first), .mapping(let second)) where !isOneDefinition(path):
                merge(second, into: &first, path: path + [entry.key])
                target[index].value.content = .mapping(first)
            default:
                let name = (path + [entry.key]).joined(separator: ".")
                diagnostics.error(
                    entry.keyPlace,
                    "`\(name)` is given twice: it stands at \(target[index].keyPlace) already"
                )
            }
        }
    }

    /// An input or a hook is defined in one piece: half of it in another file would be found by nobody.
    private func isOneDefinition(_ path: [String]) -> Bool {
        path == ["inputs"] || path == ["hooks"]
    }
}
