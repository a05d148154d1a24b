// The text of recent senders of datagrams, kept so that a gateway's address is not formatted again and again.
internal import CPlatform

/// Text of recent senders. Bounded: `slotCount` senders in 96 KiB, each in the one slot that its hash names, so a flood of
/// forged senders only costs formatting. Owned by the input's thread.
struct SenderTexts: ~Copyable {
    private static let slotCount = 1024
    /// `[` + 39 of an address + `%` + 10 of a scope + `]:` + 5 of a port, and room to spare.
    private static let textBytes = 64

    private struct Key: BitwiseCopyable {
        var high: UInt64 = 0
        var low: UInt64 = 0
        /// Scope, port and family.
        var rest: UInt64 = 0

        static func == (left: Key, right: Key) -> Bool {
            left.high == right.high && left.low == right.low && left.rest == right.rest
        }
    }

    private struct Slot: BitwiseCopyable {
        var key = Key()
        /// 0 marks an empty slot.
        var length: UInt64 = 0
        var text = InlineArray<64, UInt8>(repeating: 0)
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let hashSeed: UInt64

    /// - Parameter hashSeed: any secret number, so that nobody can aim senders at one slot.
    init(hashSeed: UInt64) {
        self.hashSeed = hashSeed
        slots = .allocate(capacity: SenderTexts.slotCount)
        slots.initialize(repeating: Slot(), count: SenderTexts.slotCount)
    }

    deinit {
        slots.deallocate()
    }

    /// The sender of `datagram`; valid until the next call.
    func text(of datagram: UnsafePointer<forebay_datagram>) -> UnsafeRawBufferPointer {
        let key = SenderTexts.key(of: datagram)
        var mixed = (key.high ^ hashSeed) &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 29) ^ key.low) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 31) ^ key.rest) &* 0x94D0_49BB_1331_11EB
        let slot = slots + Int(mixed >> 54)
        if slot.pointee.length == 0 || !(slot.pointee.key == key) {
            slot.pointee.key = key
            slot.pointee.length = UInt64(SenderTexts.format(datagram, into: &slot.pointee.text))
        }
        let offset = MemoryLayout<Slot>.offset(of: \Slot.text) ?? 0
        return UnsafeRawBufferPointer(start: UnsafeRawPointer(slot) + offset, count: Int(slot.pointee.length))
    }

    private static func key(of datagram: UnsafePointer<forebay_datagram>) -> Key {
        var key = Key()
        withUnsafeBytes(of: datagram.pointee.address) { bytes in
            key.high = bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
            key.low = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        }
        let scope = UInt64(datagram.pointee.scope) << 32
        key.rest = scope | UInt64(datagram.pointee.port) << 8 | UInt64(datagram.pointee.is_ipv6)
        return key
    }

    /// Returns the number of bytes written; the longest text has 60.
    private static func format(
        _ datagram: UnsafePointer<forebay_datagram>,
        into text: inout InlineArray<64, UInt8>
    ) -> Int {
        var writer = AddressWriter()
        withUnsafeBytes(of: datagram.pointee.address) { bytes in
            if datagram.pointee.is_ipv6 == 0 {
                writer.appendIPv4(bytes, port: datagram.pointee.port)
            } else {
                writer.appendIPv6(bytes, scope: datagram.pointee.scope, port: datagram.pointee.port)
            }
        }
        text = writer.text
        return writer.count
    }
}
