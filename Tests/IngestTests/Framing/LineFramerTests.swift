// Serial lines: limits, ends, and every way in which reads can cut them.
import Ingest
import Testing

/// Feeds bytes in pieces of the given sizes and gives the frames as text, too long ones with a `!`.
private func frames(_ bytes: [UInt8], pieces: [Int], lineBytesMax: Int, readBytes: Int = 16) -> [String] {
    var framer = LineFramer(lineBytesMax: lineBytesMax, readBytes: readBytes)
    var found: [String] = []
    var position = 0
    var turn = 0
    while position < bytes.count {
        let wanted = pieces[turn % pieces.count]
        turn += 1
        let count = framer.withFreeSpace { space in
            let count = min(wanted, space.count, bytes.count - position)
            for index in 0..<count { space[index] = bytes[position + index] }
            return count
        }
        #expect(count > 0, "there is always free space after all lines were taken")
        guard count > 0 else { return found }
        framer.commit(count)
        position += count
        while let frame = framer.nextLine() {
            switch frame {
            case .line(let range): found.append(String(decoding: framer.bytes(range), as: UTF8.self))
            case .tooLong(let range): found.append("!" + String(decoding: framer.bytes(range), as: UTF8.self))
            }
        }
    }
    return found
}

@Suite("Line framer")
struct LineFramerTests {
    @Test("cuts at line feeds, takes the carriage return off, keeps empty lines")
    func lines() {
        #expect(frames(Array("a\r\nbc\n\n\r\nd".utf8), pieces: [100], lineBytesMax: 8) == ["a", "bc", "", ""])
    }

    @Test("a line of the limit is a line, one byte more is too long")
    func limit() {
        #expect(
            frames(Array("12345678\r\n123456789\r\nx\n".utf8), pieces: [100], lineBytesMax: 8) == [
                "12345678", "!12345678", "x",
            ]
        )
        #expect(
            frames(Array("12345678\n123456789\nx\n".utf8), pieces: [3], lineBytesMax: 8) == [
                "12345678", "!12345678", "x",
            ]
        )
        #expect(frames(Array("12345678\rx\ny\n".utf8), pieces: [1], lineBytesMax: 8) == ["!12345678", "y"])
    }

    @Test("a line without an end is reported once and skipped to the next line feed")
    func endless() {
        let bytes = Array(String(repeating: "x", count: 10_000).utf8) + Array("\nok\n".utf8)
        #expect(frames(bytes, pieces: [7], lineBytesMax: 8) == ["!xxxxxxxx", "ok"])
    }

    @Test("however the reads are cut, the lines are the same", arguments: [1, 2, 3, 5, 7, 11, 16, 64])
    func cuts(size: Int) {
        let text = "$A,1*00\r\n\n{\"t\":1}\nthis line is longer than the limit\r\nshort\n\r\n"
        let whole = frames(Array(text.utf8), pieces: [1000], lineBytesMax: 12, readBytes: 1000)
        #expect(whole == ["$A,1*00", "", "{\"t\":1}", "!this line is", "short", ""])
        #expect(frames(Array(text.utf8), pieces: [size], lineBytesMax: 12, readBytes: 3) == whole)
        #expect(frames(Array(text.utf8), pieces: [size, 1, 2], lineBytesMax: 12) == whole)
    }

    @Test("after a reconnect what was pending is forgotten, a skipped line too")
    func discards() {
        var framer = LineFramer(lineBytesMax: 4, readBytes: 16)
        func feed(_ text: String, _ framer: inout LineFramer) {
            framer.withFreeSpace { space in space.copyBytes(from: Array(text.utf8)) }
            framer.commit(text.utf8.count)
        }
        feed("ab", &framer)
        let none = framer.nextLine()
        #expect(none == nil)
        let discarded = framer.discardPartial()
        #expect(discarded == 2)
        feed("cd\n", &framer)
        let whole = framer.nextLine()
        #expect(whole == .line(0..<2))
        feed("toolong", &framer)
        let cut = framer.nextLine()
        #expect(cut == .tooLong(0..<4))
        _ = framer.discardPartial()
        feed("ef\n", &framer)
        let next = framer.nextLine()
        #expect(next == .line(0..<2))
        let last = framer.nextLine()
        #expect(last == nil)
    }

    @Test("a count beyond the free space counts as all of it")
    func overcommit() {
        var framer = LineFramer(lineBytesMax: 4, readBytes: 4)
        framer.withFreeSpace { space in
            for index in space.indices { space[index] = 0x0A }
        }
        framer.commit(1_000_000)
        var count = 0
        while framer.nextLine() != nil { count += 1 }
        #expect(count == 10)
    }
}
