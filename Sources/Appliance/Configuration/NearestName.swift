// The name a person most likely meant: nearest by edit distance.

enum NearestName {
    /// Names longer than this are not compared: a typing error is made in a word, not in a page.
    private static let lengthMax = 64

    /// The candidate that takes the fewest edits (insert, delete, replace, swap of neighbours) to become `name`, without
    /// regard to case and to `-` against `_`; nil where even that one is a different word. Of equals, the first.
    static func to(_ name: String, among candidates: some Sequence<String>) -> String? {
        let wanted = folded(name)
        guard !wanted.isEmpty, wanted.count <= lengthMax else { return nil }
        let editsMax = max(1, min(3, wanted.count / 3))
        var best: (name: String, edits: Int)?
        for candidate in candidates {
            let other = folded(candidate)
            guard other.count <= lengthMax, abs(other.count - wanted.count) <= editsMax else { continue }
            let edits = distance(wanted, other)
            if edits <= editsMax, edits < best?.edits ?? Int.max { best = (candidate, edits) }
        }
        return best?.name
    }

    /// `; did you mean `x`?`, or a list of what there is where nothing is near.
    static func hint(for name: String, among candidates: [String]) -> String {
        if let nearest = to(name, among: candidates) { return "; did you mean `\(nearest)`?" }
        guard !candidates.isEmpty, candidates.count <= 24 else { return "" }
        return "; there is \(candidates.map { "`\($0)`" }.joined(separator: ", "))"
    }

    private static func folded(_ name: String) -> [UInt8] {
        name.lowercased().utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
    }

    /// Optimal string alignment distance, two rows back.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for (row, leftByte) in left.enumerated() {
            var current = [row + 1]
            for (column, rightByte) in right.enumerated() {
                let replaced = last[column] + (leftByte == rightByte ? 0 : 1)
                var edits = min(replaced, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, leftByte == right[column - 1], left[row - 1] == rightByte {
                    edits = min(edits, beforeLast[column - 1] + 1)
                }
                current.append(edits)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
