// CRC-32C, the checksum of record batches, the journal and cursor slots.
internal import CPlatform

/// Castagnoli's polynomial, reflected (RFC 3720); with the processor's instruction where it has one.
package enum CRC32C {
    /// Extends `seed` (0 for a new checksum) over `bytes`; called once per batch, about 0.1 ns per byte.
    package static func checksum(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress else { return seed }
        return forebay_crc32c(seed, base, bytes.count)
    }

    /// The same value without the processor's instruction: what machines without one compute.
    package static func portableChecksum(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress else { return seed }
        return forebay_crc32c_portable(seed, base, bytes.count)
    }
}
