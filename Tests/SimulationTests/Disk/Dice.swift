// All chance of one seed: a generator with the questions that a simulation asks.
import Platform

struct Dice {
    private var generator: SeededGenerator

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    /// An independent stream: what draws from it disturbs nobody else's.
    mutating func split() -> Dice { Dice(seed: generator.next()) }

    mutating func number() -> UInt64 { generator.next() }

    /// 0 to `count - 1`; 0 where `count` is not positive.
    mutating func below(_ count: Int) -> Int {
        count > 0 ? Int(generator.next() % UInt64(count)) : 0
    }

    mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.upperBound - range.lowerBound + 1)
    }

    /// True in `count` of `total` cases.
    mutating func chance(_ count: Int, in total: Int) -> Bool { below(total) < count }
}
