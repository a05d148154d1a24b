// What it costs to take in the batch of a Kafka producer: every field and record checked, then copied.
import CommitLog
import Platform

/// Takes the same batch of records with values of 100 bytes again and again.
struct TakeLoad {
    private static let records = 2_000_000
    private static let valueBytes = 100

    let compression: Compression
    let recordsPerBatch: Int

    init(_ compression: String, recordsPerBatch: String) throws {
        let known: [String: Compression] = ["none": .none, "lz4": .lz4, "zstd": .zstd]
        guard let compression = known[compression], let count = Int(recordsPerBatch), (1...1000).contains(count) else {
            throw LoadError(description: "take takes none, lz4 or zstd, and 1 to 1000 records a batch")
        }
        self.compression = compression
        self.recordsPerBatch = count
    }

    func run() throws -> String {
        let pool = BatchBufferPool()
        let made = makeBatch(pool)
        let sent = Array(made.bytes)
        let rounds = TakeLoad.records / recordsPerBatch
        let start = threadSeconds()
        for _ in 0..<rounds {
            let batch = try sent.withUnsafeBytes { try ForeignBatch.sealed($0, .init(), pool: pool) }
            guard batch.recordCount == recordsPerBatch else { throw LoadError(description: "not what was sent") }
        }
        let taking = threadSeconds() - start
        let records = Double(rounds * recordsPerBatch)
        return "{\"ns_per_record\":\(taking * 1e9 / records),"
            + "\"stored_bytes\":\(Double(sent.count) / Double(recordsPerBatch)),\"batches\":\(rounds)}"
    }

    /// As a producer would make it: our builder writes the same format.
    private func makeBatch(_ pool: BatchBufferPool) -> SealedBatch {
        let builder = BatchBuilder(pool: pool)
        var generator = SeededGenerator(seed: 42)
        for index in 0..<recordsPerBatch {
            var text = "{\"device\":\"device-\(index % 50)\",\"seq\":\(index),\"noise\":\""
            while text.utf8.count < TakeLoad.valueBytes { text += String(generator.next(), radix: 36) }
            let key = Array("device-\(index % 50)".utf8)
            let fits = key.withUnsafeBytes { key in
                Array(text.utf8.prefix(TakeLoad.valueBytes)).withUnsafeBytes { value in
                    builder.append(
                        timestamp: Timestamp(milliseconds: 1_795_000_000_000 + Int64(index)),
                        key: key,
                        value: value,
                        headers: .init(start: nil, count: 0),
                        headerCount: 0
                    )
                }
            }
            precondition(fits, "a thousand records of 100 bytes fit into a batch")
        }
        return builder.seal(compression: compression)
    }
}
