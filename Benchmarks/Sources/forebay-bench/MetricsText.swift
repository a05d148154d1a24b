// Prometheus text, read for the few samples that the benchmarks need.
import Foundation

/// The samples of one scrape.
struct MetricsText {
    private let lines: [Substring]

    init(_ text: String) {
        lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    }

    /// The sum of all samples of `name` whose labels hold every one of `labels`, written as `key="value"`.
    func sum(_ name: String, _ labels: String...) throws -> Double {
        let found = lines.compactMap { line -> Double? in
            guard line.hasPrefix(name), let end = line.lastIndex(of: " ") else { return nil }
            let rest = line[line.index(line.startIndex, offsetBy: name.count)..<end]
            guard rest.isEmpty || rest.hasPrefix("{"), labels.allSatisfy({ rest.contains($0) }) else { return nil }
            return Double(line[line.index(after: end)...])
        }
        guard !found.isEmpty else { throw BenchError(description: "the daemon has no metric \(name) \(labels)") }
        return found.reduce(0, +)
    }

    /// As `sum`, 0 where there is no such sample: a counter by reason that never counted.
    func sumOrZero(_ name: String, _ labels: String...) -> Double {
        lines.reduce(0) { total, line in
            guard line.hasPrefix(name + "{"), labels.allSatisfy({ line.contains($0) }),
                let value = line.split(separator: " ").last.flatMap({ Double($0) })
            else { return total }
            return total + value
        }
    }

    /// The buckets of a histogram without labels: upper bound and cumulative count.
    func buckets(_ name: String) -> [(bound: Double, count: Double)] {
        lines.compactMap { line in
            guard line.hasPrefix("\(name)_bucket{"), let from = line.range(of: "le=\"")?.upperBound,
                let to = line[from...].firstIndex(of: "\""),
                let count = line.split(separator: " ").last.flatMap({ Double($0) })
            else { return nil }
            let text = line[from..<to]
            return (text == "+Inf" ? .infinity : Double(text) ?? .infinity, count)
        }
    }

    /// The smallest bucket bound below which `share` of what was observed between two scrapes lies; nil without any.
    static func percentile(
        _ share: Double,
        from before: [(bound: Double, count: Double)],
        to after: [(bound: Double, count: Double)]
    ) -> Double? {
        let differences = after.enumerated().map { index, bucket in
            (bucket.bound, bucket.count - (index < before.count ? before[index].count : 0))
        }
        guard let total = differences.last?.1, total > 0 else { return nil }
        return differences.first { $0.1 >= share * total }?.0
    }
}
