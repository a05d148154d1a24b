// Names of the files of one segment, as Kafka's operators expect them: the base offset in 20 digits.

struct SegmentFiles: Hashable, Sendable {
    let directory: String
    let base: Offset

    private var stem: String {
        let digits = String(base.value)
        return "\(directory)/\(String(repeating: "0", count: max(0, 20 - digits.count)))\(digits)"
    }

    var log: String { stem + ".log" }
    var offsetIndex: String { stem + ".index" }
    var timeIndex: String { stem + ".timeindex" }
    /// What is known of producers below this offset, which need not be the base of a segment.
    var producerSnapshot: String { stem + ".snapshot" }
    /// A repaired copy that is not in place yet.
    var cleaned: String { stem + ".log.cleaned" }

    /// The base offset that a file name with this ending stands for; nil for other names.
    static func base(of name: String, ending: String) -> Offset? {
        guard name.hasSuffix(ending) else { return nil }
        let digits = name.dropLast(ending.count)
        guard digits.utf8.count == 20, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let value = Int64(digits)
        else { return nil }
        return Offset(value)
    }
}
