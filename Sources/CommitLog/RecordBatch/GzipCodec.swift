// The only door to zlib: gzip members (RFC 1952), as producers write them.
internal import CZlib

/// Inflates gzip, with a state that is reused. One thread at a time.
final class GzipCodec {
    /// The largest window, and gzip headers only: zlib's `windowBits`.
    private static let windowBits: Int32 = 15 + 16

    private let stream: UnsafeMutablePointer<z_stream>
    private let isReady: Bool

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let size = Int32(MemoryLayout<z_stream>.size)
        isReady = inflateInit2_(stream, GzipCodec.windowBits, ZLIB_VERSION, size) == Z_OK
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Inflates whole members, one after the other, into `output`; the length, or nil for anything else, and where it
    /// would pass the output's end.
    func decompress(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        guard isReady, let source = input.baseAddress, let target = output.baseAddress,
            let inputCount = UInt32(exactly: input.count), let room = UInt32(exactly: output.count)
        else { return nil }
        // zlib does not write to its input; its field is not const.
        stream.pointee.next_in = UnsafeMutableRawPointer(mutating: source).assumingMemoryBound(to: Bytef.self)
        stream.pointee.avail_in = inputCount
        stream.pointee.next_out = target.assumingMemoryBound(to: Bytef.self)
        stream.pointee.avail_out = room
        repeat {
            guard inflateReset(stream) == Z_OK, inflate(stream, Z_FINISH) == Z_STREAM_END else { return nil }
        } while stream.pointee.avail_in > 0
        return output.count - Int(stream.pointee.avail_out)
    }
}
