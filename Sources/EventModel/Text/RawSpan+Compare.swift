// Comparing slices of a span with one another and with fixed words.

extension RawSpan {
    /// Whether the two slices lie inside of the span and hold the same bytes.
    @inlinable
    public func equalBytes(_ left: ByteSlice, _ right: ByteSlice) -> Bool {
        guard left.count == right.count, contains(left), contains(right) else { return false }
        var start = 0
        while start &+ 8 <= left.count {
            guard
                unsafeLoadUnaligned(fromByteOffset: left.start &+ start, as: UInt64.self)
                    == unsafeLoadUnaligned(fromByteOffset: right.start &+ start, as: UInt64.self)
            else { return false }
            start &+= 8
        }
        for index in start..<left.count
        where unsafeLoad(fromByteOffset: left.start &+ index, as: UInt8.self)
            != unsafeLoad(fromByteOffset: right.start &+ index, as: UInt8.self)
        {
            return false
        }
        return true
    }

    /// Whether the slice lies inside of the span and holds exactly the ASCII of `word`.
    @inlinable
    @inline(__always)
    public func equals(_ slice: ByteSlice, _ word: StaticString) -> Bool {
        guard slice.count == word.utf8CodeUnitCount, contains(slice) else { return false }
        let other = UnsafeRawPointer(word.utf8Start)
        let count = slice.count
        // The first bytes and the last ones, which may overlap.
        if count >= 8, count <= 16 {
            return isSame(UInt64.self, slice, at: 0, other) && isSame(UInt64.self, slice, at: count &- 8, other)
        }
        if count >= 4, count < 8 {
            return isSame(UInt32.self, slice, at: 0, other) && isSame(UInt32.self, slice, at: count &- 4, other)
        }
        for index in 0..<count
        where unsafeLoad(fromByteOffset: slice.start &+ index, as: UInt8.self) != word.utf8Start[index] {
            return false
        }
        return true
    }

    @inlinable
    @inline(__always)
    func isSame<Word: FixedWidthInteger & BitwiseCopyable>(
        _ type: Word.Type,
        _ slice: ByteSlice,
        at offset: Int,
        _ other: UnsafeRawPointer
    ) -> Bool {
        unsafeLoadUnaligned(fromByteOffset: slice.start &+ offset, as: type)
            == other.loadUnaligned(fromByteOffset: offset, as: type)
    }

    @inlinable
    func contains(_ slice: ByteSlice) -> Bool {
        slice.start >= 0 && slice.count >= 0 && slice.start <= byteCount && slice.count <= byteCount &- slice.start
    }
}
