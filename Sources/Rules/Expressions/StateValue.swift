// States as numbers, so that one engine compares both.

enum StateValue {
    /// 52 bits of FNV-1a: a whole number that a Double holds exactly. The same in every version, for snapshots hold it.
    static func of(_ text: UnsafeRawBufferPointer) -> Double {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Double((hash ^ hash >> 52) & 0xF_FFFF_FFFF_FFFF)
    }

    static func of(_ text: String) -> Double {
        var text = text
        return text.withUTF8 { of(UnsafeRawBufferPointer($0)) }
    }
}
