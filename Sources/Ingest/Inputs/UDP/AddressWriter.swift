// Addresses as text, `192.0.2.7:5000` or `[2001:db8::1]:5000`, without an allocation.

/// Writes one address in the one form of RFC 5952: lower case, the longest run of zero groups as `::`.
package struct AddressWriter {
    /// The written bytes; the longest text, an IPv6 address with scope and port, has 58.
    package private(set) var text = InlineArray<64, UInt8>(repeating: 0)
    package private(set) var count = 0

    package init() {}

    /// `bytes`: at least 4, in network order.
    package mutating func appendIPv4(_ bytes: UnsafeRawBufferPointer, port: UInt16) {
        for index in 0..<4 {
            if index > 0 { append(UInt8(ascii: ".")) }
            appendDecimal(UInt32(bytes[index]))
        }
        append(UInt8(ascii: ":"))
        appendDecimal(UInt32(port))
    }

    /// - `bytes`: at least 16, in network order.
    /// - `scope`: the interface of a link-local address, else 0.
    package mutating func appendIPv6(_ bytes: UnsafeRawBufferPointer, scope: UInt32, port: UInt16) {
        append(UInt8(ascii: "["))
        appendGroups(bytes)
        if scope != 0 {
            append(UInt8(ascii: "%"))
            appendDecimal(scope)
        }
        append(UInt8(ascii: "]"))
        append(UInt8(ascii: ":"))
        appendDecimal(UInt32(port))
    }

    private mutating func append(_ byte: UInt8) {
        guard count < text.count else { return }
        text[count] = byte
        count += 1
    }

    private mutating func appendDecimal(_ value: UInt32) {
        var divisor: UInt32 = 1
        while value / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
    }

    private mutating func appendGroups(_ bytes: UnsafeRawBufferPointer) {
        let zeros = AddressWriter.longestZeroRun(bytes)
        var group = 0
        while group < 8 {
            if group == zeros.start, zeros.count > 1 {
                append(UInt8(ascii: ":"))
                append(UInt8(ascii: ":"))
                group += zeros.count
                continue
            }
            if group > 0, !(zeros.count > 1 && group == zeros.start + zeros.count) { append(UInt8(ascii: ":")) }
            appendHexadecimal(AddressWriter.group(group, of: bytes))
            group += 1
        }
    }

    private mutating func appendHexadecimal(_ value: UInt16) {
        var hasBegun = false
        var shift: UInt16 = 16
        while shift > 0 {
            shift -= 4
            let digit = UInt8(truncatingIfNeeded: value >> shift) & 0xF
            if digit == 0, !hasBegun, shift > 0 { continue }
            hasBegun = true
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }

    private static func group(_ index: Int, of bytes: UnsafeRawBufferPointer) -> UInt16 {
        UInt16(bytes[index * 2]) << 8 | UInt16(bytes[index * 2 + 1])
    }

    private static func longestZeroRun(_ bytes: UnsafeRawBufferPointer) -> (start: Int, count: Int) {
        var best = (start: 8, count: 0)
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, group(end, of: bytes) == 0 { end += 1 }
            if end - start > best.count { best = (start, end - start) }
            start = max(end, start + 1)
        }
        return best
    }
}
