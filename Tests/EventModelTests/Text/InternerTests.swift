// Interned names: dense ids, the most there may be, growth, names that look alike, and names that meet in the table.
import EventModel
import Platform
import Testing

/// Lends the UTF-8 of a name.
private func lend<Result>(_ name: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    Array(name.utf8).withUnsafeBytes(body)
}

extension Interner {
    fileprivate mutating func id(_ name: String) -> Int32? {
        lend(name) { id(of: $0) }
    }

    fileprivate func known(_ name: String) -> Int32? {
        lend(name) { existing($0) }
    }
}

@Suite("Interner")
struct InternerTests {
    @Test("gives ids from 0 in the order of arrival, and the same again")
    func dense() {
        var interner = Interner(seed: 1, capacityMax: 10)
        let first = ["temperature", "humidity", "", "door"].map { interner.id($0) }
        let again = ["door", "temperature", "", "humidity"].map { interner.id($0) }
        let count = interner.count
        #expect(first == [0, 1, 2, 3])
        #expect(again == [3, 0, 2, 1])
        #expect(count == 4)
    }

    @Test("a name that nobody gave has no id, and looking for it gives it none")
    func existing() {
        var interner = Interner(seed: 1, capacityMax: 10)
        let before = interner.known("door")
        let count = interner.count
        let given = interner.id("door")
        let after = interner.known("door")
        let other = interner.known("Door")
        #expect(before == nil && count == 0)
        #expect(given == 0 && after == 0)
        #expect(other == nil)
    }

    @Test("gives names back, and nothing for an id that was never given")
    func names() {
        var interner = Interner(seed: 1, capacityMax: 10)
        _ = ["°C", "", "a\u{0}b"].map { interner.id($0) }
        let names = (0..<3).map { interner.string(of: $0) }
        let others = ([-1, 3, .min, .max] as [Int32]).map { interner.bytes(of: $0).count }
        let otherName = interner.string(of: 3)
        #expect(names == ["°C", "", "a\u{0}b"])
        #expect(others == [0, 0, 0, 0])
        #expect(otherName.isEmpty)
    }

    @Test("a full interner gives no new id and keeps the old ones", arguments: [1, 2, 127, 128, 129, 300])
    func full(capacityMax: Int) {
        var interner = Interner(seed: 1, capacityMax: capacityMax)
        let first = (0..<capacityMax).map { interner.id("device-\($0)") }
        let beyond = (0..<3).map { interner.id("new-\($0)") }
        let again = (0..<capacityMax).map { interner.id("device-\($0)") }
        let count = interner.count
        #expect(first == (0..<capacityMax).map { Optional(Int32($0)) })
        #expect(beyond == [nil, nil, nil])
        #expect(again == first)
        #expect(count == capacityMax)
    }

    @Test("an interner for no name holds none", arguments: [0, -1, .min] as [Int])
    func noCapacity(capacityMax: Int) {
        var interner = Interner(seed: 1, capacityMax: capacityMax)
        let id = interner.id("a")
        let count = interner.count
        #expect(id == nil && count == 0)
    }

    @Test("keeps every name while it grows", arguments: [0, 1, .max] as [UInt64])
    func growth(seed: UInt64) {
        var interner = Interner(seed: seed, capacityMax: .max)
        var wrong: [Int] = []
        for index in 0..<20_000 where interner.id("site-\(index % 7)/device-\(index)") != Int32(index) {
            wrong.append(index)
        }
        for index in 0..<20_000 {
            let name = "site-\(index % 7)/device-\(index)"
            let isKept = interner.known(name) == Int32(index) && interner.string(of: Int32(index)) == name
            if !isKept { wrong.append(index) }
        }
        let count = interner.count
        #expect(wrong.isEmpty, "\(wrong.prefix(5))")
        #expect(count == 20_000)
    }

    /// A string of Swift would hold the second and third pair for equal.
    @Test(
        "tells names apart by their bytes",
        arguments: [
            ("a", "a\u{0}"), ("\u{E9}", "e\u{301}"), ("K", "\u{212A}"), ("a", "A"), ("", "\u{0}"),
            ("\u{0}", "\u{0}\u{0}"), ("12345678", "12345678\u{0}"), ("12345678", "12345679"),
            ("abcdefgh1", "abcdefgh2"),
            ("xbcdefgh12345678", "ybcdefgh12345678"), ("1234567", "12345678"), ("ab", "ba"), ("µg", "μg"),
        ]
    )
    func byteEquality(left: String, right: String) {
        var interner = Interner(seed: 1, capacityMax: 10)
        let ids = [left, right, left, right].map { interner.id($0) }
        let names = (0..<2).map { Array(interner.bytes(of: $0)) }
        #expect(ids == [0, 1, 0, 1])
        #expect(names == [Array(left.utf8), Array(right.utf8)])
    }

    @Test(
        "keeps names of any length, beside one another",
        arguments: [[4096, 1], [0, 4097, 5], [100_000, 3, 200_000]]
    )
    func longNames(lengths: [Int]) {
        var interner = Interner(seed: 1, capacityMax: 100)
        let names =
            lengths.map { String(repeating: "n", count: $0) } + (0..<64).map { String(repeating: "s", count: $0 + 1) }
        let ids = names.map { interner.id($0) }
        let again = names.map { interner.known($0) }
        let kept = names.indices.map { interner.string(of: Int32($0)) }
        #expect(ids == names.indices.map { Optional(Int32($0)) })
        #expect(again == ids)
        #expect(kept == names)
    }

    @Test("names that meet in one slot are kept apart", arguments: [0, 7, 2026] as [UInt64])
    func collisions(seed: UInt64) {
        var names: [String] = []
        for index in 0..<100_000 where names.count < 100 {
            let name = "device-\(index)"
            // The table begins with 256 slots, and the lowest bits of the hash choose one: the last, so that it wraps.
            if lend(name, { Interner.hash($0, seed: seed) }) & 0xFF == 0xFF { names.append(name) }
        }
        var interner = Interner(seed: seed, capacityMax: 1000)
        let ids = names.map { interner.id($0) }
        let again = names.reversed().map { interner.known($0) }
        #expect(names.count == 100)
        #expect(ids == (0..<100).map { Optional(Int32($0)) })
        #expect(again == Array(ids.reversed()))
    }

    @Test("agrees with a dictionary over random names", arguments: [1, 2, 2026] as [UInt64])
    func model(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var interner = Interner(seed: generator.next(), capacityMax: 2000)
        var model: [[UInt8]: Int32] = [:]
        var wrong: [[UInt8]] = []
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...12, using: &generator)
            let name = (0..<count).map { _ in UInt8.random(in: 0x61...0x63, using: &generator) }
            let known = name.withUnsafeBytes { interner.existing($0) }
            if known != model[name] { wrong.append(name) }
            if model[name] == nil, model.count < 2000 { model[name] = Int32(model.count) }
            let id = name.withUnsafeBytes { interner.id(of: $0) }
            if id != model[name] { wrong.append(name) }
        }
        let count = interner.count
        #expect(wrong.isEmpty, "seed \(seed): \(wrong.prefix(5))")
        #expect(count == model.count)
    }

    @Test("the hash depends on every byte, the length and the seed")
    func hash() {
        let names = [
            "", "\u{0}", "\u{0}\u{0}", "a", "b", "12345678", "12345679", "02345678", "123456789", "1234567890",
        ]
        let seeds: [UInt64] = [0, 1, .max]
        let hashes = seeds.map { seed in names.map { name in lend(name) { Interner.hash($0, seed: seed) } } }
        for ofSeed in hashes { #expect(Set(ofSeed).count == names.count) }
        for name in names.indices { #expect(Set(hashes.map { $0[name] }).count == seeds.count) }
    }
}
