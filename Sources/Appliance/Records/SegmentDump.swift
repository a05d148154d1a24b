// `log dump FILE`: one segment, batch by batch and record by record.
internal import CommitLog
internal import EventModel
internal import Foundation
internal import Platform

package enum SegmentDump {
    /// Hands over one line per batch and, indented, one per record, as JSON.
    ///
    /// - Throws: `CommandFailure` 66 where there is no such file, 74 where it cannot be read, 77 where this user may not.
    package static func run(_ path: String, _ write: (String) -> Void) throws(CommandFailure) {
        try AccessCheck.require(path, R_OK)
        guard FileManager.default.fileExists(atPath: path) else {
            throw CommandFailure(ExitStatus.noInput, "there is no file \(path)")
        }
        let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let kind = try? FileManager.default.attributesOfItem(atPath: resolved)[.type] as? FileAttributeType
        guard kind == .typeRegular else {
            throw CommandFailure(
                ExitStatus.noInput,
                "\(path) is not a segment file",
                hint: "name a file *.log below log/"
            )
        }
        let name = URL(fileURLWithPath: path).deletingLastPathComponent().lastPathComponent
        let fallback = TopicPartition(topic: .readings, partition: .zero)
        let partition = TopicPartition(directoryName: name) ?? fallback
        var line = RecordLine()
        do throws(LogError) {
            try LogDump.dump(path, disk: PosixDisk()) { item in
                switch item {
                case .batch(let position, let header):
                    write(batch(header, at: position))
                case .record(let record):
                    line.encode(record, of: partition)
                    write("  " + String(decoding: line.bytes, as: UTF8.self))
                case .invalid(let position, let message):
                    write("{\"position\":\(position),\"invalid\":\"\(message)\"}")
                case .unwritten(let position):
                    write("{\"position\":\(position),\"unwritten\":true}")
                }
            }
        } catch {
            throw DataDirectory.failure(error, status: ExitStatus.inputOutput)
        }
    }

    private static func batch(_ header: RecordBatchHeader, at position: Position) -> String {
        "{\"position\":\(position),\"baseOffset\":\(header.baseOffset),\"records\":\(header.recordCount),"
            + "\"bytes\":\(header.totalBytes),\"codec\":\(header.codec),\"baseTimestamp\":\(header.baseTimestamp),"
            + "\"maxTimestamp\":\(header.maxTimestamp)}"
    }
}
