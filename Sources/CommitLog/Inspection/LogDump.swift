// Shows the batches and records of one segment file: `log dump FILE`.
package import Platform

/// What stands at one place of a segment file.
package enum DumpedItem {
    case batch(position: Position, header: RecordBatchHeader)
    /// Of the batch before; its pointers are valid during the call.
    case record(Record)
    /// Bytes that are no batch, or records that cannot be read; the walk goes on with the next valid batch.
    case invalid(position: Position, message: String)
    /// Zeros to the end: written ahead.
    case unwritten(position: Position)
}

/// What is in one segment file, batch by batch: `forebay log dump`.
package enum LogDump {
    /// Walks the file from its start, calling `visit` in file order; no log needs to be open, nothing is changed.
    package static func dump(_ path: String, disk: any Disk, visit: (DumpedItem) -> Void) throws(LogError) {
        do {
            let file = try disk.open(path, .read)
            let scanner = SegmentScanner(file: file, length: try file.size())
            let decoder = RecordDecoder()
            var position: Int64 = 0
            while position < scanner.length {
                switch try scanner.finding(at: position) {
                case .batch(let header):
                    visit(.batch(position: Position(position), header: header))
                    let bytes = try scanner.batchBytes(at: position, header)
                    if let message = records(of: bytes, decoder, visit) {
                        visit(.invalid(position: Position(position), message: message))
                    }
                    position += Int64(header.totalBytes)
                case .end:
                    visit(.unwritten(position: Position(position)))
                    return
                case .invalid:
                    visit(.invalid(position: Position(position), message: "no valid batch"))
                    guard let next = try scanner.nextBatch(after: position, expecting: .zero) else { return }
                    position = next.position
                }
            }
        } catch {
            throw LogError(error)
        }
    }

    /// Visits the records; what is wrong with them, or nil.
    private static func records(
        of bytes: UnsafeRawBufferPointer,
        _ decoder: RecordDecoder,
        _ visit: (DumpedItem) -> Void
    ) -> String? {
        guard let batch = RecordBatchView(bytes) else { return "the batch is cut off" }
        do {
            var cursor = try decoder.open(batch)
            while let record = try cursor.next() { visit(.record(record)) }
            return nil
        } catch {
            return "the records cannot be read: \(error)"
        }
    }
}
