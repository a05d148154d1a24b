// Which keys of a payload say something about the event itself: device, time, sequence, unit, metric, value.
internal import EventModel

/// What a key stands for. Keys are matched without regard to case.
enum FieldRole: BitwiseCopyable, Equatable {
    /// Names the device; the lowest rank wins.
    case device(rank: UInt8)
    /// `id`: names the device where it is a string.
    case identifier
    case time
    case sequence
    case unit
    case metric
    case value
    /// Any other key: a metric, or a label.
    case other
}

/// The table of well-known keys, and the input's `device_field`. Compares without an allocation: the first eight
/// bytes as one word.
struct WellKnownFields: Sendable {
    /// Rank of `device_field`, before every other.
    static let configuredRank: UInt8 = 0
    /// Rank of a device that is part of a format's own naming (SenML names).
    static let formatRank: UInt8 = 1
    static let identifierRank: UInt8 = 7
    static let hostRank: UInt8 = 8
    /// Rank of a name that stands in for a device where nothing better is there: measurement, talker.
    static let lastRank: UInt8 = 200

    /// Lower case in ASCII; empty where none is configured.
    private let deviceField: [UInt8]
    private let deviceFieldCount: Int

    init(_ options: DecoderOptions) {
        deviceField = (options.deviceField ?? "").utf8.map { $0 &- 0x41 <= 25 ? $0 | 0x20 : $0 }
        deviceFieldCount = deviceField.isEmpty ? -1 : deviceField.count
    }

    /// What the key of `count` bytes at `start` stands for; the caller has checked that they are inside of `bytes`.
    @inline(__always)
    func role(_ bytes: RawSpan, start: Int, count: Int) -> FieldRole {
        if count == deviceFieldCount, isDeviceField(bytes, start: start, count: count) {
            return .device(rank: WellKnownFields.configuredRank)
        }
        guard count &- 1 <= 8, count > 0 else { return .other }
        let word = WellKnownFields.foldedWord(bytes, start: start, count: min(count, 8))
        switch count {
        case 1: return word == 0x75 ? .unit : .other // u
        case 2:
            if word == 0x6469 { return .identifier } // id
            return word == 0x7374 ? .time : .other // ts
        case 3:
            if word == 0x76_6564 { return .device(rank: 5) } // dev
            return word == 0x71_6573 ? .sequence : .other // seq
        case 4:
            if word == 0x656D_6974 { return .time } // time
            if word == 0x7469_6E75 { return .unit } // unit
            return word == 0x746E_6366 ? .sequence : .other // fCnt
        case 5: return word == 0x65_756C_6176 ? .value : .other // value
        case 6:
            if word == 0x6563_6976_6564 { return .device(rank: 1) } // device
            if word == 0x6369_7274_656D { return .metric } // metric
            if word == 0x6975_6576_6564 { return .device(rank: 4) } // devEui
            return word == 0x726F_736E_6573 ? .device(rank: 6) : .other // sensor
        case 8:
            if word == 0x6469_6563_6976_6564 { return .device(rank: 3) } // deviceId
            return word == 0x6563_6E65_7571_6573 ? .sequence : .other // sequence
        case 9: return WellKnownFields.longRole(bytes, start: start, word: word)
        default: return .other
        }
    }

    private static func longRole(_ bytes: RawSpan, start: Int, word: UInt64) -> FieldRole {
        let last = bytes.unsafeLoad(fromByteOffset: start &+ 8, as: UInt8.self) | 0x20
        // timestamp
        if word == 0x6D61_7473_656D_6974, last == 0x70 { return .time }
        // device_id: folding makes 0x7F of the underscore, and of 0x7F itself.
        let isDeviceID =
            word == 0x697F_6563_6976_6564 && last == 0x64
            && bytes.unsafeLoad(fromByteOffset: start &+ 6, as: UInt8.self) == 0x5F
        return isDeviceID ? .device(rank: 2) : .other
    }

    /// Whether the key is the input's `device_field`.
    func isDeviceField(_ bytes: RawSpan, start: Int, count: Int) -> Bool {
        guard count == deviceFieldCount, start >= 0, start <= bytes.byteCount &- count else { return false }
        for index in 0..<count {
            let byte = bytes.unsafeLoad(fromByteOffset: start &+ index, as: UInt8.self)
            guard deviceField[index] == (byte &- 0x41 <= 25 ? byte | 0x20 : byte) else { return false }
        }
        return true
    }

    /// Whether the key is `host`, which names a device in line protocol.
    static func isHost(_ bytes: RawSpan, start: Int, count: Int) -> Bool {
        count == 4 && foldedWord(bytes, start: start, count: 4) == 0x7473_6F68
    }

    /// One to eight bytes with ASCII letters in lower case, the first one lowest, zeros above. Folding sets bit 5, so
    /// that a word of letters only is matched exactly.
    @inline(__always)
    static func foldedWord(_ bytes: RawSpan, start: Int, count: Int) -> UInt64 {
        let mask = ~UInt64(0) >> (UInt64(truncatingIfNeeded: (8 &- count) &* 8) & 0x38)
        if start &+ 8 <= bytes.byteCount {
            let word = bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self).littleEndian
            return (word | 0x2020_2020_2020_2020) & mask
        }
        return foldedBytes(bytes, start: start, count: count) & mask
    }

    private static func foldedBytes(_ bytes: RawSpan, start: Int, count: Int) -> UInt64 {
        var word: UInt64 = 0
        for index in 0..<max(0, count) {
            let byte = bytes.unsafeLoad(fromByteOffset: start &+ index, as: UInt8.self)
            word |= UInt64(byte) << (UInt64(index) &* 8)
        }
        return word | 0x2020_2020_2020_2020
    }
}
