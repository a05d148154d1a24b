// Kafka's record varints: zigzag, then seven bits per byte, least significant first (at most 5 bytes for 32 bits, 10
// for 64).

enum Varint {
    @inline(__always)
    static func zigzag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: (value << 1) ^ (value >> 63))
    }

    /// Bytes that `value` takes, 1 to 10.
    @inline(__always)
    static func size(_ value: Int64) -> Int {
        let bits = 64 - (zigzag(value) | 1).leadingZeroBitCount
        return (bits + 6) / 7
    }

    /// Writes `value` at `at`, where the caller has proved `size(value)` bytes of room; returns the place after it.
    @inline(__always)
    static func write(_ value: Int64, at start: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        var rest = zigzag(value)
        var at = start
        while rest >= 0x80 {
            at.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, as: UInt8.self)
            at += 1
            rest >>= 7
        }
        at.storeBytes(of: UInt8(truncatingIfNeeded: rest), as: UInt8.self)
        return at + 1
    }

    /// Reads a varint from `at` up to `end`, moving `at`; nil where it is cut off, too long or out of 64 bits.
    @inline(__always)
    static func read(_ at: inout UnsafeRawPointer, end: UnsafeRawPointer) -> Int64? {
        guard at < end else { return nil }
        let first = at.load(as: UInt8.self)
        if first < 0x80 {
            at += 1
            return Int64(first >> 1) ^ -Int64(first & 1)
        }
        return readLong(&at, end: end)
    }

    /// As `read`, where the value has 32 bits: nil for one that is longer than five bytes or out of range, which clients
    /// would not take.
    @inline(__always)
    static func read32(_ at: inout UnsafeRawPointer, end: UnsafeRawPointer) -> Int32? {
        let start = at
        guard let value = read(&at, end: end), at - start <= 5 else { return nil }
        return Int32(exactly: value)
    }

    private static func readLong(_ at: inout UnsafeRawPointer, end: UnsafeRawPointer) -> Int64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while at < end {
            let byte = at.load(as: UInt8.self)
            at += 1
            // The tenth byte carries bit 63 alone.
            if shift == 63 && byte > 1 { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
            shift += 7
            if shift > 63 { return nil }
        }
        return nil
    }
}
