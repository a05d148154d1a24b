// Writes metric families in Prometheus' text exposition format, version 0.0.4.
//
// One family: a HELP line, a TYPE line, its samples. Families come in the order in which they are written, samples
// sorted by their labels, so that the same numbers give the same bytes. Label values are escaped as the format says
// (backslash, quote, line feed); names and help texts are constants of this program.

/// The text of one scrape, as it grows.
struct PrometheusText {
    /// What the format calls an untyped number with labels in front.
    struct Sample {
        /// Label names and values, in the order in which they are written.
        var labels: KeyValuePairs<String, String>
        var value: Double

        init(_ labels: KeyValuePairs<String, String>, _ value: Double) {
            self.labels = labels
            self.value = value
        }
    }

    enum Kind: String {
        case counter, gauge
    }

    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var text = ""

    /// Writes a family; one without samples is left out whole.
    mutating func family(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        header(name, kind.rawValue, help)
        let lines = samples.map { (Self.labels($0.labels), $0.value) }.sorted { $0.0 < $1.0 }
        for (labels, value) in lines { text += "\(name)\(labels) \(Self.number(value))\n" }
    }

    /// Writes a histogram; `histogram.counts` are per bucket here and become cumulative in the text.
    mutating func histogram(_ name: String, _ help: String, _ histogram: HistogramSnapshot) {
        header(name, "histogram", help)
        var cumulative: UInt64 = 0
        for (bound, count) in zip(histogram.upperBounds, histogram.counts) {
            cumulative &+= count
            text += "\(name)_bucket{le=\"\(Self.number(bound))\"} \(cumulative)\n"
        }
        let total = cumulative &+ histogram.overflowCount
        text += "\(name)_bucket{le=\"+Inf\"} \(total)\n\(name)_sum \(Self.number(histogram.sum))\n"
        text += "\(name)_count \(total)\n"
    }

    private mutating func header(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private static func labels(_ labels: KeyValuePairs<String, String>) -> String {
        guard !labels.isEmpty else { return "" }
        return "{" + labels.map { "\($0.key)=\"\(escaped($0.value))\"" }.joined(separator: ",") + "}"
    }

    private static func escaped(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) else { return value }
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// Whole numbers without a point, as counters read best; the others in the shortest form that is exact.
    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value), abs(value) < 1e15 { return String(whole) }
        return String(value)
    }
}
