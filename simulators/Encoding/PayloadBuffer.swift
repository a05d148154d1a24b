// Reusable bytes for payloads: the one file of the simulators that writes through raw pointers.
import Glibc

/// Growing bytes that are written over and over. Every write reserves its room first, so no write passes the end of
/// the allocation; every read goes through a buffer pointer of exactly `count` bytes. Owned by one thread.
struct PayloadBuffer: ~Copyable {
    private var storage: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(capacity: Int) {
        storage = .allocate(byteCount: max(64, capacity), alignment: 16)
    }

    deinit {
        storage.deallocate()
    }

    mutating func removeAll() {
        count = 0
    }

    /// Forgets the first `prefix` bytes and moves the rest to the front.
    mutating func removeFirst(_ prefix: Int) {
        precondition(prefix >= 0 && prefix <= count, "more bytes than there are")
        UnsafeMutableRawBufferPointer(rebasing: storage[..<(count - prefix)])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[prefix..<count]))
        count -= prefix
    }

    /// Forgets everything from `mark` on.
    mutating func truncate(to mark: Int) {
        precondition(mark >= 0 && mark <= count, "a mark beyond the bytes")
        count = mark
    }

    private mutating func reserve(_ more: Int) {
        guard storage.count - count < more else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(storage.count * 2, count + more),
            alignment: 16
        )
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[..<count]))
        storage.deallocate()
        storage = larger
    }

    mutating func append(_ byte: UInt8) {
        reserve(1)
        storage[count] = byte
        count += 1
    }

    mutating func append(_ bytes: [UInt8]) {
        reserve(bytes.count)
        bytes.withUnsafeBytes { source in
            UnsafeMutableRawBufferPointer(rebasing: storage[count..<count + source.count]).copyMemory(from: source)
        }
        count += bytes.count
    }

    mutating func append(_ text: StaticString) {
        let length = text.utf8CodeUnitCount
        reserve(length)
        // A string literal of more than one scalar, or an ASCII one, always has a pointer representation.
        UnsafeMutableRawBufferPointer(rebasing: storage[count..<count + length])
            .copyMemory(from: UnsafeRawBufferPointer(start: text.utf8Start, count: length))
        count += length
    }

    /// Appends `value` in decimal.
    mutating func append(decimal value: UInt64) {
        reserve(20)
        var digits = 1
        var bound: UInt64 = 10
        while digits < 20, value >= bound {
            digits += 1
            bound = digits == 20 ? .max : bound * 10
        }
        var rest = value
        for place in stride(from: digits - 1, through: 0, by: -1) {
            storage[count + place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        count += digits
    }

    mutating func append(decimal value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        append(decimal: value.magnitude)
    }

    /// Appends `value` with at least `width` digits.
    mutating func append(padded value: Int64, width: Int) {
        var bound: Int64 = 10
        for _ in 1..<width {
            if value < bound { append(UInt8(ascii: "0")) }
            bound *= 10
        }
        append(decimal: value)
    }

    /// Appends hundredths as a decimal number with two places: -1180 is `-11.80`.
    mutating func append(hundredths value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        append(decimal: value.magnitude / 100)
        append(UInt8(ascii: "."))
        append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value.magnitude / 10 % 10))
        append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value.magnitude % 10))
    }

    /// Appends milliseconds since 1970 as `2026-11-23T19:10:00.123Z`.
    mutating func append(rfc3339 milliseconds: Int64) {
        let (days, rest) = Self.daysAndRest(milliseconds)
        let date = CivilDate(daysSince1970: days)
        append(padded: date.year, width: 4)
        append("-")
        append(padded: date.month, width: 2)
        append("-")
        append(padded: date.day, width: 2)
        append("T")
        append(padded: rest / 3_600_000, width: 2)
        append(":")
        append(padded: rest / 60_000 % 60, width: 2)
        append(":")
        append(padded: rest / 1000 % 60, width: 2)
        append(".")
        append(padded: rest % 1000, width: 3)
        append("Z")
    }

    /// Appends the time of day as NMEA has it: `191000.12`.
    mutating func append(nmeaTime milliseconds: Int64) {
        let rest = Self.daysAndRest(milliseconds).rest
        append(padded: rest / 3_600_000, width: 2)
        append(padded: rest / 60_000 % 60, width: 2)
        append(padded: rest / 1000 % 60, width: 2)
        append(".")
        append(padded: rest % 1000 / 10, width: 2)
    }

    private static func daysAndRest(_ milliseconds: Int64) -> (days: Int64, rest: Int64) {
        let (days, rest) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
        return rest < 0 ? (days - 1, rest + 86_400_000) : (days, rest)
    }

    /// The byte at `index`, which must be below `count`.
    subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < count, "an index beyond the bytes")
        return storage[index]
    }

    /// Lends all bytes; the pointer is valid only during the call.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        body(UnsafeRawBufferPointer(rebasing: storage[..<count]))
    }
}
