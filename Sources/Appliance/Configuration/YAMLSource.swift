// From the text of a YAML file to a tree with places; syntax errors and duplicate keys are found here.
internal import Foundation
internal import Yams

/// Reads one file's text.
struct YAMLSource {
    /// Aliases can make a small file stand for a huge tree; no honest configuration has this many values.
    private static let nodesMax = 100_000
    /// Duplicate keys reported per file before the rest of it is left unread.
    private static let duplicatesMax = 64

    private let file: String
    private let diagnostics: ConfigurationDiagnostics
    /// Stand-ins for the first character of a key that has a twin, with the key as it was.
    private var replaced: [Unicode.Scalar: String] = [:]
    private var nodes = 0

    /// - Returns: nil where the text is not YAML; why is in `diagnostics`. A file without content is `.empty`.
    static func read(
        _ text: String,
        file: String,
        diagnostics: ConfigurationDiagnostics
    ) -> ConfigurationNode? {
        var source = YAMLSource(file: file, diagnostics: diagnostics)
        guard let root = source.compose(text) else { return nil }
        guard let node = root else { return ConfigurationNode(place: source.place(nil), content: .empty) }
        let tree = source.convert(node)
        return source.nodes > nodesMax ? nil : tree
    }

    private init(file: String, diagnostics: ConfigurationDiagnostics) {
        self.file = file
        self.diagnostics = diagnostics
    }

    /// Yams gives up at the first mapping with a duplicate key. So that one run reports everything, the first of two
    /// twins gets a stand-in for its first character (of the same width, so no place moves) and the text is read again.
    private mutating func compose(_ original: String) -> Node?? {
        var scalars = Array(original.unicodeScalars)
        let used = Set(scalars)
        var standIns = (UInt32(0xE000)...0xF8FF).lazy.compactMap(Unicode.Scalar.init).filter { !used.contains($0) }
            .prefix(YAMLSource.duplicatesMax).makeIterator()
        var text = original
        while true {
            do {
                return .some(try Yams.compose(yaml: text, .default, .default, .utf8))
            } catch YamlError.duplicatedKeysInMapping(let names, let context) {
                guard let name = names.first, let standIn = standIns.next(),
                    let index = YAMLSource.index(of: context.mark, in: scalars)
                else {
                    diagnostics.error(place(context.mark), "too many duplicate keys")
                    return nil
                }
                scalars[index] = standIn
                replaced[standIn] = name
                text = String(String.UnicodeScalarView(scalars))
            } catch {
                report(error, in: scalars)
                return nil
            }
        }
    }

    /// Where the first character of the key at `mark` stands: behind its quote where it has one.
    private static func index(of mark: Mark, in scalars: [Unicode.Scalar]) -> Int? {
        var line = 1
        var index = 0
        while line < mark.line, index < scalars.count {
            let isBreak = "\n\r\u{85}\u{2028}\u{2029}".unicodeScalars.contains(scalars[index])
            if isBreak { line += 1 }
            let isPair = scalars[index] == "\r" && index + 1 < scalars.count && scalars[index + 1] == "\n"
            index += isPair ? 2 : 1
        }
        if line == 1, scalars.first == "\u{FEFF}" { index += 1 }
        index += mark.column - 1
        if index < scalars.count, scalars[index] == "\"" || scalars[index] == "'" { index += 1 }
        return index < scalars.count ? index : nil
    }

    private mutating func convert(_ node: Node) -> ConfigurationNode {
        nodes += 1
        let place = place(node.mark)
        guard nodes <= YAMLSource.nodesMax else {
            if nodes == YAMLSource.nodesMax + 1 {
                diagnostics.error(place, "more than \(YAMLSource.nodesMax) values: are there aliases of aliases?")
            }
            return ConfigurationNode(place: place, content: .empty)
        }
        switch node {
        case .scalar(let scalar):
            let isQuoted = scalar.style != .plain && scalar.style != .any
            if !isQuoted, ["", "~", "null", "Null", "NULL"].contains(scalar.string) {
                return ConfigurationNode(place: place, content: .empty)
            }
            return ConfigurationNode(place: place, content: .scalar(.init(text: scalar.string, isQuoted: isQuoted)))
        case .sequence(let sequence):
            var elements: [ConfigurationNode] = []
            for element in sequence where nodes <= YAMLSource.nodesMax { elements.append(convert(element)) }
            return ConfigurationNode(place: place, content: .sequence(elements))
        case .mapping(let mapping):
            return ConfigurationNode(place: place, content: .mapping(convert(mapping)))
        case .alias(let alias):
            diagnostics.error(place, "alias `\(alias.anchor.rawValue)` stands for nothing")
            return ConfigurationNode(place: place, content: .empty)
        }
    }

    private mutating func convert(_ mapping: Node.Mapping) -> [ConfigurationNode.Entry] {
        var entries: [ConfigurationNode.Entry] = []
        var first: [String: ConfigurationPlace] = [:]
        for (key, value) in mapping where nodes <= YAMLSource.nodesMax {
            let keyPlace = place(key.mark)
            guard let scalar = key.scalar else {
                diagnostics.error(keyPlace, "expected a key that is a word, not \(convert(key).kind)")
                continue
            }
            let name = scalar.string.unicodeScalars.first.flatMap { replaced[$0] } ?? scalar.string
            let node = convert(value)
            if let earlier = first[name] {
                diagnostics.error(keyPlace, "duplicate key `\(name)`: it stands in line \(earlier.line) already")
                continue
            }
            first[name] = keyPlace
            entries.append(ConfigurationNode.Entry(key: name, keyPlace: keyPlace, value: node))
        }
        return entries
    }

    private func place(_ mark: Mark?) -> ConfigurationPlace {
        ConfigurationPlace(file: file, line: max(1, mark?.line ?? 1), column: max(1, mark?.column ?? 1))
    }

    private func report(_ error: any Error, in scalars: [Unicode.Scalar]) {
        switch error {
        case YamlError.scanner(let context, let problem, let mark, _),
            YamlError.parser(let context, let problem, let mark, _):
            let offender = YAMLSource.index(of: mark, in: scalars).map { scalars[$0] }
            let tab = offender == "\t" ? " (YAML allows no tab here: indent with spaces)" : ""
            let opened = context.map { " \($0.text), which begins in line \($0.mark.line)" } ?? ""
            diagnostics.error(place(mark), "not YAML: \(problem)\(opened)\(tab)")
        case YamlError.composer(_, let problem, let mark, _):
            diagnostics.error(place(mark), "not YAML: \(problem)")
        case YamlError.reader(let problem, let offset, let value, let text):
            let index = offset.flatMap { text.index(text.startIndex, offsetBy: $0, limitedBy: text.endIndex) }
            let before = text[..<(index ?? text.startIndex)]
            let line = before.split(separator: "\n", omittingEmptySubsequences: false)
            let found = value > 0 ? " (U+\(String(value, radix: 16, uppercase: true)))" : ""
            diagnostics.error(
                ConfigurationPlace(
                    file: file,
                    line: max(1, line.count),
                    column: (line.last?.unicodeScalars.count ?? 0) + 1
                ),
                "not YAML: \(problem)\(found)"
            )
        default:
            diagnostics.error(place(nil), "not YAML: \(error)")
        }
    }
}
