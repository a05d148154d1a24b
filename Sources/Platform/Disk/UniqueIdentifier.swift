// Sixteen bytes that name one thing for good: topics (random) and boots (from the kernel).

/// A UUID as bytes; written as 36 characters.
package struct UniqueIdentifier: Hashable, Sendable, BitwiseCopyable, CustomStringConvertible {
    /// Bytes 0-7 and 8-15, most significant first.
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A random UUID (RFC 9562, version 4).
    package static func random() -> UniqueIdentifier {
        var generator = SystemRandomNumberGenerator()
        let high: UInt64 = generator.next()
        let low: UInt64 = generator.next()
        return UniqueIdentifier(
            high: (high & ~0xF000) | 0x4000,
            low: (low & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000
        )
    }

    /// Reads 32 hexadecimal digits with hyphens anywhere, as in `/proc/sys/kernel/random/boot_id`; nil for other text.
    package init?(text: String) {
        var digits = 0
        high = 0
        low = 0
        for character in text.utf8 where character != UInt8(ascii: "-") {
            guard digits < 32, let digit = UniqueIdentifier.value(ofDigit: character) else { return nil }
            if digits < 16 { high = high << 4 | digit } else { low = low << 4 | digit }
            digits += 1
        }
        guard digits == 32 else { return nil }
    }

    package var description: String {
        var text = ""
        for index in 0..<32 {
            if index == 8 || index == 12 || index == 16 || index == 20 { text += "-" }
            let half = index < 16 ? high : low
            let digit = half >> UInt64(60 - (index % 16) * 4) & 0xF
            text += String(digit, radix: 16)
        }
        return text
    }

    private static func value(ofDigit character: UInt8) -> UInt64? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(character - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(character - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(character - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
