// What could not be delivered: `<data>/hooks/<name>.dead-letters`, one JSON object per line, bounded.
internal import Foundation
internal import Platform

/// One hook's file. Its worker only; blocks for the disk.
struct DeadLetters {
    private struct Letter: Encodable {
        var at: String
        var key: String
        var offsets: [Int64]
        var status: Int?
        var error: String
        var alerts: [AlertRecord]
    }

    private let dataDirectory: String
    private let name: String
    private let disk: any Disk

    init(dataDirectory: String, name: String, disk: any Disk) {
        self.dataDirectory = dataDirectory
        self.name = name
        self.disk = disk
    }

    private var directory: String { dataDirectory + "/hooks" }
    private var path: String { "\(directory)/\(name).dead-letters" }

    /// Appends one line, durable on return; false where the file is full.
    func append(
        _ alerts: [AlertRecord],
        offsets: [Int64],
        key: String,
        status: Int?,
        error: String,
        at time: String
    ) throws -> Bool {
        let letter = Letter(at: time, key: key, offsets: offsets, status: status, error: error, alerts: alerts)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        let line = Array(try encoder.encode(letter)) + [0x0A]
        let file = try open()
        let size = try file.size()
        guard size + Int64(line.count) <= AlertingLimits.deadLetterBytesMax else { return false }
        try file.write(line, at: size)
        try file.sync()
        return true
    }

    private func open() throws(DiskError) -> any DiskFile {
        if try disk.exists(path) { return try disk.open(path, .update) }
        if try !disk.exists(directory) {
            try disk.createDirectory(directory)
            try disk.syncDirectory(dataDirectory)
        }
        let file = try disk.open(path, .create)
        try disk.syncDirectory(directory)
        return file
    }
}
