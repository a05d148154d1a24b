// Kafka's default partitioner, so that outside producers put a key where we put it.

/// Chooses partitions by key; records without a key are for the caller to spread.
package enum Partitioner {
    /// The partition of `key` among `count` partitions (1 or more): murmur2 of the key, sign bit cleared, modulo.
    package static func partition(key: UnsafeRawBufferPointer, count: Int) -> PartitionIndex {
        precondition(count >= 1, "a topic has at least one partition")
        let positive = murmur2(key) & 0x7FFF_FFFF
        return PartitionIndex(Int32(truncatingIfNeeded: Int(positive) % count))
    }

    /// MurmurHash2 with Kafka's seed, as `org.apache.kafka.common.utils.Utils.murmur2`.
    package static func murmur2(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        let multiplier: UInt32 = 0x5BD1_E995
        var hash: UInt32 = 0x9747_B28C ^ UInt32(truncatingIfNeeded: bytes.count)
        var at = 0
        while at + 4 <= bytes.count {
            var word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
            word = word &* multiplier
            word ^= word >> 24
            hash = (hash &* multiplier) ^ (word &* multiplier)
            at += 4
        }
        let rest = bytes.count - at
        if rest >= 3 { hash ^= UInt32(bytes[at + 2]) << 16 }
        if rest >= 2 { hash ^= UInt32(bytes[at + 1]) << 8 }
        if rest >= 1 { hash = (hash ^ UInt32(bytes[at])) &* multiplier }
        hash ^= hash >> 13
        hash = hash &* multiplier
        return Int32(bitPattern: hash ^ (hash >> 15))
    }
}
