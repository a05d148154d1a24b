// The only door to liblz4: the LZ4 frame format as Kafka uses it.
internal import CLZ4

/// Compresses to and from LZ4 frames, with contexts that are reused. One thread at a time.
final class LZ4Codec {
    private var compression: OpaquePointer?
    private var decompression: OpaquePointer?

    deinit {
        LZ4F_freeCompressionContext(compression)
        LZ4F_freeDecompressionContext(decompression)
    }

    /// Independent blocks of 64 KiB (Java refuses linked ones), no content checksum: the batch has its own.
    private static func preferences() -> LZ4F_preferences_t {
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.blockSizeID = LZ4F_max64KB
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        preferences.frameInfo.contentChecksumFlag = LZ4F_noContentChecksum
        preferences.autoFlush = 1
        return preferences
    }

    /// Room that `compress` needs for `count` bytes.
    static func bound(_ count: Int) -> Int {
        var preferences = LZ4Codec.preferences()
        return LZ4F_compressFrameBound(count, &preferences) + 64
    }

    /// Writes one frame to `output`, which has `bound` bytes; its length, or nil where the library refuses.
    func compress(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        if compression == nil { LZ4F_createCompressionContext(&compression, UInt32(LZ4F_VERSION)) }
        guard let context = compression, let start = output.baseAddress else { return nil }
        var preferences = LZ4Codec.preferences()
        var count = LZ4F_compressBegin(context, start, output.count, &preferences)
        guard LZ4F_isError(count) == 0 else { return nil }
        let body = LZ4F_compressUpdate(
            context,
            start + count,
            output.count - count,
            input.baseAddress,
            input.count,
            nil
        )
        guard LZ4F_isError(body) == 0 else { return nil }
        count += body
        let end = LZ4F_compressEnd(context, start + count, output.count - count, nil)
        guard LZ4F_isError(end) == 0 else { return nil }
        return count + end
    }

    /// Inflates exactly one frame into `output`; false for anything else, or where it would pass the output's limit.
    func decompress(_ input: UnsafeRawBufferPointer, into output: InflatedBytes) -> Bool {
        if decompression == nil { LZ4F_createDecompressionContext(&decompression, UInt32(LZ4F_VERSION)) }
        guard let context = decompression, let source = input.baseAddress else { return false }
        LZ4F_resetDecompressionContext(context)
        output.removeAll()
        var consumed = 0
        while true {
            guard let room = output.room() else { return false }
            var produced = room.count
            var taken = input.count - consumed
            let hint = LZ4F_decompress(context, room.baseAddress, &produced, source + consumed, &taken, nil)
            guard LZ4F_isError(hint) == 0 else { return false }
            consumed += taken
            output.advance(by: produced)
            if hint == 0 { return consumed == input.count }
            if taken == 0 && produced == 0 { return false }
        }
    }
}
