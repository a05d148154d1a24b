// UTF-8 and names: agreement with the standard library on random bytes, and the table of RFC 3629.
import EventModel
import Testing

@Suite("UTF-8 text")
struct UTF8TextTests {
    @Test("agrees with the standard library on 200,000 random texts at any place in a buffer")
    func agreement() {
        let pieces: [[UInt8]] = [
            [0x61], [0xC3, 0xA9], [0xE2, 0x82, 0xAC], [0xF0, 0x9F, 0x98, 0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80],
            [0xF4, 0x90, 0x80, 0x80],
            [0x80], [0xFF], [0xE2, 0x82], [0xF0, 0x9F], [0x7F], [0x1F], [0xC2, 0x85], [0x20], [0xE0, 0x80, 0x80],
            [0xEF, 0xBF, 0xBF],
        ]
        for round in 0..<200_000 {
            var text: [UInt8] = []
            for _ in 0..<Int.random(in: 0...12) {
                text += Int.random(in: 0..<4) == 0 ? pieces.randomElement() ?? [] : [UInt8.random(in: 0x20...0x7E)]
            }
            let expected = String(validating: text, as: UTF8.self)
            let buffer = [0xFF] + text + [UInt8](repeating: 0xFF, count: round % 9)
            buffer.withUnsafeBytes { raw in
                let isValid = UTF8Text.isValid(raw.bytes, start: 1, count: text.count)
                #expect(isValid == (expected != nil), "\(text)")
                let isPrintable =
                    expected?.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control } ?? false
                let found = UTF8Text.isPrintable(raw.bytes, start: 1, count: text.count)
                #expect(found == isPrintable, "\(text)")
            }
        }
    }

    @Test("gives the position of the first bad byte")
    func position() {
        let bytes = Array("plain text, ".utf8) + [0xC3, 0x28]
        let position = bytes.withUnsafeBytes { UTF8Text.firstInvalid($0.bytes, start: 0, count: $0.count) }
        #expect(position == 12)
    }

    @Test("a range outside of the span is invalid", arguments: [(-1, 1), (0, 5), (5, 1), (2, -1), (Int.max, 1)])
    func outside(start: Int, count: Int) {
        [UInt8](repeating: 0x61, count: 4).withUnsafeBytes { raw in
            let isValid = UTF8Text.isValid(raw.bytes, start: start, count: count)
            let isPrintable = UTF8Text.isPrintable(raw.bytes, start: start, count: count)
            #expect(!isValid && !isPrintable)
        }
    }
}
