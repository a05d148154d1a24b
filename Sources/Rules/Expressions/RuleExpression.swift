// Conditions over several metrics of one device: `avg(temperature, 5m) - avg(setpoint, 5m) > 4 and door == false`.
internal import Platform

/// One metric that an expression reads.
package struct ExpressionTerm: Hashable, Sendable {
    package var metric: String
    package var signal: RuleSignal
    /// Its states, not its numbers.
    package var isState: Bool
}

/// An expression, parsed. Immutable; equal texts are equal expressions.
package struct RuleExpression: Hashable, Sendable {
    package let source: String
    /// Each once, in the order in which they first appear; 1 to `RuleLimits.expressionTermsMax`.
    package let terms: [ExpressionTerm]
    let root: ExpressionNode
    let shown: ShownComparison

    /// Throws where the text is no condition, with the place of the mistake.
    package init(_ source: String) throws(ExpressionError) {
        var parser = ExpressionParser(source)
        (root, terms) = try parser.condition()
        self.source = source
        shown = ShownComparison(root)
    }

    /// Three-valued: nil where what is not known decides. `value`: of a term, nil where it is not known.
    func holds(_ value: (Int) -> Double?) -> Bool? { root.holds(value) }
}

/// Why a text is no expression.
package struct ExpressionError: Error, Hashable, Sendable {
    /// Characters from the start of the text, from 0.
    package var position: Int
    package var message: String
    /// What could have stood there; empty where that is no list.
    package var validNames: [String] = []
}

/// A part of an expression: a number or a truth.
indirect enum ExpressionNode: Hashable, Sendable {
    enum Arithmetic: Hashable, Sendable { case add, subtract, multiply, divide }
    enum Comparison: Hashable, Sendable { case above, notBelow, below, notAbove, equal, notEqual }

    case number(Double)
    case term(Int)
    case arithmetic(Arithmetic, ExpressionNode, ExpressionNode)
    case absolute(ExpressionNode)

    case compare(Comparison, ExpressionNode, ExpressionNode)
    case and(ExpressionNode, ExpressionNode)
    case or(ExpressionNode, ExpressionNode)
    case not(ExpressionNode)

    var isCondition: Bool {
        switch self {
        case .number, .term, .arithmetic, .absolute: false
        case .compare, .and, .or, .not: true
        }
    }

    /// With other numbers for its terms.
    func renumbered(_ numbers: [Int]) -> ExpressionNode {
        switch self {
        case .number: self
        case .term(let place): .term(numbers[place])
        case .absolute(let inner): .absolute(inner.renumbered(numbers))
        case .not(let inner): .not(inner.renumbered(numbers))
        case .arithmetic(let operation, let left, let right):
            .arithmetic(operation, left.renumbered(numbers), right.renumbered(numbers))
        case .compare(let comparison, let left, let right):
            .compare(comparison, left.renumbered(numbers), right.renumbered(numbers))
        case .and(let left, let right): .and(left.renumbered(numbers), right.renumbered(numbers))
        case .or(let left, let right): .or(left.renumbered(numbers), right.renumbered(numbers))
        }
    }

    /// nil where it is not known, or no finite number.
    func number(_ value: (Int) -> Double?) -> Double? {
        switch self {
        case .number(let number): return number
        case .term(let index): return value(index)
        case .absolute(let inner): return inner.number(value)?.magnitude
        case .arithmetic(let operation, let left, let right):
            guard let left = left.number(value), let right = right.number(value) else { return nil }
            let result =
                switch operation {
                case .add: left + right
                case .subtract: left - right
                case .multiply: left * right
                case .divide: left / right
                }
            return result.isFinite ? result : nil
        case .compare, .and, .or, .not: return nil
        }
    }

    func holds(_ value: (Int) -> Double?) -> Bool? {
        switch self {
        case .number, .term, .arithmetic, .absolute: return nil
        case .not(let inner): return inner.holds(value).map { !$0 }
        case .and(let left, let right):
            let (left, right) = (left.holds(value), right.holds(value))
            if left == false || right == false { return false }
            return left == nil || right == nil ? nil : true
        case .or(let left, let right):
            let (left, right) = (left.holds(value), right.holds(value))
            if left == true || right == true { return true }
            return left == nil || right == nil ? nil : false
        case .compare(let comparison, let left, let right):
            guard let left = left.number(value), let right = right.number(value) else { return nil }
            return switch comparison {
            case .above: left > right
            case .notBelow: left >= right
            case .below: left < right
            case .notAbove: left <= right
            case .equal: left == right
            case .notEqual: left != right
            }
        }
    }
}

/// What an alert says of an expression: the first comparison of numbers in it, as a value and its limit.
struct ShownComparison: Hashable, Sendable {
    /// What stands for the value; nil where the expression looks at states only.
    let value: ExpressionNode?
    let limit: Double
    /// Whether a smaller value is a worse one.
    let isLow: Bool

    init(_ root: ExpressionNode) {
        guard case .compare(let comparison, let left, let right)? = ShownComparison.first(root) else {
            (value, limit, isLow) = (nil, 1, false)
            return
        }
        isLow = comparison == .below || comparison == .notAbove
        if case .number(let number) = right {
            (value, limit) = (left, number)
        } else {
            (value, limit) = (.arithmetic(.subtract, left, right), 0)
        }
    }

    /// States are compared for being equal, numbers hardly ever.
    private static func first(_ node: ExpressionNode) -> ExpressionNode? {
        switch node {
        case .number, .term, .arithmetic, .absolute: nil
        case .compare(let comparison, _, _): comparison == .equal || comparison == .notEqual ? nil : node
        case .and(let left, let right), .or(let left, let right): first(left) ?? first(right)
        case .not(let inner): first(inner)
        }
    }
}
