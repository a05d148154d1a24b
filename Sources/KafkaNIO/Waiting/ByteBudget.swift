// Memory that all connections share.
internal import Synchronization

/// A number of bytes that may be taken and must be given back. Any thread.
final class ByteBudget: Sendable {
    private let free: Atomic<Int>

    init(_ bytes: Int) {
        free = Atomic(bytes)
    }

    /// What is left; below zero where more is held.
    var left: Int { free.load(ordering: .relaxed) }

    /// False where fewer than `floor` would be left; nothing is taken then.
    func take(_ bytes: Int, floor: Int = 0) -> Bool {
        guard free.subtract(bytes, ordering: .relaxed).newValue < floor else { return true }
        give(bytes)
        return false
    }

    /// Takes more than is left, but only where nobody holds more than there was: of all that wait for each other one can go on.
    func takeBeyond(_ bytes: Int) -> Bool {
        var left = free.load(ordering: .relaxed)
        while left >= 0 {
            let outcome = free.compareExchange(expected: left, desired: left - bytes, ordering: .relaxed)
            if outcome.exchanged { return true }
            left = outcome.original
        }
        return false
    }

    /// Takes what is held already, whether or not so much was left.
    func overdraw(_ bytes: Int) {
        free.subtract(bytes, ordering: .relaxed)
    }

    func give(_ bytes: Int) {
        free.add(bytes, ordering: .relaxed)
    }
}
