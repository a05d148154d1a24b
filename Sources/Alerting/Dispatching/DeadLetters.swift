// What could not be delivered: `<data>/hooks/<name>.dead-letters`, one JSON object per line, bounded.
internal import Foundation
package import Platform

/// One delivery that did not get through: what was in it, and why.
package struct DeadLetter: Hashable, Codable, Sendable {
    /// When it was given up, RFC 3339.
    package var at: String
    /// The delivery's `Idempotency-Key`.
    package var key: String
    /// Of its alerts in topic `alerts`.
    package var offsets: [Int64]
    /// HTTP status or exit code of the last attempt; nil where it did not come to that.
    package var status: Int?
    package var error: String
    package var alerts: [AlertRecord]

    /// nil where the bytes are no dead letter. Total.
    init?(json bytes: [UInt8]) {
        guard let letter = try? JSONDecoder().decode(DeadLetter.self, from: Data(bytes)) else { return nil }
        self = letter
    }

    init(at: String, key: String, offsets: [Int64], status: Int?, error: String, alerts: [AlertRecord]) {
        self.at = at
        self.key = key
        self.offsets = offsets
        self.status = status
        self.error = error
        self.alerts = alerts
    }
}

/// One hook's file. Appended to and cut by the hook's worker only; read by anybody. Blocks for the disk.
package struct DeadLetters: Sendable {
    private let dataDirectory: String
    private let name: String
    private let disk: any Disk

    /// `name`: of the hook, letters, digits, `-` and `_`.
    package init(dataDirectory: String, name: String, disk: any Disk) {
        self.dataDirectory = dataDirectory
        self.name = name
        self.disk = disk
    }

    private var directory: String { dataDirectory + "/hooks" }
    private var path: String { "\(directory)/\(name).dead-letters" }

    /// Whether there is a file; without one nothing was ever given up.
    package var exists: Bool {
        get throws(DiskError) { try disk.exists(path) }
    }

    /// The lines, oldest first, each without its newline: JSON, but for one that a crash cut off.
    package func lines() throws(DiskError) -> [[UInt8]] {
        guard try disk.exists(path) else { return [] }
        return try disk.wholeFile(path, bytesMax: Int(AlertingLimits.deadLetterBytesMax))
            .split(separator: 0x0A).map { Array($0) }
    }

    /// Appends one line, durable on return; false where the file is full.
    func append(_ letter: DeadLetter) throws -> Bool {
        var line = try HookJSON.encoded(letter) + [0x0A]
        let file = try open()
        let size = try file.size()
        // What a crash cut off shall not take this one with it.
        if try !endsWithLine(file, size) { line.insert(0x0A, at: 0) }
        guard size + Int64(line.count) <= AlertingLimits.deadLetterBytesMax else { return false }
        try file.write(line, at: size)
        try file.sync()
        return true
    }

    /// Takes these lines out; durable on return. What else there is stays, in its order.
    func remove(_ gone: Set<[UInt8]>) throws(DiskError) {
        guard !gone.isEmpty else { return }
        let left = try lines().filter { !gone.contains($0) }
        try disk.replaceFile(path, in: directory, with: left.flatMap { $0 + [0x0A] })
    }

    private func endsWithLine(_ file: any DiskFile, _ size: Int64) throws(DiskError) -> Bool {
        guard size > 0 else { return true }
        var last: UInt8 = 0
        let result: Result<Int, DiskError> = withUnsafeMutableBytes(of: &last) { buffer in
            Result { () throws(DiskError) in try file.read(into: buffer, at: size - 1) }
        }
        return try result.get() == 1 && last == 0x0A
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
