// What `seal` costs per reading, on whichever thread: CRC alone, and with each compression.
import CommitLog
import Platform

/// Seals batches of events as the box stores them.
struct SealLoad {
    private static let records = 200_000

    let compression: Compression
    let recordsPerBatch: Int

    init(_ compression: String, recordsPerBatch: String) throws {
        let known: [String: Compression] = ["none": .none, "lz4": .lz4, "zstd": .zstd]
        guard let compression = known[compression], let count = Int(recordsPerBatch), (1...1000).contains(count) else {
            throw LoadError(description: "seal takes none, lz4 or zstd, and 1 to 1000 records a batch")
        }
        self.compression = compression
        self.recordsPerBatch = count
    }

    func run() -> String {
        let pool = BatchBufferPool()
        let builder = BatchBuilder(pool: pool)
        var generator = SeededGenerator(seed: 42)
        var sealing = 0.0
        var plainBytes = 0
        var storedBytes = 0
        let rounds = SealLoad.records / recordsPerBatch
        for round in 0..<rounds {
            fill(builder, round: round, &generator)
            plainBytes += builder.byteCount
            let start = threadSeconds()
            let batch = builder.seal(compression: compression)
            sealing += threadSeconds() - start
            storedBytes += batch.byteCount
        }
        let records = Double(rounds * recordsPerBatch)
        return "{\"ns_per_record\":\(sealing * 1e9 / records),\"plain_bytes\":\(Double(plainBytes) / records),"
            + "\"stored_bytes\":\(Double(storedBytes) / records)}"
    }

    /// Temperatures of 1000 devices in the record's form, each with other digits.
    private func fill(_ builder: BatchBuilder, round: Int, _ generator: inout SeededGenerator) {
        for index in 0..<recordsPerBatch {
            let number = (round * recordsPerBatch + index) % 1000
            let device = "device-\(number)"
            let value = Double(Int.random(in: -2000...4000, using: &generator)) / 100
            let millisecond = 100 + index % 900
            let text = """
                {"device":"\(device)","time":"2026-11-25T12:00:00.\(millisecond)Z",\
                "received":"2026-11-25T12:00:01.\(millisecond)Z","clock":"device",\
                "readings":{"temperature":\(value)},"units":{"temperature":"°C"},\
                "quality":"good","seq":\(round * recordsPerBatch + index)}
                """
            append(Array(device.utf8), Array(text.utf8), to: builder, at: Timestamp(milliseconds: Int64(index)))
        }
    }

    private func append(_ key: [UInt8], _ value: [UInt8], to builder: BatchBuilder, at time: Timestamp) {
        let fits = key.withUnsafeBytes { key in
            value.withUnsafeBytes { value in
                builder.append(
                    timestamp: time,
                    key: key,
                    value: value,
                    headers: UnsafeRawBufferPointer(start: nil, count: 0),
                    headerCount: 0
                )
            }
        }
        precondition(fits, "1000 events fit into a batch")
    }
}
