// Reads an archive as `TarWriter` writes it, and takes nothing else.
internal import Crypto
internal import Foundation
internal import Platform

/// A failed archive: what is wrong with it, for `Restore` to say with the archive's name.
struct ArchiveError: Error {
    var message: String

    init(_ message: String) {
        self.message = message
    }
}

/// One archive, read once from its start. Holds one buffer of 1 MiB.
final class TarReader {
    private static let bufferBytes = 1 << 20

    private let source: FileHandle
    private var buffer = Data()
    private var at = 0

    init(_ source: FileHandle) {
        self.source = source
    }

    /// The next member; nil at the archive's end. `read` must have been called for the one before.
    func next() throws -> TarHeader? {
        var raw = try bytes(TarHeader.blockBytes)
        if raw.allSatisfy({ $0 == 0 }) {
            guard try bytes(TarHeader.blockBytes).allSatisfy({ $0 == 0 }), try isAtEnd() else {
                throw ArchiveError("something stands behind its end")
            }
            return nil
        }
        var block = raw
        var path: String?
        if TarHeader.isPax(block) {
            guard let pax = TarHeader(block: block, paxPath: nil), pax.size <= Int64(TarHeader.paxBytesMax) else {
                throw ArchiveError("a header is damaged")
            }
            let content = try bytes(Int(pax.size))
            let padding = try bytes(TarHeader.padding(after: pax.size))
            path = TarHeader.path(inPax: content)
            block = try bytes(TarHeader.blockBytes)
            raw += content + padding + block
            if path == nil { throw ArchiveError("a header is damaged") }
        }
        guard let header = TarHeader(block: block, paxPath: path), header.encoded() == raw else {
            throw ArchiveError("a header is damaged")
        }
        return header
    }

    /// Hands the content of `member` to `body` piece by piece; its SHA-256.
    func read(_ member: TarHeader, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> String {
        var digest = SHA256()
        var left = member.size
        while left > 0 {
            try fill()
            let count = min(buffer.count - at, Int(clamping: left))
            try buffer.withUnsafeBytes { bytes in
                let piece = UnsafeRawBufferPointer(rebasing: bytes[at..<at + count])
                digest.update(bufferPointer: piece)
                try body(piece)
            }
            at += count
            left -= Int64(count)
        }
        guard try bytes(TarHeader.padding(after: member.size)).allSatisfy({ $0 == 0 }) else {
            throw ArchiveError("the filling behind \(member.path) is damaged")
        }
        return digest.finalize().hexadecimal
    }

    private func bytes(_ count: Int) throws -> [UInt8] {
        var result: [UInt8] = []
        while result.count < count {
            try fill()
            let taken = min(buffer.count - at, count - result.count)
            result += buffer[at..<at + taken]
            at += taken
        }
        return result
    }

    private func isAtEnd() throws -> Bool {
        try at == buffer.count && load().isEmpty
    }

    /// At least one byte is in the buffer on return.
    private func fill() throws {
        guard at == buffer.count else { return }
        buffer = try load()
        at = 0
        if buffer.isEmpty { throw ArchiveError("it is cut off") }
    }

    private func load() throws -> Data {
        var data = Data(count: TarReader.bufferBytes)
        while true {
            // `FileHandle.read` would wait until a pipe has filled the buffer.
            let count = data.withUnsafeMutableBytes { buffer in
                Foundation.read(source.fileDescriptor, buffer.baseAddress, buffer.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                let error = DiskError(operation: .read, path: "the archive", errno: errno)
                throw CommandFailure(ExitStatus.inputOutput, "\(error)")
            }
            return data.prefix(count)
        }
    }
}
