// What a producer sends in the tests of the listener.
import CommitLog
import NIOCore
import Platform
import Testing

enum ProducedBatch {
    /// A batch of one record without a key, as it is before it has an offset.
    static func oneRecord(_ value: [UInt8]) throws -> ByteBuffer {
        let builder = BatchBuilder(pool: BatchBufferPool())
        let isAdded = value.withUnsafeBytes { value in
            builder.append(
                timestamp: Timestamp(milliseconds: 1_795_910_400_000),
                key: nil,
                value: value,
                headers: UnsafeRawBufferPointer(start: nil, count: 0),
                headerCount: 0
            )
        }
        try #require(isAdded)
        return ByteBuffer(bytes: builder.seal(compression: .none).bytes)
    }
}
