// The only door to libsnappy: one raw block, as librdkafka writes it, or the blocks of xerial's framing, as Java does.
//
// | Framing      | Bytes | Holds                                                   |
// |--------------|------:|---------------------------------------------------------|
// | magic        |     8 | 0x82 "SNAPPY" 0x00                                      |
// | versions     |     8 | this one and the oldest that can read it; not looked at |
// | length       |     4 | big-endian; of the block that follows                   |
// | block        |     n | raw; length and block repeat to the end                 |
internal import CSnappy

/// Inflates snappy. Keeps nothing between calls.
enum SnappyCodec {
    private static let magic: [UInt8] = [0x82, 0x53, 0x4E, 0x41, 0x50, 0x50, 0x59, 0x00]
    private static let headerBytes = 16

    /// Inflates all of `input` into `output`; the length, or nil for anything else, and where it would pass the output's
    /// end.
    static func decompress(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        guard input.starts(with: magic) else { return block(input, into: output) }
        guard input.count >= headerBytes else { return nil }
        var rest = UnsafeRawBufferPointer(rebasing: input[headerBytes...])
        var count = 0
        while !rest.isEmpty {
            guard rest.count >= 4, let start = rest.baseAddress else { return nil }
            let length: Int32 = start.bigEndian(at: 0)
            guard length > 0, Int(length) <= rest.count - 4 else { return nil }
            let end = 4 + Int(length)
            let room = UnsafeMutableRawBufferPointer(rebasing: output[count...])
            guard let written = block(UnsafeRawBufferPointer(rebasing: rest[4..<end]), into: room) else { return nil }
            count += written
            rest = UnsafeRawBufferPointer(rebasing: rest[end...])
        }
        return count
    }

    /// One raw block. It begins with its inflated length, which is compared with the room before a byte is written.
    private static func block(
        _ input: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) -> Int? {
        guard let source = input.baseAddress?.assumingMemoryBound(to: CChar.self),
            let target = output.baseAddress?.assumingMemoryBound(to: CChar.self)
        else { return nil }
        var count = 0
        guard snappy_uncompressed_length(source, input.count, &count) == SNAPPY_OK, count <= output.count,
            snappy_uncompress(source, input.count, target, &count) == SNAPPY_OK
        else { return nil }
        return count
    }
}
