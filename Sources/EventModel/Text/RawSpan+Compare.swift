// Comparing slices of a span with one another and with fixed words.

extension RawSpan {
    /// Whether the two slices lie inside of the span and hold the same bytes.
    @inlinable
    public func equalBytes(_ left: ByteSlice, _ right: ByteSlice) -> Bool {
        guard left.count == right.count, contains(left), contains(right) else { return false }
        for index in 0..<left.count
        where unsafeLoad(fromByteOffset: left.start &+ index, as: UInt8.self)
            != unsafeLoad(fromByteOffset: right.start &+ index, as: UInt8.self)
        {
            return false
        }
        return true
    }

    /// Whether the slice lies inside of the span and holds exactly the ASCII of `word`.
    @inlinable
    public func equals(_ slice: ByteSlice, _ word: StaticString) -> Bool {
        guard slice.count == word.utf8CodeUnitCount, contains(slice) else { return false }
        let other = UnsafeRawPointer(word.utf8Start)
        guard slice.count >= 4, slice.count <= 8 else {
            for index in 0..<slice.count
            where unsafeLoad(fromByteOffset: slice.start &+ index, as: UInt8.self) != word.utf8Start[index] {
                return false
            }
            return true
        }
        // The first four bytes and the last four, which may overlap.
        let last = slice.count &- 4
        return unsafeLoadUnaligned(fromByteOffset: slice.start, as: UInt32.self)
            == other.loadUnaligned(fromByteOffset: 0, as: UInt32.self)
            && unsafeLoadUnaligned(fromByteOffset: slice.start &+ last, as: UInt32.self)
                == other.loadUnaligned(fromByteOffset: last, as: UInt32.self)
    }

    @inlinable
    func contains(_ slice: ByteSlice) -> Bool {
        slice.start >= 0 && slice.count >= 0 && slice.start <= byteCount && slice.count <= byteCount &- slice.start
    }
}
