// Enough of Swift's lexical grammar to tell code from comments and strings.

enum SwiftText {
    /// `text` with spaces in place of comments and of what stands in string literals, interpolations included.
    static func blanked(_ text: String) -> String {
        var scanner = Scanner(Array(text.utf8))
        scanner.run()
        return String(decoding: scanner.output, as: UTF8.self)
    }

    private struct Scanner {
        private let input: [UInt8]
        private(set) var output: [UInt8] = []
        private var index = 0

        init(_ input: [UInt8]) {
            self.input = input
            output.reserveCapacity(input.count)
        }

        mutating func run() {
            while index < input.count {
                if starts(with: "//") {
                    while index < input.count, input[index] != UInt8(ascii: "\n") { blank(1) }
                } else if starts(with: "/*") {
                    blankComment()
                } else if let hashes = stringStart() {
                    blankString(hashes: hashes)
                } else {
                    output.append(input[index])
                    index += 1
                }
            }
        }

        private func starts(with text: StaticString, at offset: Int = 0) -> Bool {
            text.withUTF8Buffer { input[min(index + offset, input.count)...].starts(with: $0) }
        }

        private mutating func blank(_ count: Int) {
            for _ in 0..<min(count, input.count - index) {
                output.append(input[index] == UInt8(ascii: "\n") ? UInt8(ascii: "\n") : UInt8(ascii: " "))
                index += 1
            }
        }

        /// Comments nest.
        private mutating func blankComment() {
            var depth = 0
            repeat {
                if starts(with: "/*") {
                    depth += 1
                    blank(2)
                } else if starts(with: "*/") {
                    depth -= 1
                    blank(2)
                } else {
                    blank(1)
                }
            } while depth > 0 && index < input.count
        }

        /// The number of `#` before a string that begins here; nil where none does.
        private func stringStart() -> Int? {
            var hashes = 0
            while starts(with: "#", at: hashes) { hashes += 1 }
            return starts(with: "\"", at: hashes) ? hashes : nil
        }

        private mutating func blankString(hashes: Int) {
            blank(hashes)
            let quotes = starts(with: "\"\"\"") ? 3 : 1
            blank(quotes)
            while index < input.count {
                if input[index] == UInt8(ascii: "\\"), followed(by: hashes, at: 1) {
                    let isInterpolation = starts(with: "(", at: 1 + hashes)
                    blank(1 + hashes + 1)
                    if isInterpolation { blankInterpolation() }
                } else if (0..<quotes).allSatisfy({ starts(with: "\"", at: $0) }), followed(by: hashes, at: quotes) {
                    blank(quotes + hashes)
                    return
                } else {
                    if quotes == 1, input[index] == UInt8(ascii: "\n") { return }
                    blank(1)
                }
            }
        }

        private func followed(by hashes: Int, at offset: Int) -> Bool {
            (0..<hashes).allSatisfy { starts(with: "#", at: offset + $0) }
        }

        /// Behind `\(`; up to its closing parenthesis.
        private mutating func blankInterpolation() {
            var depth = 1
            while index < input.count, depth > 0 {
                if let hashes = stringStart() {
                    blankString(hashes: hashes)
                    continue
                }
                if input[index] == UInt8(ascii: "(") { depth += 1 }
                if input[index] == UInt8(ascii: ")") { depth -= 1 }
                blank(1)
            }
        }
    }
}
