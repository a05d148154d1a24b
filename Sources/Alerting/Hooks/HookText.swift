// What others print, made fit for one line of a log.

enum HookText {
    /// Control characters become spaces; nothing at the ends; at most 500 characters.
    static func oneLine(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        let plain = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) }
        let words = String(plain).split(separator: " ")
        return String(words.joined(separator: " ").prefix(500))
    }
}
