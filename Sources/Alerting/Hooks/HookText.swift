// What others print or name, made fit for one line of a log or for a message to people.

enum HookText {
    /// Control characters become spaces; nothing at the ends; at most 500 characters.
    static func oneLine(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        let plain = text.unicodeScalars.map { isControl($0) ? " " : Character($0) }
        let words = String(plain).split(separator: " ")
        return String(words.joined(separator: " ").prefix(500))
    }

    /// Control characters but the end of a line become spaces.
    static func plain(_ text: String) -> String {
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { plain.append(scalar != "\n" && isControl(scalar) ? " " : scalar) }
        return String(plain)
    }

    /// The longest beginning of whole characters that has at most `bytesMax` bytes, with `…` where something was left out.
    static func cut(_ text: String, bytesMax: Int) -> String {
        guard text.utf8.count > bytesMax else { return text }
        var kept = ""
        var count = 0
        for character in text {
            count += character.utf8.count
            guard count + 3 <= bytesMax else { break }
            kept.append(character)
        }
        return kept + "…"
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool { scalar.value < 0x20 || scalar.value == 0x7F }
}
