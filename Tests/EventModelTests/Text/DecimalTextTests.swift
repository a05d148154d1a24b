// Decimal text: values against the standard library's, the parts of a plain number, limits, and text that is written.
import EventModel
import Platform
import Testing

private func plain(_ text: String) -> PlainNumber? {
    let bytes = Array(text.utf8)
    return bytes.withUnsafeBytes { DecimalText.plainNumber($0.bytes, start: 0, count: $0.count) }
}

private func written(_ value: Double) -> String {
    withUnsafeTemporaryAllocation(byteCount: DecimalText.writtenBytesMax, alignment: 1) { output in
        let count = DecimalText.write(value, into: output)
        return String(decoding: output[..<count], as: UTF8.self)
    }
}

/// A number as people write it, and the same number as the standard library reads it.
private struct WrittenNumber {
    var text: String
    var standard: String

    init(using generator: inout SeededGenerator) {
        func digits(_ count: ClosedRange<Int>) -> String {
            let most = Int.random(in: count, using: &generator)
            return String((0..<most).map { _ in Character(String(Int.random(in: 0...9, using: &generator))) })
        }
        let sign = ["", "", "-", "+"][Int.random(in: 0...3, using: &generator)]
        let zeros = String(repeating: "0", count: max(0, Int.random(in: -6...3, using: &generator)))
        let integer = zeros + digits(0...20)
        let fraction = digits((integer.isEmpty ? 1 : 0)...20)
        let hasPoint = !fraction.isEmpty || Bool.random(using: &generator)
        var exponent = ""
        if Int.random(in: 0..<3, using: &generator) == 0 {
            exponent = ["e", "E", "e+", "E-"][Int.random(in: 0...3, using: &generator)]
            exponent += String(Int.random(in: 0...40, using: &generator))
        }
        text = sign + integer + (hasPoint ? "." : "") + fraction + exponent
        standard = (sign == "-" ? "-" : "") + "0" + integer + "." + fraction + "0" + exponent
    }
}

@Suite("Decimal text, read")
struct DecimalTextTests {
    @Test("gives the standard library's value for random numbers", arguments: [1, 2, 3, 2026] as [UInt64])
    func agreement(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var differences: [String] = []
        for _ in 0..<50_000 {
            let number = WrittenNumber(using: &generator)
            let expected = Double(number.standard)
            let found = plain(number.text)
            if expected == nil || found?.value.bitPattern != expected?.bitPattern { differences.append(number.text) }
        }
        #expect(differences.isEmpty, "seed \(seed): \(differences.prefix(5))")
    }

    @Test("gives back every double from its shortest text", arguments: [1, 2, 3, 2026] as [UInt64])
    func everyDouble(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var differences: [Double] = []
        for _ in 0..<50_000 {
            let value = Double(bitPattern: generator.next())
            guard value.isFinite else { continue }
            if plain(value.description)?.value.bitPattern != value.bitPattern { differences.append(value) }
        }
        #expect(differences.isEmpty, "seed \(seed): \(differences.prefix(5))")
    }

    @Test(
        "rounds correctly where a product of doubles would not",
        arguments: [
            "9007199254740991", "9007199254740992", "9007199254740993", "9007199254740995", "1e22", "1e23", "-1e-22",
            "1e-23", "123456789012345678", "1234567890123456789", "99999999999999999999", "0.1", "0.30000000000000004",
            "8.41e21", "9.5367431640625e-07", "2.2250738585072011e-308", "2.2250738585072014e-308", "4.9e-324",
            "1.7976931348623157e308", "0.000000000000000000000000000000000000001", "5e-324", "-0.0", "0e99999",
        ]
    )
    func rounding(text: String) throws {
        let expected = try #require(Double(text))
        #expect(plain(text)?.value.bitPattern == expected.bitPattern)
    }

    @Test(
        "refuses what is beyond a double, and gives zero where it is too small for one",
        arguments: [
            ("1.7976931348623159e308", nil), ("1e309", nil), ("-1e309", nil), ("1e99999999999999999999", nil),
            ("1e-400", 0), ("2e-324", 0), ("1e-99999999999999999999", 0), ("0e99999999999999999999", 0),
        ] as [(String, Double?)]
    )
    func range(text: String, value: Double?) {
        #expect(plain(text)?.value == value)
    }

    @Test(
        "keeps the parts apart",
        arguments: [
            ("0", false, "", "", ""), ("-0", true, "", "", ""), ("7", false, "7", "", ""), ("+5", false, "5", "", ""),
            ("-21.50", true, "21", "50", ""), ("007", false, "7", "", ""), ("000", false, "", "", ""),
            (".5", false, "", "5", ""), ("-.5E-2", true, "", "5", "E-2"), ("5.", false, "5", "", ""),
            ("+007.50e+3", false, "7", "50", "e+3"), ("100e0", false, "100", "", "e0"), ("5.e1", false, "5", "", "e1"),
        ]
    )
    func parts(text: String, isNegative: Bool, integer: String, fraction: String, exponent: String) throws {
        let number = try #require(plain(text))
        let bytes = Array(text.utf8)
        func slice(_ start: Int, _ count: Int) -> String {
            String(decoding: bytes[start..<start + count], as: UTF8.self)
        }
        #expect(number.isNegative == isNegative)
        #expect(slice(number.integerStart, number.integerCount) == integer)
        #expect(slice(number.fractionStart, number.fractionCount) == fraction)
        #expect(slice(number.exponentStart, number.exponentCount) == exponent)
    }

    @Test("text of the JSON grammar put together from the parts says the same", arguments: [1, 2026] as [UInt64])
    func reassembly(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<10_000 {
            let text = WrittenNumber(using: &generator).text
            let bytes = Array(text.utf8)
            let number = try #require(plain(text), "seed \(seed): \(text)")
            let integer = bytes[number.integerStart..<number.integerStart + number.integerCount]
            let fraction = bytes[number.fractionStart..<number.fractionStart + number.fractionCount]
            let exponent = bytes[number.exponentStart..<number.exponentStart + number.exponentCount]
            var json: [UInt8] = number.isNegative ? [0x2D] : []
            json += integer.isEmpty ? [0x30] : Array(integer)
            json += fraction.isEmpty ? [] : [0x2E] + Array(fraction)
            json += Array(exponent)
            let read = json.withUnsafeBytes { raw in
                var scanner = JSONScanner()
                let number = scanner.number(raw.bytes)
                return scanner.position == raw.count ? number?.value : nil
            }
            #expect(read?.bitPattern == number.value.bitPattern, "seed \(seed): \(text)")
            #expect(number.isJSON == (json == bytes), "seed \(seed): \(text)")
        }
    }

    @Test(
        "a number of 120 bytes is read, a longer one is not",
        arguments: [("", ""), ("0.", "0."), ("+", ""), ("-.", "-0."), ("000", "")]
    )
    func longest(prefix: String, standardPrefix: String) throws {
        #expect(JSONScanner.numberBytesMax == 120)
        let ones = String(repeating: "1", count: 120 - prefix.utf8.count)
        let expected = try #require(Double(standardPrefix + ones))
        #expect(plain(prefix + ones)?.value == expected)
        #expect(plain(prefix + ones + "1") == nil)
    }

    @Test("looks at nothing beside its range", arguments: ["5", "-12.5", ".5", "5.", "1e5", "007"])
    func neighbours(text: String) {
        for (before, after) in [("9", "9"), ("-", "e5"), ("1.", ".1"), ("e", "x"), ("", "00000000")] {
            let bytes = Array((before + text + after).utf8)
            let number = bytes.withUnsafeBytes { raw in
                DecimalText.plainNumber(raw.bytes, start: before.utf8.count, count: text.utf8.count)
            }
            #expect(number?.value == plain(text)?.value)
            #expect(number?.integerStart == plain(text).map { $0.integerStart + before.utf8.count })
        }
    }

    @Test(
        "reads nothing from a range that is empty or outside of the span",
        arguments: [(-1, 1), (0, 0), (0, -1), (0, 5), (4, 1), (5, 1), (.max, 1), (1, .max), (.min, .max)]
            as [(Int, Int)]
    )
    func outside(start: Int, count: Int) {
        let number = Array("1111".utf8).withUnsafeBytes {
            DecimalText.plainNumber($0.bytes, start: start, count: count)
        }
        #expect(number == nil)
    }
}

@Suite("Decimal text, written")
struct DecimalTextWrittenTests {
    @Test(
        "writes known numbers",
        arguments: [
            (0, "0"), (-0.0, "-0"), (1, "1"), (-273.15, "-273.15"), (0.1, "0.1"), (100.25, "100.25"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"), (123_456_789_012_345, "123456789012345"), (1e15, "1e+15"), (1e21, "1e+21"),
            (1.0 / 3, "0.3333333333333333"), (0.1 + 0.2, "0.30000000000000004"),
            (.leastNonzeroMagnitude, "4.94065645841247e-324"),
            (.greatestFiniteMagnitude, "1.7976931348623157e+308"), (2.5e-8, "2.5e-08"),
        ] as [(Double, String)]
    )
    func known(value: Double, text: String) {
        #expect(written(value) == text)
        #expect(Double(text)?.bitPattern == value.bitPattern)
    }

    /// Subnormal numbers are held to nothing but reading back: they have fewer than 15 digits to begin with.
    @Test("writes as few digits as any text that reads back the same", arguments: [1, 2, 3, 2026] as [UInt64])
    func shortest(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var wrong: [String] = []
        for round in 0..<40_000 {
            let any = Double(bitPattern: generator.next())
            let plain = Double(Int.random(in: -1_000_000...1_000_000, using: &generator)) / 1000
            let value = round % 2 == 0 && any.isFinite ? any : plain
            let text = written(value)
            let isExact = Double(text)?.bitPattern == value.bitPattern
            let isShortest = !value.isNormal || significantDigits(text) == significantDigits(value.description)
            let isJSON = JSONScanner.reads(text)
            let fits = text.utf8.count <= 24
            if !isExact || !isShortest || !isJSON || !fits { wrong.append("\(text) for \(value)") }
        }
        #expect(wrong.isEmpty, "seed \(seed): \(wrong.prefix(5))")
    }

    /// The digits that carry the value: no sign, point or exponent, and no zeros at either end.
    private func significantDigits(_ text: String) -> Int {
        let digits = text.prefix { $0 != "e" }.filter(\.isNumber).drop { $0 == "0" }
        return digits.count - digits.reversed().prefix { $0 == "0" }.count
    }
}

extension JSONScanner {
    /// Whether all of the text is one number of the JSON grammar.
    fileprivate static func reads(_ text: String) -> Bool {
        Array(text.utf8).withUnsafeBytes { raw in
            var scanner = JSONScanner()
            let isNumber = scanner.number(raw.bytes) != nil
            return isNumber && scanner.position == raw.count
        }
    }
}
