// Escapes of JSON strings.
import EventModel
import Testing

@Suite("JSON unescape")
struct JSONUnescapeTests {
    private func unescape(_ content: String, room: Int = 64) -> String {
        let bytes = Array("\"\(content)\"".utf8)
        return bytes.withUnsafeBytes { raw in
            let string = JSONString(start: 1, count: raw.count - 2, hasEscapes: true)
            return withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) { output in
                switch JSONScanner.unescape(string, raw.bytes, into: output) {
                case .written(let count): return String(decoding: output[..<count], as: UTF8.self)
                case .malformed(let position): return "malformed \(position)"
                case .noSpace: return "no space"
                }
            }
        }
    }

    @Test(
        "resolves every escape",
        arguments: [
            ("", ""), ("plain é", "plain é"), (#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{C}\n\r\t"),
            (#"\u0041\u00e9\u20AC"#, "Aé€"),
            (#"a\ud83d\ude00b"#, "a😀b"), (#"\u0000"#, "\u{0}"), (#"\uDBFF\uDFFF"#, "\u{10FFFF}"),
        ]
    )
    func resolves(content: String, expected: String) {
        #expect(unescape(content) == expected)
    }

    @Test(
        "refuses escapes that are none, at their backslash",
        arguments: [
            (#"\x"#, 1), (#"ab\u12"#, 3), (#"\u12G4"#, 1), (#"\ud800"#, 1), (#"a\ud800b"#, 2), (#"\udc00"#, 1),
            (#"\ud800\ud800"#, 1),
            (#"\ud800\n"#, 1), (#"\U0041"#, 1),
        ]
    )
    func refuses(content: String, position: Int) {
        #expect(unescape(content) == "malformed \(position)")
    }

    @Test("says when the output is too short")
    func noSpace() {
        #expect(unescape("12345", room: 4) == "no space")
        #expect(unescape("12345", room: 5) == "12345")
    }
}
