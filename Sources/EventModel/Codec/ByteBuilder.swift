// The one growing byte buffer of the encoders: raw stores behind one capacity check.
public import Platform

/// Bytes under construction, reused from event to event. One owner.
///
/// Every append reserves first and then stores below `count + reserved <= capacity`; that is the whole proof of
/// bounds in this file. It grows by doubling and keeps what it grew to, so that a steady load allocates nothing.
public struct ByteBuilder: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    /// Bytes written so far.
    public private(set) var count = 0

    /// Allocates at once; at least 64 bytes.
    public init(capacity: Int = 1024) {
        self.capacity = max(64, capacity)
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit {
        base.deallocate()
    }

    /// What was written. Valid until the next change.
    @inline(__always)
    public var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base, count: count)
    }

    /// A part of what was written, cut to what is there. Valid until the next change.
    public func bytes(from start: Int) -> UnsafeRawBufferPointer {
        let from = min(max(0, start), count)
        return UnsafeRawBufferPointer(start: base + from, count: count - from)
    }

    /// Forgets what was written and keeps the memory.
    @inline(__always)
    public mutating func removeAll() {
        count = 0
    }

    /// Takes back everything after `length`.
    @inline(__always)
    public mutating func truncate(to length: Int) {
        count = min(count, max(0, length))
    }

    @inline(__always)
    private mutating func reserve(_ additional: Int) {
        if additional > capacity &- count { grow(additional) }
    }

    @inline(never)
    private mutating func grow(_ additional: Int) {
        let grown = max(capacity * 2, count + additional)
        let fresh = UnsafeMutableRawPointer.allocate(byteCount: grown, alignment: 16)
        fresh.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = fresh
        capacity = grown
    }

    /// One byte.
    @inline(__always)
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    /// A copy of the bytes.
    @inline(__always)
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        (base + count).copyMemory(from: source, byteCount: bytes.count)
        count &+= bytes.count
    }

    /// The text as UTF-8, unescaped.
    @inline(__always)
    public mutating func append(_ text: StaticString) {
        let length = text.utf8CodeUnitCount
        reserve(length)
        (base + count).copyMemory(from: text.utf8Start, byteCount: length)
        count &+= length
    }

    /// The text as UTF-8, unescaped; never per reading.
    public mutating func append(text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Lets `write` store up to `byteCount` bytes and say how many it stored.
    @inline(__always)
    public mutating func append(upTo byteCount: Int, _ write: (UnsafeMutableRawBufferPointer) -> Int) {
        guard byteCount > 0 else { return }
        reserve(byteCount)
        let written = write(UnsafeMutableRawBufferPointer(start: base + count, count: byteCount))
        count &+= min(max(0, written), byteCount)
    }

    /// Decimal digits.
    public mutating func append(integer value: Int64) {
        reserve(20)
        var magnitude = value.magnitude
        if value < 0 {
            base.storeBytes(of: 0x2D, toByteOffset: count, as: UInt8.self)
            count &+= 1
        }
        var digits = 1
        var bound: UInt64 = 10
        while digits < 19, magnitude >= bound {
            digits &+= 1
            bound = bound &* 10
        }
        var index = count &+ digits
        count = index
        repeat {
            index &-= 1
            base.storeBytes(of: UInt8(truncatingIfNeeded: magnitude % 10) | 0x30, toByteOffset: index, as: UInt8.self)
            magnitude /= 10
        } while magnitude > 0
    }

    /// The 24 characters of an instant.
    @inline(__always)
    public mutating func append(_ timestamp: Timestamp, with formatter: inout TimestampFormatter) {
        reserve(TimestampFormatter.byteCount)
        formatter.write(
            timestamp,
            to: UnsafeMutableRawBufferPointer(start: base + count, count: TimestampFormatter.byteCount)
        )
        count &+= TimestampFormatter.byteCount
    }

    /// A finite number in the JSON grammar, shortest text that reads back the same; `null` for what JSON cannot say.
    public mutating func append(number value: Double) {
        guard value.isFinite else { return append("null") }
        if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 { return append(integer: whole) }
        // A subnormal number may have fewer digits than `DecimalText` begins with; no sensor sends one.
        guard value.isNormal else { return append(text: value.description) }
        append(upTo: DecimalText.writtenBytesMax) { DecimalText.write(value, into: $0) }
    }

    /// The inside of a JSON string. The bytes must be UTF-8; quotes, backslashes and control characters are escaped.
    public mutating func append(escaping bytes: UnsafeRawBufferPointer) {
        var start = 0
        var index = 0
        while index < bytes.count {
            if index &+ 8 <= bytes.count {
                let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
                if JSONScanner.stops(word) == 0 {
                    index &+= 8
                    continue
                }
            }
            let byte = bytes[index]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 {
                append(UnsafeRawBufferPointer(rebasing: bytes[start..<index]))
                appendEscape(byte)
                start = index &+ 1
            }
            index &+= 1
        }
        append(UnsafeRawBufferPointer(rebasing: bytes[start..<bytes.count]))
    }

    private mutating func appendEscape(_ byte: UInt8) {
        append(0x5C)
        switch byte {
        case 0x22, 0x5C: append(byte)
        case 0x0A: append(0x6E)
        case 0x0D: append(0x72)
        case 0x09: append(0x74)
        default:
            append("u00")
            append(ByteBuilder.hexDigit(byte >> 4))
            append(ByteBuilder.hexDigit(byte & 0x0F))
        }
    }

    private static func hexDigit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? nibble | 0x30 : nibble &+ 0x57
    }
}

/// Both counted in bytes: a run of text inside of a `ByteBuilder` that keeps fragments.
public struct FragmentRange: BitwiseCopyable, Sendable {
    /// The first byte.
    public var start: Int
    /// How many bytes.
    public var count: Int

    /// No bytes.
    public static let none = FragmentRange(start: 0, count: 0)

    /// Nothing is checked here; whoever follows the range checks it against the bytes.
    @inlinable
    public init(start: Int, count: Int) {
        self.start = start
        self.count = count
    }
}

extension ByteBuilder {
    /// The bytes of a fragment; none where the range does not lie inside. Valid until the next change.
    @inline(__always)
    public func bytes(_ range: FragmentRange) -> UnsafeRawBufferPointer {
        guard range.start >= 0, range.count > 0, range.start <= count, range.count <= count &- range.start else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(rebasing: bytes[range.start..<range.start &+ range.count])
    }
}
