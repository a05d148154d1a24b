// Which sequence numbers of a device have been seen.

/// A set of positive numbers, in pages of 65,536 bits, so that a few wild ones cost a page each and no more.
struct SequenceSet {
    private static let pageBits: UInt64 = 65_536
    private var pages: [UInt64: [UInt64]] = [:]
    private(set) var count: UInt64 = 0
    private(set) var largest: UInt64 = 0

    /// False where `number` was in the set before.
    mutating func insert(_ number: UInt64) -> Bool {
        let (page, bit) = number.quotientAndRemainder(dividingBy: Self.pageBits)
        let (word, shift) = Int(bit).quotientAndRemainder(dividingBy: 64)
        let mask: UInt64 = 1 << UInt64(shift)
        let isNew = pages[page, default: [UInt64](repeating: 0, count: Int(Self.pageBits / 64))][word] & mask == 0
        guard isNew else { return false }
        pages[page, default: [UInt64](repeating: 0, count: Int(Self.pageBits / 64))][word] |= mask
        count += 1
        largest = max(largest, number)
        return true
    }

    func contains(_ number: UInt64) -> Bool {
        let (page, bit) = number.quotientAndRemainder(dividingBy: Self.pageBits)
        let (word, shift) = Int(bit).quotientAndRemainder(dividingBy: 64)
        return pages[page].map { $0[word] & (1 << UInt64(shift)) != 0 } ?? false
    }
}
