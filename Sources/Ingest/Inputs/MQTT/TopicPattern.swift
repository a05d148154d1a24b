// Topic patterns: what to subscribe to, and which part of a topic names the device, the metric and labels.

/// A pattern that cannot be compiled, with the reason in words for the configuration's author.
package struct TopicPatternError: Error, Hashable, Sendable, CustomStringConvertible {
    package var pattern: String
    package var reason: String

    package var description: String { "topic pattern \"\(pattern)\": \(reason)" }
}

/// A pattern such as `plant/{line}/{device}/{metric}` or `zigbee2mqtt/{device...}`, compiled once.
///
/// A level is literal, or `+`, or wholly a capture `{name}`; `{name...}` takes one or more levels, anywhere, and `#` takes
/// the rest. At most one level spans several. `device` and `metric` are captured for those purposes, every other name
/// becomes a label. `$share/GROUP/` before a pattern subscribes with others who share its messages (MQTT 5, section
/// 4.8.2); topics do not have it. Immutable.
package struct TopicPattern: Sendable {
    /// A device, a metric and every label of an event stand in bounded storage; see `TopicLabels`.
    package static let labelsMax = 8
    /// MQTT's own limit for a topic (section 1.5.4), which bounds a pattern too.
    package static let bytesMax = 65_535

    fileprivate enum Level: Sendable, Equatable {
        case literal(start: Int, end: Int)
        case one(Target)
        /// One or more levels.
        case several(Target)
        /// `#`: any number of levels, the parent's own included (section 4.7.1.2).
        case rest
    }

    fileprivate enum Target: Sendable, Equatable {
        case nothing
        case device
        case metric
        case label(Int)
    }

    /// As it was written.
    package let text: String
    /// What the broker is asked for, e.g. `plant/+/+/+`.
    package let filter: String
    /// Names of the labels, in the order in which `TopicCaptures.labels` has their places.
    package let labelNames: [String]
    private let bytes: [UInt8]
    private let levels: [Level]
    private let spanningIndex: Int?

    package init(_ text: String) throws(TopicPatternError) {
        var compiler = TopicPatternCompiler(text)
        try compiler.compile()
        self.text = text
        filter = compiler.share + compiler.filter.joined(separator: "/")
        labelNames = compiler.labelNames
        bytes = Array(compiler.text.utf8)
        levels = compiler.levels
        spanningIndex = compiler.spanningIndex
    }

    /// Whether `topic` follows the pattern; if so, `captures` holds the places of its parts in `topic`.
    ///
    /// Steps in proportion to the topic's length; no allocation. A topic that begins with `$` needs a literal first level.
    package func matches(_ topic: UnsafeRawBufferPointer, captures: inout TopicCaptures) -> Bool {
        captures = TopicCaptures()
        guard topic.count <= TopicPattern.bytesMax, !topic.isEmpty else { return false }
        if topic[0] == UInt8(ascii: "$"), let first = levels.first {
            guard case .literal = first else { return false }
        }
        var topicLevels = 1
        for byte in topic where byte == UInt8(ascii: "/") { topicLevels += 1 }
        let spanned = topicLevels - (levels.count - 1)
        if let spanningIndex {
            guard spanned >= (levels[spanningIndex] == .rest ? 0 : 1) else { return false }
        } else if spanned != 1 {
            return false
        }
        var at = 0
        for (index, level) in levels.enumerated() {
            let start = at
            let end = TopicPattern.end(of: index == spanningIndex ? spanned : 1, levelsFrom: at, in: topic)
            guard take(level, topic, start, end, &captures) else { return false }
            at = end + 1
        }
        return true
    }

    private func take(
        _ level: Level,
        _ topic: UnsafeRawBufferPointer,
        _ start: Int,
        _ end: Int,
        _ captures: inout TopicCaptures
    ) -> Bool {
        switch level {
        case .literal(let from, let to):
            guard to - from == end - start else { return false }
            for offset in 0..<(to - from) where bytes[from + offset] != topic[start + offset] { return false }
            return true
        case .one(let target), .several(let target):
            let range = TopicRange(start: start, count: end - start)
            switch target {
            case .nothing: break
            case .device: captures.device = range
            case .metric: captures.metric = range
            case .label(let index): captures.labels[index] = range
            }
            return true
        case .rest:
            return true
        }
    }

    /// The end of `count` levels that begin at `start`; of no level, `start - 1`, so that the next one begins at `start`.
    private static func end(of count: Int, levelsFrom start: Int, in topic: UnsafeRawBufferPointer) -> Int {
        var left = count
        var at = start
        guard left > 0 else { return start - 1 }
        while at < topic.count {
            if topic[at] == UInt8(ascii: "/") {
                left -= 1
                if left == 0 { return at }
            }
            at += 1
        }
        return topic.count
    }
}

/// A part of a topic: offset and length in bytes.
package struct TopicRange: BitwiseCopyable, Hashable, Sendable {
    package var start: UInt16
    package var count: UInt16

    fileprivate static let none = TopicRange(start: 0, count: 0)

    fileprivate init(start: Int, count: Int) {
        self.start = UInt16(clamping: start)
        self.count = UInt16(clamping: count)
    }

    /// The bytes of this part in the topic that was matched; nothing where it does not lie inside of `topic`.
    package func bytes(of topic: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let end = Int(start) + Int(count)
        guard end <= topic.count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: topic[Int(start)..<end])
    }
}

/// Where the captures of one topic lie. Labels are in the order of the pattern's `labelNames`.
package struct TopicCaptures: Sendable {
    package var device: TopicRange?
    package var metric: TopicRange?
    package var labels: InlineArray<8, TopicRange> = InlineArray(repeating: .none)

    package init() {}
}

/// Compiles one pattern level by level; used up by it.
private struct TopicPatternCompiler {
    /// What topics are compared with.
    let text: String
    /// `$share/GROUP/`, or nothing.
    let share: String
    private(set) var levels: [TopicPattern.Level] = []
    private(set) var filter: [String] = []
    private(set) var labelNames: [String] = []
    private(set) var spanningIndex: Int?
    private var names: Set<String> = []

    init(_ pattern: String) {
        let parts = pattern.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        let isShared = parts.count == 3 && parts[0] == "$share"
        share = isShared ? "$share/\(parts[1])/" : ""
        text = isShared ? String(parts[2]) : pattern
    }

    mutating func compile() throws(TopicPatternError) {
        guard !share.contains(where: { "+#{}".contains($0) }), share != "$share//" else {
            throw failure("the name of a share is a plain word")
        }
        guard !text.isEmpty else { throw failure("it is empty") }
        guard share.utf8.count + text.utf8.count <= TopicPattern.bytesMax else {
            throw failure("it is longer than a topic may be")
        }
        guard !share.utf8.contains(0), !text.utf8.contains(0) else { throw failure("it has a NUL byte") }
        var start = 0
        for part in text.split(separator: "/", omittingEmptySubsequences: false) {
            if levels.last == .rest { throw failure("\"#\" must be the last level") }
            try add(String(part), start: start)
            start += part.utf8.count + 1
        }
    }

    private mutating func add(_ part: String, start: Int) throws(TopicPatternError) {
        switch part {
        case "+":
            append(.one(.nothing))
        case "#":
            try appendSpanning(.rest)
        case _ where part.hasPrefix("{") && part.hasSuffix("}"):
            try addCapture(String(part.dropFirst().dropLast()))
        case _ where part.contains("{") || part.contains("}"):
            throw failure("a capture takes a whole level: \"{name}\", not \"\(part)\"")
        case _ where part.contains("+") || part.contains("#"):
            throw failure("a wildcard takes a whole level, not \"\(part)\"")
        default:
            append(.literal(start: start, end: start + part.utf8.count), part)
        }
    }

    private mutating func addCapture(_ inside: String) throws(TopicPatternError) {
        let spans = inside.hasSuffix("...")
        let name = spans ? String(inside.dropLast(3)) : inside
        let isWord = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isWord, !name.isEmpty else {
            throw failure("a capture's name has letters, digits and \"_\": \"{\(inside)}\" has not")
        }
        guard names.insert(name).inserted else { throw failure("\"{\(name)}\" stands there twice") }
        let target: TopicPattern.Target
        switch name {
        case "device": target = .device
        case "metric": target = .metric
        default:
            guard labelNames.count < TopicPattern.labelsMax else {
                throw failure("it has more than \(TopicPattern.labelsMax) labels")
            }
            target = .label(labelNames.count)
            labelNames.append(name)
        }
        if spans { try appendSpanning(.several(target)) } else { append(.one(target)) }
    }

    private mutating func appendSpanning(_ level: TopicPattern.Level) throws(TopicPatternError) {
        guard spanningIndex == nil else { throw failure("only one level may span several") }
        spanningIndex = levels.count
        levels.append(level)
        filter.append("#")
    }

    private mutating func append(_ level: TopicPattern.Level, _ text: String = "+") {
        levels.append(level)
        // MQTT knows `#` only at the end: what follows a spanning level is compared here, not by the broker.
        if spanningIndex == nil { filter.append(text) }
    }

    private func failure(_ reason: String) -> TopicPatternError {
        TopicPatternError(pattern: share + text, reason: reason)
    }
}
