// Writes the members of a backup one after the other, with their digests.
internal import Crypto
internal import Platform

/// Where an archive goes.
protocol ArchiveSink: AnyObject {
    func write(_ bytes: UnsafeRawBufferPointer) throws(CommandFailure)
}

/// One archive. Holds one buffer of 1 MiB.
final class TarWriter {
    /// What a member turned out to hold.
    struct Written {
        var member: BackupManifest.Member
        /// CRC-32C of the content.
        var checksum: UInt32
    }

    private static let bufferBytes = 1 << 20

    private let sink: any ArchiveSink
    private let time: Int64
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferBytes, alignment: 16)
    private(set) var bytes: Int64 = 0

    /// `time`: of every member, in seconds since 1970.
    init(_ sink: any ArchiveSink, time: Int64) {
        self.sink = sink
        self.time = time
    }

    deinit {
        buffer.deallocate()
    }

    /// The first `size` bytes of `file`.
    func add(_ path: String, _ file: any DiskFile, size: Int64) throws(CommandFailure) -> Written {
        try put(TarHeader(path: path, size: size, time: time).encoded())
        var digest = SHA256()
        var checksum: UInt32 = 0
        var position: Int64 = 0
        while position < size {
            let wanted = min(buffer.count, Int(clamping: size - position))
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            let count = try onDisk { () throws(DiskError) in try file.read(into: room, at: position) }
            guard count == wanted else {
                throw CommandFailure(
                    ExitStatus.inputOutput,
                    "\(file.path) was cut short while it was read",
                    hint: "retention does that on a full disk: free some space and try again"
                )
            }
            let read = UnsafeRawBufferPointer(room)
            digest.update(bufferPointer: read)
            checksum = CRC32C.checksum(read, seed: checksum)
            try put(read)
            position += Int64(count)
        }
        try put([UInt8](repeating: 0, count: TarHeader.padding(after: size)))
        let member = BackupManifest.Member(name: path, size: size, sha256: digest.finalize().hexadecimal)
        return Written(member: member, checksum: checksum)
    }

    func add(_ path: String, _ content: [UInt8]) throws(CommandFailure) -> BackupManifest.Member {
        try put(TarHeader(path: path, size: Int64(content.count), time: time).encoded())
        try put(content)
        try put([UInt8](repeating: 0, count: TarHeader.padding(after: Int64(content.count))))
        return BackupManifest.Member(
            name: path,
            size: Int64(content.count),
            sha256: SHA256.hash(data: content).hexadecimal
        )
    }

    /// Two blocks of zeros.
    func end() throws(CommandFailure) {
        try put([UInt8](repeating: 0, count: 2 * TarHeader.blockBytes))
    }

    private func put(_ content: [UInt8]) throws(CommandFailure) {
        let result = content.withUnsafeBytes { bytes in
            Result { () throws(CommandFailure) in try put(bytes) }
        }
        try result.get()
    }

    private func put(_ content: UnsafeRawBufferPointer) throws(CommandFailure) {
        guard !content.isEmpty else { return }
        try sink.write(content)
        bytes += Int64(content.count)
    }
}
