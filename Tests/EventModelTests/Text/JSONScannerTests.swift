// The JSON grammar over bytes: agreement with the C library, limits, and hostile text.
import EventModel
import Glibc
import Testing

private func scan(_ text: String) -> (value: Double?, position: Int) {
    let bytes = Array(text.utf8)
    return bytes.withUnsafeBytes { raw in
        var scanner = JSONScanner()
        let number = scanner.number(raw.bytes)
        return (number?.value, scanner.position)
    }
}

@Suite("JSON scanner")
struct JSONScannerTests {
    @Test(
        "reads numbers of the grammar and stops behind them",
        arguments: [
            ("0", 0.0, 1), ("-0", -0.0, 2), ("21.5,", 21.5, 4), ("1e3}", 1000, 3), ("1E+3", 1000, 4),
            ("-12.5e-1 ", -1.25, 8),
            ("01", 0, 1), ("4.9406564584124654e-324", Double.leastNonzeroMagnitude, 23), ("1e-400", 0, 6),
            ("9007199254740993", 9007199254740992, 16), ("0.000000000000000000000000001", 1e-27, 29),
            ("123456789012345678901234567890", 1.2345678901234568e29, 30),
        ]
    )
    func numbers(text: String, value: Double, position: Int) {
        let found = scan(text)
        #expect(found.value == value)
        #expect(found.value?.sign == value.sign)
        #expect(found.position == position)
    }

    @Test(
        "refuses what is no number, at the byte that cannot be read",
        arguments: [
            ("", 0), ("-", 1), ("+1", 0), (".5", 0), ("1.", 2), ("1.e3", 2), ("1e", 2), ("1e+", 3), ("x", 0),
            ("1e999", 0),
        ]
    )
    func refused(text: String, position: Int) {
        let found = scan(text)
        #expect(found.value == nil)
        #expect(found.position == position)
    }

    @Test("agrees with strtod on 200,000 random numbers")
    func agreement() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200_000 {
            var text = Bool.random(using: &random) ? "-" : ""
            let whole = Int.random(in: 1...20, using: &random)
            text += whole == 1 ? "0" : String(UInt64.random(in: 1...UInt64.max, using: &random)).prefix(whole)
            if Bool.random(using: &random) {
                text += "." + String(repeating: "0", count: Int.random(in: 0...3, using: &random))
                text += String(UInt64.random(in: 0...UInt64.max, using: &random)).prefix(
                    Int.random(in: 1...19, using: &random)
                )
            }
            if Int.random(in: 0..<4, using: &random) == 0 {
                text += "e" + String(Int.random(in: -330...310, using: &random))
            }
            let expected = strtod(text, nil)
            let found = scan(text).value
            #expect(found == (expected.isFinite ? expected : nil), "\(text)")
        }
    }

    @Test("a number of 120 bytes is read, a longer one is not")
    func longNumbers() {
        let digits = "0." + String(repeating: "1", count: 118)
        #expect(scan(digits).value == strtod(digits, nil))
        #expect(scan(digits + "1").value == nil)
    }

    @Test(
        "reads strings of any length at any place, and says whether they are plain",
        arguments: [
            ("\"\"", 0, false, true), ("\"a\"", 1, false, true), ("\"12345678\"", 8, false, true),
            ("\"a\\\"b\"", 4, true, false), ("\"\\\\\"", 2, true, false), ("\"grün und blau\"", 14, false, false),
            ("\"abcdefghijklmnopqrstuvwxyz\\u0041\"", 32, true, false), ("\"del\u{7F}\"", 4, false, false),
        ]
    )
    func strings(text: String, count: Int, hasEscapes: Bool, isPlain: Bool) {
        for padding in 0..<10 {
            let bytes = Array((text + String(repeating: "~", count: padding)).utf8)
            bytes.withUnsafeBytes { raw in
                var scanner = JSONScanner()
                let string = scanner.string(raw.bytes)
                #expect(string?.count == count)
                #expect(string?.hasEscapes == hasEscapes)
                // Plain is a promise, not plain is none: short of eight bytes nothing is promised.
                if string?.isPlain == true { #expect(isPlain) }
                #expect(scanner.position == text.utf8.count)
            }
        }
    }

    @Test(
        "refuses control characters and missing ends",
        arguments: ["\"", "\"a", "\"a\n\"", "\"\\", "\"\\\"", "a", "\"\u{1}aaaaaaaaa\""]
    )
    func badStrings(text: String) {
        let bytes = Array(text.utf8)
        bytes.withUnsafeBytes { raw in
            var scanner = JSONScanner()
            let string = scanner.string(raw.bytes)
            #expect(string == nil)
            #expect(scanner.position <= bytes.count)
        }
    }

    @Test("steps over values to a depth of 32")
    func skips() {
        func skip(_ text: String) -> JSONScanner.SkipOutcome {
            let bytes = Array(text.utf8)
            return bytes.withUnsafeBytes { raw in
                var scanner = JSONScanner()
                let outcome = scanner.skip(raw.bytes)
                if outcome == .skipped { #expect(scanner.position == bytes.count) }
                return outcome
            }
        }
        #expect(skip(#"{"a":[1,-2.5e3,"x\"",true,false,null,{}],"b":[]}"#) == .skipped)
        #expect(skip(String(repeating: "[", count: 32) + String(repeating: "]", count: 32)) == .skipped)
        #expect(skip(String(repeating: "[", count: 33) + String(repeating: "]", count: 33)) == .tooDeep)
        #expect(skip(String(repeating: "[", count: 100_000)) == .tooDeep)
        for text in ["", "[", "[1", "[1,]", "{\"a\"}", "{\"a\":}", "{,}", "tru", "nul", "-"] {
            #expect(skip(text) == .malformed)
        }
    }

    @Test("a cursor outside of the span reads nothing", arguments: [-1, 3, Int.max, Int.min])
    func outside(position: Int) {
        [UInt8](repeating: 0x31, count: 3).withUnsafeBytes { raw in
            var scanner = JSONScanner(position: position)
            let peeked = scanner.peek(raw.bytes)
            let number = scanner.number(raw.bytes)
            let string = scanner.string(raw.bytes)
            let isLiteral = scanner.literal("true", raw.bytes)
            let isSkipped = scanner.skipValue(raw.bytes)
            #expect(peeked == nil && number == nil && string == nil && !isLiteral && !isSkipped)
        }
    }
}

@Suite("Plain numbers")
struct PlainNumberTests {
    @Test(
        "says whether text is of the JSON grammar",
        arguments: [
            ("21.5", true), ("-0", true), ("0.5", true), ("1e3", true), ("0", true), ("+1", false), (".5", false),
            ("5.", false),
            ("007", false), ("00", false), ("-.5", false),
        ]
    )
    func isJSON(text: String, isJSON: Bool) {
        let bytes = Array(text.utf8)
        let number = bytes.withUnsafeBytes { DecimalText.plainNumber($0.bytes, start: 0, count: $0.count) }
        #expect(number?.value == strtod(text, nil))
        #expect(number?.isJSON == isJSON)
    }

    @Test(
        "refuses the rest",
        arguments: ["", "+", "-", ".", "e5", "1e", "1 ", " 1", "1x", "--1", "1e999", "0x10", "nan"]
    )
    func refused(text: String) {
        let bytes = Array(text.utf8)
        #expect(bytes.withUnsafeBytes { DecimalText.plainNumber($0.bytes, start: 0, count: $0.count) } == nil)
    }

    @Test("writes numbers that read back as the same double, in the JSON grammar")
    func writes() {
        var values: [Double] = [
            0, -0.0, 1, 0.1, 1.0 / 3, 100.25, 1e21, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -273.15,
        ]
        for _ in 0..<20_000 {
            let value = Double(bitPattern: UInt64.random(in: 0...UInt64.max))
            if value.isFinite { values.append(value) }
        }
        for value in values {
            withUnsafeTemporaryAllocation(byteCount: DecimalText.writtenBytesMax, alignment: 8) { output in
                let count = DecimalText.write(value, into: output)
                let text = UnsafeRawBufferPointer(rebasing: output[..<count])
                var scanner = JSONScanner()
                let number = scanner.number(text.bytes)
                #expect(number?.value == value)
                #expect(scanner.position == count)
            }
        }
    }
}
