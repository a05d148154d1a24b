// Patterns with `*` and `?`, as the configuration uses them for devices, metrics and labels.

/// A compiled pattern: `*` stands for any text, `?` for one character, everything else for itself.
///
/// Matching is linear in text times stars at worst and allocates nothing.
package struct Glob: Hashable, Sendable {
    package let pattern: String
    private let bytes: [UInt8]
    private let isLiteral: Bool

    package init(_ pattern: String) {
        self.pattern = pattern
        bytes = Array(pattern.utf8)
        isLiteral = !bytes.contains(0x2A) && !bytes.contains(0x3F)
    }

    package func matches(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { matches(UnsafeRawBufferPointer($0)) }
    }

    /// Whether the pattern covers all of `text`, which is UTF-8.
    package func matches(_ text: UnsafeRawBufferPointer) -> Bool {
        if isLiteral { return text.elementsEqual(bytes) }
        var textIndex = 0
        var patternIndex = 0
        var retryText = 0
        var retryPattern = -1
        while textIndex < text.count {
            if patternIndex < bytes.count, bytes[patternIndex] == 0x2A {
                retryPattern = patternIndex + 1
                retryText = textIndex
                patternIndex += 1
            } else if patternIndex < bytes.count, bytes[patternIndex] == 0x3F {
                textIndex = Glob.afterCharacter(text, textIndex)
                patternIndex += 1
            } else if patternIndex < bytes.count, bytes[patternIndex] == text[textIndex] {
                textIndex += 1
                patternIndex += 1
            } else if retryPattern >= 0 {
                retryText += 1
                textIndex = retryText
                patternIndex = retryPattern
            } else {
                return false
            }
        }
        while patternIndex < bytes.count, bytes[patternIndex] == 0x2A { patternIndex += 1 }
        return patternIndex == bytes.count
    }

    /// The index behind the UTF-8 character that begins at `index`.
    private static func afterCharacter(_ text: UnsafeRawBufferPointer, _ index: Int) -> Int {
        var next = index + 1
        while next < text.count, text[next] & 0xC0 == 0x80 { next += 1 }
        return next
    }
}
