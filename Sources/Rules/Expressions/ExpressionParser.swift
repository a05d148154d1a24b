// Parses expressions by recursive descent: `or`, `and`, `not`, one comparison, sums, products, terms.
internal import Platform

/// Grammar, from the loosest to the tightest:
///
///     condition  = conjunction { "or" conjunction }
///     conjunction = negation { "and" negation }
///     negation   = "not" negation | comparison
///     comparison = sum [ (">" | ">=" | "<" | "<=" | "==" | "!=") (sum | state) ]
///     sum        = product { ("+" | "-") product }
///     product    = factor { ("*" | "/") factor }
///     factor     = "-" factor | number | "(" condition ")" | "abs" "(" sum ")" | term
///     term       = metric | aggregate "(" metric [ "," duration [ "," duration ] ] ")"
///     state      = "true" | "false" | '"' text '"'
struct ExpressionParser {
    /// One for each place where a term stands.
    private var places: [ExpressionTerm] = []
    private var lexer: ExpressionLexer
    private var token = ExpressionToken(kind: .end, position: 0)
    private var depth = 0
    private var nodes = 0

    private static let comparisons: [String: ExpressionNode.Comparison] = [
        ">": .above, ">=": .notBelow, "<": .below, "<=": .notAbove, "==": .equal, "!=": .notEqual,
    ]

    init(_ source: String) {
        lexer = ExpressionLexer(source)
    }

    /// The whole text, and its terms: each once, in the order in which they first appear.
    mutating func condition() throws(ExpressionError) -> (root: ExpressionNode, terms: [ExpressionTerm]) {
        try advance()
        let start = token
        let node = try alternatives()
        guard token.kind == .end else { throw mistake("\(token.words) is left over") }
        guard node.isCondition else {
            throw mistake("this is a number: compare it with one, as in `... > 4`", at: start.position)
        }
        var terms: [ExpressionTerm] = []
        for term in places where !terms.contains(term) { terms.append(term) }
        guard (1...RuleLimits.expressionTermsMax).contains(terms.count) else {
            let most = "more than \(RuleLimits.expressionTermsMax) metrics or aggregates"
            throw mistake(terms.isEmpty ? "this looks at no metric" : most, at: start.position)
        }
        let numbers = places.map { terms.firstIndex(of: $0) ?? 0 }
        return (node.renumbered(numbers), terms)
    }

    private mutating func alternatives() throws(ExpressionError) -> ExpressionNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= RuleLimits.expressionDepthMax else { throw mistake("nested too deeply") }
        var left = try conjunction()
        while token.kind == .name("or") {
            left = try join(left, { .or($0, $1) }) { parser throws(ExpressionError) in try parser.conjunction() }
        }
        return left
    }

    private mutating func conjunction() throws(ExpressionError) -> ExpressionNode {
        var left = try negation()
        while token.kind == .name("and") {
            left = try join(left, { .and($0, $1) }) { parser throws(ExpressionError) in try parser.negation() }
        }
        return left
    }

    private mutating func join(
        _ left: ExpressionNode,
        _ make: (ExpressionNode, ExpressionNode) -> ExpressionNode,
        _ next: (inout ExpressionParser) throws(ExpressionError) -> ExpressionNode
    ) throws(ExpressionError) -> ExpressionNode {
        let position = token.position
        try advance()
        let rightStart = token.position
        let right = try next(&self)
        guard left.isCondition else { throw mistake("what stands before it is a number, no condition", at: position) }
        guard right.isCondition else { throw mistake("this is a number, no condition", at: rightStart) }
        return try counted(make(left, right))
    }

    private mutating func negation() throws(ExpressionError) -> ExpressionNode {
        var isNegated = false
        while token.kind == .name("not") {
            isNegated.toggle()
            try advance()
        }
        let start = token.position
        let inner = try comparison()
        guard isNegated else { return inner }
        guard inner.isCondition else { throw mistake("`not` stands before a condition, not a number", at: start) }
        return try counted(.not(inner))
    }

    private mutating func comparison() throws(ExpressionError) -> ExpressionNode {
        let start = token.position
        let left = try sum()
        guard case .sign(let sign) = token.kind, let comparison = ExpressionParser.comparisons[sign] else {
            return left
        }
        guard !left.isCondition else { throw mistake("a condition is compared with nothing") }
        try advance()
        if let state = stateText {
            return try compare(left, at: start, comparison, with: state)
        }
        let rightStart = token.position
        let right = try sum()
        guard !right.isCondition else { throw mistake("a number is compared with a number", at: rightStart) }
        return try counted(.compare(comparison, left, right))
    }

    private var stateText: String? {
        switch token.kind {
        case .state(let text): text
        case .name("true"): "true"
        case .name("false"): "false"
        default: nil
        }
    }

    private mutating func compare(
        _ left: ExpressionNode,
        at start: Int,
        _ comparison: ExpressionNode.Comparison,
        with state: String
    ) throws(ExpressionError) -> ExpressionNode {
        guard comparison == .equal || comparison == .notEqual else {
            throw mistake("a state is compared with `==` or `!=`")
        }
        guard case .term(let place) = left, places[place].signal.aggregate == .last else {
            throw mistake("only a metric itself, or `last(...)` of it, can be a state", at: start)
        }
        try advance()
        places[place].isState = true
        return try counted(.compare(comparison, left, .number(StateValue.of(state))))
    }

    private mutating func sum() throws(ExpressionError) -> ExpressionNode {
        var left = try product()
        while case .sign(let sign) = token.kind, sign == "+" || sign == "-" {
            left = try calculate(left, sign == "+" ? .add : .subtract) { parser throws(ExpressionError) in
                try parser.product()
            }
        }
        return left
    }

    private mutating func product() throws(ExpressionError) -> ExpressionNode {
        var left = try factor()
        while case .sign(let sign) = token.kind, sign == "*" || sign == "/" {
            left = try calculate(left, sign == "*" ? .multiply : .divide) { parser throws(ExpressionError) in
                try parser.factor()
            }
        }
        return left
    }

    private mutating func calculate(
        _ left: ExpressionNode,
        _ operation: ExpressionNode.Arithmetic,
        _ next: (inout ExpressionParser) throws(ExpressionError) -> ExpressionNode
    ) throws(ExpressionError) -> ExpressionNode {
        let position = token.position
        try advance()
        let right = try next(&self)
        guard !left.isCondition, !right.isCondition else {
            throw mistake("only numbers are calculated with", at: position)
        }
        return try counted(.arithmetic(operation, left, right))
    }

    private mutating func factor() throws(ExpressionError) -> ExpressionNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= RuleLimits.expressionDepthMax else { throw mistake("nested too deeply") }
        switch token.kind {
        case .number(let value):
            try advance()
            return try counted(.number(value))
        case .sign("-"):
            let position = token.position
            try advance()
            let inner = try factor()
            guard !inner.isCondition else { throw mistake("only numbers are calculated with", at: position) }
            if case .number(let value) = inner { return .number(-value) }
            return try counted(.arithmetic(.subtract, .number(0), inner))
        case .sign("("):
            try advance()
            let inner = try alternatives()
            try expect(")")
            return inner
        case .metric(let name):
            try advance()
            return try reading(ExpressionTerm(metric: name, signal: .reading, isState: false))
        case .name(let name): return try named(name)
        case .duration, .state, .sign, .end:
            throw mistake("a number or a metric should stand here, not \(token.words)")
        }
    }

    /// A metric, or a function that is called.
    private mutating func named(_ name: String) throws(ExpressionError) -> ExpressionNode {
        let position = token.position
        guard !["and", "or", "not", "true", "false"].contains(name) else {
            throw mistake("a number or a metric should stand here, not `\(name)`")
        }
        try advance()
        guard token.kind == .sign("(") else {
            return try reading(ExpressionTerm(metric: name, signal: .reading, isState: false))
        }
        try advance()
        if name == "abs" {
            let inner = try sum()
            guard !inner.isCondition else { throw mistake("`abs` takes a number", at: position) }
            try expect(")")
            return try counted(.absolute(inner))
        }
        guard let aggregate = RuleAggregate(rawValue: name) else {
            throw ExpressionError(
                position: position,
                message: "`\(name)` is no function",
                validNames: RuleAggregate.allCases.map(\.rawValue) + ["abs"]
            )
        }
        let signal = try arguments(aggregate)
        try expect(")")
        return try reading(signal)
    }

    /// `temperature, 15m, 1h`: what stands between the parentheses of an aggregate.
    private mutating func arguments(_ aggregate: RuleAggregate) throws(ExpressionError) -> ExpressionTerm {
        let metric: String
        switch token.kind {
        case .name(let name), .metric(let name): metric = name
        default: throw mistake("`\(aggregate.rawValue)` takes the name of a metric first, not \(token.words)")
        }
        try advance()
        var signal = RuleSignal(aggregate)
        if token.kind == .sign(",") { signal.over = try duration() }
        if token.kind == .sign(","), aggregate == .rate { signal.per = try duration() }
        guard signal.over != nil || aggregate == .last else {
            throw mistake(
                "`\(aggregate.rawValue)` needs the time it is taken over: `\(aggregate.rawValue)(\(metric), 5m)`"
            )
        }
        return ExpressionTerm(metric: metric, signal: signal, isState: false)
    }

    private mutating func duration() throws(ExpressionError) -> Duration {
        try advance()
        guard case .duration(let duration) = token.kind, RuleLimits.windows.contains(duration) else {
            throw mistake("a duration from `1s` to `31d` should stand here, not \(token.words)")
        }
        try advance()
        return duration
    }

    private mutating func reading(_ term: ExpressionTerm) throws(ExpressionError) -> ExpressionNode {
        places.append(term)
        return try counted(.term(places.count - 1))
    }

    private mutating func counted(_ node: ExpressionNode) throws(ExpressionError) -> ExpressionNode {
        nodes += 1
        guard nodes <= RuleLimits.expressionNodesMax else { throw mistake("too long") }
        return node
    }

    private mutating func advance() throws(ExpressionError) {
        token = try lexer.next()
    }

    private mutating func expect(_ sign: String) throws(ExpressionError) {
        guard token.kind == .sign(sign) else { throw mistake("`\(sign)` should stand here, not \(token.words)") }
        try advance()
    }

    private func mistake(_ message: String, at position: Int? = nil) -> ExpressionError {
        ExpressionError(position: position ?? token.position, message: message)
    }
}
