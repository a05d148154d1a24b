// `forebay backup`: one archive of everything that a box is, taken while it runs.
//
// The order makes it consistent: first what remembers how far the log was read (cursors, the rules' snapshot), then the
// registry, then the log up to one snapshot over all partitions. So nothing in the backup points beyond its log. Files
// that are replaced whole are read from descriptors opened at the start.
internal import CommitLog
internal import DeviceRegistry
internal import EventModel
internal import Foundation
internal import Platform

/// One backup of one data directory.
package struct Backup {
    /// Where the archive goes.
    package enum Target {
        case file(String)
        case standardOutput
    }

    /// What is in it.
    package struct Outcome {
        package var members = 0
        package var bytes: Int64 = 0
        /// What whoever needs the backup should know now.
        package var remarks: [String] = []
    }

    /// A file as it was when the backup began.
    private struct Held {
        enum Content {
            case bytes([UInt8])
            case file(any DiskFile, size: Int64)
        }

        var name: String
        var content: Content

        var size: Int64 {
            switch content {
            case .bytes(let bytes): Int64(bytes.count)
            case .file(_, let size): size
            }
        }
    }

    private let data: String
    private let configuration: [String]?
    private let disk: any Disk = PosixDisk()
    private let clock: any Platform.Clock = SystemClock()

    /// - Parameters:
    ///   - data: the data directory, absolute.
    ///   - configuration: the files of the configuration, the main one first; nil where nobody named one. A running
    ///     daemon's own count for more.
    package init(data: String, configuration: [String]?) {
        self.data = data
        self.configuration = configuration
    }

    /// Writes the archive; durable on return where it is a file. A failure leaves no file.
    package func write(to target: Target) async throws -> Outcome {
        let file: BackupFile?
        let sink: any ArchiveSink
        switch target {
        case .file(let path):
            let made = try BackupFile(path, disk: disk)
            (file, sink) = (made, made)
        case .standardOutput:
            (file, sink) = (nil, try BackupStream())
        }
        let (box, lock) = try open()
        do {
            let outcome = try await write(box, sink, file)
            await box.close()
            withExtendedLifetime(lock) {}
            return outcome
        } catch {
            await box.close()
            throw error
        }
    }

    /// The box, through its daemon; or its files, under the lock, so that no daemon changes them meanwhile.
    private func open() throws -> (BoxAccess, DirectoryLock?) {
        let box = try BoxAccess(data: data)
        if box.isDaemonRunning || box.isFrozen { return (box, nil) }
        let lock: DirectoryLock
        do throws(LogError) {
            lock = try DirectoryLock(dataDirectory: data)
        } catch {
            throw DataDirectory.failure(error, status: ExitStatus.cannotCreate)
        }
        return (try BoxAccess(data: data, isLocked: true), lock)
    }

    private func write(_ box: BoxAccess, _ sink: any ArchiveSink, _ file: BackupFile?) async throws -> Outcome {
        var outcome = Outcome()
        var held = try onDisk { () throws(DiskError) in try heldFiles() }
        if let registry = try registryCopy() { held.append(registry) }
        let (cut, inForce) = try await box.backup()
        let files = try configurationFiles(inForce ?? configuration ?? [])
        if files.isEmpty {
            outcome.remarks.append("no configuration is in this backup: name it with --config")
        }
        held += files
        let logBytes = cut.partitions.flatMap(\.segments).reduce(0) { $0 + $1.length.value }
        try file?.requireRoom(for: held.reduce(logBytes) { $0 + $1.size })
        let now = clock.now()
        let tar = TarWriter(sink, time: now.milliseconds / 1000)
        var manifest = BackupManifest(
            format: 1,
            version: ProductVersion.text,
            created: TimestampText.string(now),
            members: [try tar.add(BackupMember.version, Array(BackupMember.versionText.utf8))],
            partitions: [],
            unproven: []
        )
        for one in held {
            switch one.content {
            case .bytes(let bytes): manifest.members.append(try tar.add(one.name, bytes))
            case .file(let file, let size): manifest.members.append(try tar.add(one.name, file, size: size).member)
            }
        }
        let partitions = PartitionBackup(data: data, disk: disk, clock: clock)
        for part in cut.partitions { try partitions.write(part, to: tar, &manifest) }
        let text = try manifest.encoded()
        _ = try tar.add(BackupMember.manifest, text)
        _ = try tar.add(BackupMember.manifestDigest, Array(BackupManifest.digestLine(text).utf8))
        try tar.end()
        try file?.place()
        outcome.members = manifest.members.count + 2
        outcome.bytes = tar.bytes
        outcome.remarks += manifest.unproven.map { "\($0) may be damaged on this box: forebay log verify says more" }
        return outcome
    }

    // MARK: What lies beside the log

    private func heldFiles() throws(DiskError) -> [Held] {
        var held: [Held] = []
        let format = "\(data)/FORMAT"
        if try disk.exists(format) { held.append(try hold("FORMAT", format)) }
        for folder in BackupMember.folders where try disk.exists("\(data)/\(folder)") {
            for name in try disk.list("\(data)/\(folder)").sorted() where !name.hasSuffix(".new") {
                let member = "\(folder)/\(name)"
                guard BackupMember.bytesMax(member) != nil else { continue }
                held.append(try hold(member, "\(data)/\(member)", inPlace: folder == "cursors"))
            }
        }
        let snapshot = "\(data)/\(BackupMember.rulesSnapshot)"
        if try disk.exists(snapshot) { held.append(try hold(BackupMember.rulesSnapshot, snapshot)) }
        return held
    }

    /// `inPlace`: the file is overwritten, so its bytes are taken now. Of one that grows the present length counts.
    private func hold(_ name: String, _ path: String, inPlace: Bool = false) throws(DiskError) -> Held {
        let file = try disk.open(path, .read)
        let size = try file.size()
        guard inPlace else { return Held(name: name, content: .file(file, size: size)) }
        var bytes = [UInt8](repeating: 0, count: Int(clamping: min(size, Backup.cursorBytesMax)))
        let count = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(DiskError) in try file.read(into: buffer, at: 0) }
        }
        return Held(name: name, content: .bytes(Array(bytes.prefix(try count.get()))))
    }

    /// Cursors have 8,192 bytes.
    private static let cursorBytesMax: Int64 = 64 << 10

    /// A copy of the registry as of now, without a name already; nil where the box has none yet.
    private func registryCopy() throws -> Held? {
        let place = FileManager.default.temporaryDirectory.appendingPathComponent(
            "forebay-\(UniqueIdentifier.random())"
        )
        try FileManager.default.createDirectory(
            at: place,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700]
        )
        defer { try? FileManager.default.removeItem(at: place) }
        let path = place.appendingPathComponent(BackupMember.registry).path
        do throws(RegistryError) {
            let registry = try DeviceRegistry.openReadOnly(path: "\(data)/\(BackupMember.registry)")
            try registry.copy(to: path)
            try registry.close()
        } catch {
            if error.code == .absent { return nil }
            throw DataDirectory.failure(error)
        }
        return try onDisk { () throws(DiskError) in try hold(BackupMember.registry, path) }
    }

    private func configurationFiles(_ paths: [String]) throws -> [Held] {
        guard let main = paths.first else { return [] }
        let directory = URL(fileURLWithPath: main).deletingLastPathComponent().path
        return try paths.map { path in
            try AccessCheck.require(path, R_OK)
            let inside = path.hasPrefix(directory + "/") ? String(path.dropFirst(directory.utf8.count + 1)) : path
            let name = "\(BackupMember.configuration)/\(inside)"
            guard BackupMember.bytesMax(name) != nil else {
                throw CommandFailure(ExitStatus.inputOutput, "\(path) cannot be a member of a backup")
            }
            return try onDisk { () throws(DiskError) in try hold(name, path) }
        }
    }
}
