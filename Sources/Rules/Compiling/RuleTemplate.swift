// Templates of summaries: `{{device}} {{value|1}} {{unit}}, limit {{threshold}}`, compiled when rules are loaded.

/// What may stand between two pairs of braces.
package enum TemplatePlaceholder: Hashable, Sendable {
    case alert, severity, state, device, name, location, box, metric, value, unit, threshold, peak, condition
    case since, at, firedAt, resolvedAt, lastSeen, activeFor, holdFor, fingerprint, runbook, samples
    /// `{{labels.line}}`: one label of the alert, empty where it has none of that name.
    case label(String)

    /// Names as they are written; `labels.NAME` stands beside them.
    package static let names: [(name: String, placeholder: TemplatePlaceholder)] = [
        ("alert", .alert), ("severity", .severity), ("state", .state), ("device", .device), ("name", .name),
        ("location", .location), ("box", .box), ("metric", .metric), ("value", .value), ("unit", .unit),
        ("threshold", .threshold), ("peak", .peak), ("condition", .condition), ("since", .since), ("at", .at),
        ("fired_at", .firedAt), ("resolved_at", .resolvedAt), ("last_seen", .lastSeen), ("active_for", .activeFor),
        ("for", .holdFor), ("fingerprint", .fingerprint), ("runbook", .runbook), ("samples", .samples),
    ]

    /// Whether `|DIGITS` may follow.
    fileprivate var isNumber: Bool {
        switch self {
        case .value, .threshold, .peak: true
        default: false
        }
    }

    fileprivate init?(text: Substring) {
        if text.hasPrefix("labels."), text.count > "labels.".count {
            self = .label(String(text.dropFirst("labels.".count)))
            return
        }
        guard let found = TemplatePlaceholder.names.first(where: { $0.name == text }) else { return nil }
        self = found.placeholder
    }
}

/// Why a template cannot be used.
package struct TemplateError: Error, Hashable, Sendable {
    /// Characters from the start of the template, from 0.
    package var position: Int
    package var message: String
    /// The placeholder that is unknown; nil where the text is wrong in another way.
    package var unknownName: String?
    /// What could have stood there.
    package var validNames: [String]
}

/// A template, ready to be filled in. Immutable.
package struct RuleTemplate: Hashable, Sendable {
    private enum Part: Hashable, Sendable {
        case text(String)
        case placeholder(TemplatePlaceholder, digits: Int?)
    }

    package let source: String
    private let parts: [Part]

    /// Digits after the point that `|DIGITS` may ask for.
    private static let digitsMax = 9

    package init(_ source: String) throws(TemplateError) {
        self.source = source
        var parts: [Part] = []
        var rest = Substring(source)
        while let open = rest.firstRange(of: "{{") {
            if open.lowerBound > rest.startIndex { parts.append(.text(String(rest[..<open.lowerBound]))) }
            let position = source.distance(from: source.startIndex, to: open.lowerBound)
            guard let close = rest[open.upperBound...].firstRange(of: "}}") else {
                throw TemplateError(position: position, message: "`{{` is never closed with `}}`", validNames: [])
            }
            parts.append(try RuleTemplate.placeholder(rest[open.upperBound..<close.lowerBound], position: position))
            rest = rest[close.upperBound...]
        }
        if !rest.isEmpty { parts.append(.text(String(rest))) }
        self.parts = parts
    }

    /// The template with every placeholder replaced by what `text` answers for it; `digits` is what `|DIGITS` asks for.
    package func filled(_ text: (TemplatePlaceholder, _ digits: Int?) -> String) -> String {
        parts.reduce(into: "") { result, part in
            switch part {
            case .text(let literal): result += literal
            case .placeholder(let placeholder, let digits): result += text(placeholder, digits)
            }
        }
    }

    private static func placeholder(_ inside: Substring, position: Int) throws(TemplateError) -> Part {
        let pieces = inside.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
        let name = trimmed(pieces.first ?? "")
        guard let placeholder = TemplatePlaceholder(text: name) else {
            throw TemplateError(
                position: position,
                message: "`{{\(name)}}` is not known",
                unknownName: String(name),
                validNames: TemplatePlaceholder.names.map(\.name) + ["labels.NAME"]
            )
        }
        guard pieces.count == 2 else { return .placeholder(placeholder, digits: nil) }
        guard placeholder.isNumber else {
            throw TemplateError(
                position: position,
                message: "`{{\(name)}}` is no number: it takes no digits",
                validNames: []
            )
        }
        guard let digits = Int(trimmed(pieces[1])), (0...digitsMax).contains(digits) else {
            throw TemplateError(
                position: position,
                message: "after `|` stands the count of digits behind the point, 0 to \(digitsMax)",
                validNames: []
            )
        }
        return .placeholder(placeholder, digits: digits)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}

extension Substring {
    /// The first occurrence of `mark`; what `firstRange` of a later standard library does for any collection.
    fileprivate func firstRange(of mark: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(mark) { return start..<index(start, offsetBy: mark.count) }
            start = index(after: start)
        }
        return nil
    }
}
