// Where a backup is written: a file that has its name only when it is whole, or standard output.
internal import Foundation
internal import Platform

/// Runs `body`; a failure of the disk becomes that of a command, 77 or 74.
func onDisk<Value>(_ body: () throws(DiskError) -> Value) throws(CommandFailure) -> Value {
    do {
        return try body()
    } catch {
        throw CommandFailure(error.isPermission ? ExitStatus.permission : ExitStatus.inputOutput, "\(error)")
    }
}

/// `FILE.partial`, which is synced and renamed when it is whole, and removed where it does not come to that.
final class BackupFile: ArchiveSink {
    private let path: String
    private let partial: String
    private let disk: any Disk
    private let file: any DiskFile
    private var position: Int64 = 0
    private var isPlaced = false

    private var directory: String { URL(fileURLWithPath: path).deletingLastPathComponent().path }

    /// - Throws: 73 where there is such a file or it cannot be made, 77.
    init(_ path: String, disk: any Disk) throws(CommandFailure) {
        self.path = path
        self.disk = disk
        partial = path + ".partial"
        try BackupFile.requireAbsent(path, disk)
        try AccessCheck.require(URL(fileURLWithPath: path).deletingLastPathComponent().path, W_OK | X_OK)
        do throws(DiskError) {
            file = try disk.open(partial, .create)
        } catch {
            let isThere = (try? disk.exists(partial)) == true
            throw CommandFailure(
                ExitStatus.cannotCreate,
                "\(error)",
                hint: isThere ? "another backup writes it, or one was killed: then remove it" : nil
            )
        }
    }

    deinit {
        if !isPlaced { try? disk.remove(partial) }
    }

    /// Refuses at once what would end on a full disk, and take the room that the log needs.
    func requireRoom(for bytes: Int64) throws(CommandFailure) {
        let free = try onDisk { () throws(DiskError) in try disk.space(at: directory).free }
        guard free > bytes else {
            throw CommandFailure(
                ExitStatus.inputOutput,
                "the backup needs \(bytes) bytes, and \(directory) has \(free) free",
                hint: "name a file on another file system, or pipe `forebay backup -` to another machine"
            )
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(CommandFailure) {
        try onDisk { () throws(DiskError) in try file.write([bytes], at: position) }
        position += Int64(bytes.count)
    }

    /// Durable, under its name, on return.
    func place() throws(CommandFailure) {
        try onDisk { () throws(DiskError) in try file.sync() }
        try BackupFile.requireAbsent(path, disk)
        try onDisk { () throws(DiskError) in
            try disk.rename(partial, to: path)
            isPlaced = true
            try disk.syncDirectory(directory)
        }
    }

    private static func requireAbsent(_ path: String, _ disk: any Disk) throws(CommandFailure) {
        guard try onDisk({ () throws(DiskError) in try disk.exists(path) }) else { return }
        throw CommandFailure(
            ExitStatus.cannotCreate,
            "\(path) is there already",
            hint: "name another file, or remove it first"
        )
    }
}

/// Standard output, which somebody else makes durable.
final class BackupStream: ArchiveSink {
    private let output = FileHandle.standardOutput

    /// - Throws: 64 where it is a terminal.
    init() throws(CommandFailure) {
        guard isatty(output.fileDescriptor) == 0 else {
            throw CommandFailure(
                ExitStatus.usage,
                "a backup is no text for a terminal",
                hint: "forebay backup FILE, or forebay backup - | ssh HOST 'cat > FILE'"
            )
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(CommandFailure) {
        var written = 0
        while written < bytes.count, let base = bytes.baseAddress {
            let count = Foundation.write(output.fileDescriptor, base + written, bytes.count - written)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let error = DiskError(operation: .write, path: "standard output", errno: errno)
                throw CommandFailure(ExitStatus.inputOutput, "\(error)")
            }
            written += count
        }
    }
}
