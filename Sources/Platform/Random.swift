// Randomness as a parameter: a seeded generator that a test can repeat.

/// SplitMix64: small, fast, good enough for jitter, hash seeds and simulations; never for secrets.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Exponential back-off with full jitter: each wait is uniform in half to all of a doubling ceiling.
package struct Backoff: Sendable {
    private let first: Duration
    private let longest: Duration
    private var ceiling: Duration
    private var generator: SeededGenerator

    package init(first: Duration, longest: Duration, seed: UInt64) {
        self.first = first
        self.longest = longest
        ceiling = first
        generator = SeededGenerator(seed: seed)
    }

    /// The time to wait before the next attempt; each call without a `reset()` doubles the ceiling.
    package mutating func next() -> Duration {
        let nanoseconds = max(1, ceiling.wholeNanoseconds)
        let wait = Int64.random(in: nanoseconds / 2...nanoseconds, using: &generator)
        ceiling = min(longest, ceiling * 2)
        return .nanoseconds(wait)
    }

    package mutating func reset() {
        ceiling = first
    }
}

/// A number that nobody can guess, for hash seeds and jitter, from the system's generator.
package func randomSeed() -> UInt64 {
    UInt64.random(in: .min ... .max)
}

/// Bytes that nobody can guess, for salts, nonces and keys, from the system's generator.
package func randomBytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
}
