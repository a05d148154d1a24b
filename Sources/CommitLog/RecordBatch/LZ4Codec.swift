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

    /// Inflates whole frames, of any block size, linked or not, with checksums or without, into `output`; the length, or
    /// nil for anything else, and where it would pass the output's end.
    func decompress(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        if decompression == nil { LZ4F_createDecompressionContext(&decompression, UInt32(LZ4F_VERSION)) }
        guard let context = decompression else { return nil }
        guard let count = LZ4Codec.decompress(input, into: output, context) else {
            // liblz4 1.9 holds the content size of a frame that failed against the next one, in spite of its own reset.
            LZ4F_freeDecompressionContext(context)
            decompression = nil
            return nil
        }
        return count
    }

    private static func decompress(
        _ input: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer,
        _ context: OpaquePointer
    ) -> Int? {
        guard let source = input.baseAddress, let target = output.baseAddress else { return nil }
        // What was written stays in place, so that linked blocks look back at it and not at a copy.
        var options = LZ4F_decompressOptions_t()
        options.stableDst = 1
        var consumed = 0
        var count = 0
        while true {
            var produced = output.count - count
            var taken = input.count - consumed
            let hint = LZ4F_decompress(context, target + count, &produced, source + consumed, &taken, &options)
            guard LZ4F_isError(hint) == 0 else { return nil }
            consumed += taken
            count += produced
            // After a whole frame the context stands at the beginning of the next one.
            if hint == 0 && consumed == input.count { return count }
            if taken == 0 && produced == 0 { return nil }
        }
    }
}
