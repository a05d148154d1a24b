// What happened, as a number that two runs of one seed must share, and the end of it in words for whoever repeats one.

final class Trace {
    private static let kept = 48

    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    private(set) var count = 0
    private var last: [(what: StaticString, first: Int, second: Int)] = []

    func note(_ what: StaticString, _ first: Int = 0, _ second: Int = 0) {
        mix(UInt64(what.utf8CodeUnitCount) &+ UInt64(what.utf8Start.pointee))
        mix(UInt64(bitPattern: Int64(first)))
        mix(UInt64(bitPattern: Int64(second)))
        if last.count < Trace.kept {
            last.append((what, first, second))
        } else {
            last[count % Trace.kept] = (what, first, second)
        }
        count += 1
    }

    private func mix(_ value: UInt64) {
        hash = (hash ^ value) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 29
    }

    /// The newest notes, oldest first.
    var tail: String {
        let start = count < Trace.kept ? 0 : count % Trace.kept
        return (last[start...] + last[..<start]).map { "\($0.what) \($0.first) \($0.second)" }
            .joined(separator: "\n")
    }
}
