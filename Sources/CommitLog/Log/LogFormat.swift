// The file `<data>/FORMAT`: names the version of everything below the data directory.
internal import Platform

/// The line `forebay-log 1` with its newline, twice: one flipped bit makes a 3 of a 1, and a log must not be refused as a
/// newer one for that. One line alone counts too; lines that disagree are damage. The name of another version is refused,
/// for nobody but that version knows what its files mean; bytes that name none are damage, and damaged metadata never
/// stops the log.
struct LogFormat {
    let disk: any Disk
    let directory: String

    enum Condition: String, Sendable {
        case whole, missing, damaged
    }

    private static let version = 1
    private static let prefix = "forebay-log "
    private static let lengthMax = 64
    private var path: String { "\(directory)/FORMAT" }

    /// `access`: whoever only reads does without a file that the device does not let be opened.
    ///
    /// - Throws: `unsupportedFormat` where the file names another version.
    func condition(_ access: CommitLog.Access) throws(LogError) -> Condition {
        let text: String
        do throws(DiskError) {
            guard try disk.exists(path) else { return .missing }
            text = try read()
        } catch {
            guard error.isNoFile || (access == .readOnly && error.isUnopenable) else { throw LogError(error) }
            return .damaged
        }
        guard let found = LogFormat.version(in: text) else { return .damaged }
        guard found == LogFormat.version else {
            throw LogError(
                .unsupportedFormat,
                "the log's format is \"\(LogFormat.prefix)\(found)\", this version reads"
                    + " \"\(LogFormat.prefix)\(LogFormat.version)\"",
                path: path
            )
        }
        return .whole
    }

    /// The version that all lines name; nil for other bytes, a line that was cut off included.
    private static func version(in text: String) -> Int? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let line = lines.first, line.hasPrefix(prefix), lines.last == "",
            lines.dropLast().allSatisfy({ $0 == line })
        else { return nil }
        let digits = line.dropFirst(prefix.count)
        guard (1...9).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(digits)
    }

    /// Writes the file where it is not whole; a damaged one is kept. Durable on return.
    ///
    /// - Returns: where a damaged one is kept.
    func settle(_ condition: Condition) throws(DiskError) -> String? {
        guard condition != .whole else { return nil }
        let temporary = path + ".new"
        let line = "\(LogFormat.prefix)\(LogFormat.version)\n"
        try disk.writeNew(temporary, Array((line + line).utf8))
        var kept: String?
        if condition == .damaged {
            // The old name must not go before the new one is sure to be there.
            try disk.syncDirectory(directory)
            let name = try disk.keptName(for: path)
            try disk.rename(path, to: name)
            kept = name
        }
        try disk.rename(temporary, to: path)
        try disk.syncDirectory(directory)
        return kept
    }

    private func read() throws(DiskError) -> String {
        let file = try disk.open(path, .read)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: LogFormat.lengthMax, alignment: 8)
        defer { buffer.deallocate() }
        let count = try file.salvage(into: buffer, at: 0).count
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}

extension Disk {
    /// A name that is free for a damaged file which is put aside: `.damaged`, then `.damaged-1` and so on.
    func keptName(for path: String) throws(DiskError) -> String {
        var name = path + ".damaged"
        var number = 0
        while try exists(name) {
            number += 1
            name = "\(path).damaged-\(number)"
        }
        return name
    }
}
