// Patterns with `*` and `?`: known answers, agreement with a naive matcher, and patterns made to be slow.
import EventModel
import Platform
import Testing

@Suite("Glob")
struct GlobTests {
    @Test(
        "a pattern covers these texts",
        arguments: [
            ("", ""), ("freezer-7", "freezer-7"), ("*", ""), ("*", "anything at all"), ("**", ""), ("***", "a"),
            ("freezer-*", "freezer-"), ("freezer-*", "freezer-7"), ("*-7", "freezer-7"), ("f*r-*", "freezer-7"),
            ("*ee*", "freezer"), ("freezer-?", "freezer-7"), ("??", "ab"), ("?", "é"), ("?", "☂"), ("?", "😀"),
            ("?*", "😀"), ("*?", "😀"), ("gr?n", "grün"), ("*☂", "☂☂"), ("a*b*c", "a-b-b-c"), ("*ab", "aab"),
            ("*aab", "aaaab"), ("a.b", "a.b"), ("[ab]", "[ab]"), ("a\\*", "a\\b"), ("+/+", "+/+"), ("*/*", "/"),
        ]
    )
    func covers(pattern: String, text: String) {
        #expect(Glob(pattern).matches(text))
        #expect(Glob(pattern).pattern == pattern)
    }

    @Test(
        "a pattern does not cover these",
        arguments: [
            ("", "a"), ("freezer-7", "freezer-70"), ("freezer-7", "freezer-"), ("freezer-7", "Freezer-7"),
            ("freezer-*", "freezer"), ("freezer-*", "a freezer-7"), ("*-7", "freezer-70"), ("?", ""), ("?", "ab"),
            ("??", "é"), ("???", "☂"), ("*?*?*", "😀"), ("*??", "é"), ("?*?", "☂"), ("*ee*", "frezer"),
            ("a*b*c", "a-c-b"),
            ("a.b", "axb"), ("[ab]", "a"), ("*a*a", "a"), ("\u{E9}", "e\u{301}"), ("*b", "ab "), ("a", ""),
        ]
    )
    func coversNot(pattern: String, text: String) {
        #expect(!Glob(pattern).matches(text))
    }

    /// Straight from the meaning of the two signs, in time exponential in the stars.
    private static func naive(_ pattern: ArraySlice<Unicode.Scalar>, _ text: ArraySlice<Unicode.Scalar>) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        switch first {
        case "*":
            return naive(pattern.dropFirst(), text) || (!text.isEmpty && naive(pattern, text.dropFirst()))
        case "?": return !text.isEmpty && naive(pattern.dropFirst(), text.dropFirst())
        default: return text.first == first && naive(pattern.dropFirst(), text.dropFirst())
        }
    }

    @Test("agrees with a naive matcher on random patterns", arguments: [1, 2, 3, 2026] as [UInt64])
    func agreement(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        func random(_ alphabet: [Unicode.Scalar], upTo countMax: Int) -> [Unicode.Scalar] {
            let count = Int.random(in: 0...countMax, using: &generator)
            return (0..<count).map { _ in alphabet[Int.random(in: alphabet.indices, using: &generator)] }
        }
        var covered = 0
        for _ in 0..<20_000 {
            let pattern = random(["a", "b", "é", "☂", "*", "*", "?"], upTo: 7)
            let text = random(["a", "b", "é", "☂"], upTo: 8)
            let expected = GlobTests.naive(pattern[...], text[...])
            let patternText = pattern.map { String($0) }.joined()
            let glob = Glob(patternText)
            #expect(
                glob.matches(text.map { String($0) }.joined()) == expected,
                "seed \(seed): \(patternText) and \(text)"
            )
            if expected { covered += 1 }
        }
        #expect((1000...19_000).contains(covered), "the alphabet gives both answers")
    }

    @Test("text that is given as bytes is the same")
    func bytes() {
        let text = Array("freezer-7 and more".utf8)
        text.withUnsafeBytes { raw in
            let part = UnsafeRawBufferPointer(rebasing: raw[..<9])
            #expect(Glob("freezer-?").matches(part))
            #expect(!Glob("freezer-?").matches(raw))
            #expect(Glob("*").matches(UnsafeRawBufferPointer(start: nil, count: 0)))
            #expect(!Glob("?").matches(UnsafeRawBufferPointer(start: nil, count: 0)))
        }
    }

    @Test(
        "bytes that are not UTF-8 are matched without a trap",
        arguments: [[0x80], [0xFF, 0x80], [0x61, 0xC3], [0xE2, 0x82]] as [[UInt8]]
    )
    func notUTF8(bytes: [UInt8]) {
        bytes.withUnsafeBytes { raw in
            #expect(Glob("*").matches(raw))
            #expect(!Glob("x*").matches(raw))
            #expect(!Glob("???").matches(raw))
        }
    }

    /// A matcher that tries every way to share the text among the stars would not end within the age of the universe.
    @Test("many stars take time in proportion to text and pattern")
    func manyStars() {
        let glob = Glob(String(repeating: "a*", count: 60) + "b")
        let text = String(repeating: "a", count: 5000)
        #expect(!glob.matches(text))
        #expect(glob.matches(text + "b"))
    }

    @Test("globs are equal where their patterns are")
    func equality() {
        #expect(Glob("a*") == Glob("a*"))
        #expect(Glob("a*") != Glob("a?"))
        #expect(Set([Glob("a"), Glob("a"), Glob("b")]).count == 2)
    }
}
