// The words and signs of an expression.
internal import Platform

struct ExpressionToken: Hashable {
    enum Kind: Hashable {
        case number(Double)
        case duration(Duration)
        /// A name, or a word such as `and`.
        case name(String)
        /// A name in backquotes: a metric, whatever is in it.
        case metric(String)
        /// In double quotes: a state.
        case state(String)
        case sign(String)
        case end
    }

    var kind: Kind
    /// Characters from the start of the text.
    var position: Int

    /// As a mistake names it.
    var words: String {
        switch kind {
        case .number(let value): "`\(RuleText.number(value))`"
        case .duration(let value): "`\(RuleText.duration(milliseconds: value.wholeMilliseconds))`"
        case .name(let name), .metric(let name): "`\(name)`"
        case .state(let state): "`\"\(state)\"`"
        case .sign(let sign): "`\(sign)`"
        case .end: "the end"
        }
    }
}

/// Takes a text apart. Total: a character that belongs nowhere is an error.
struct ExpressionLexer {
    private static let signs = [">=", "<=", "==", "!=", ">", "<", "+", "-", "*", "/", "(", ")", ","]
    private static let units: [String: Int64] = [
        "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000,
    ]

    private let characters: [Character]
    private var at = 0

    init(_ source: String) {
        characters = Array(source)
    }

    mutating func next() throws(ExpressionError) -> ExpressionToken {
        while at < characters.count, characters[at].isWhitespace { at += 1 }
        let start = at
        guard at < characters.count else { return ExpressionToken(kind: .end, position: start) }
        let first = characters[at]
        let kind: ExpressionToken.Kind
        if first.isASCII, first.isNumber || first == "." {
            kind = try number()
        } else if first.isLetter || first == "_" {
            kind = .name(take { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." })
        } else if first == "`" {
            kind = .metric(try quoted("`"))
        } else if first == "\"" {
            kind = .state(try quoted("\""))
        } else {
            kind = .sign(try sign())
        }
        return ExpressionToken(kind: kind, position: start)
    }

    private mutating func take(_ belongs: (Character) -> Bool) -> String {
        let start = at
        while at < characters.count, belongs(characters[at]) { at += 1 }
        return String(characters[start..<at])
    }

    /// `12`, `0.5`, `1e-3`; with a unit of time behind it, `5m`, a duration.
    private mutating func number() throws(ExpressionError) -> ExpressionToken.Kind {
        let start = at
        var text = take { $0.isASCII && ($0.isNumber || $0 == ".") }
        if at < characters.count, characters[at] == "e" || characters[at] == "E" {
            at += 1
            text += "e"
            if at < characters.count, characters[at] == "-" || characters[at] == "+" {
                text.append(characters[at])
                at += 1
            }
            text += take { $0.isASCII && $0.isNumber }
        }
        let unit = take { $0.isLetter }
        guard let value = Double(text), value.isFinite else {
            throw ExpressionError(position: start, message: "`\(text)\(unit)` is no number")
        }
        guard !unit.isEmpty else { return .number(value) }
        guard let size = ExpressionLexer.units[unit], let count = Int64(text),
            case (let milliseconds, false) = count.multipliedReportingOverflow(by: size)
        else {
            throw ExpressionError(
                position: start,
                message: "`\(text)\(unit)` is neither a number nor a duration such as `30s`, `5m`, `1h`"
            )
        }
        return .duration(.milliseconds(milliseconds))
    }

    private mutating func quoted(_ mark: Character) throws(ExpressionError) -> String {
        let start = at
        at += 1
        let text = take { $0 != mark }
        guard at < characters.count, !text.isEmpty else {
            throw ExpressionError(
                position: start,
                message: text.isEmpty ? "nothing stands between the quotes" : "the quote is never closed"
            )
        }
        at += 1
        return text
    }

    private mutating func sign() throws(ExpressionError) -> String {
        for sign in ExpressionLexer.signs
        where characters.count - at >= sign.count && String(characters[at..<at + sign.count]) == sign {
            at += sign.count
            return sign
        }
        throw ExpressionError(position: at, message: "`\(characters[at])` belongs to no expression")
    }
}
