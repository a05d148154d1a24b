// A real file system of 16 MiB for a test, mounted where that is permitted.
import Foundation
import Glibc
import Platform
import Testing

/// Mounted by `init`, unmounted and removed when the last reference goes.
final class SmallFileSystem {
    enum Kind: String, CaseIterable, CustomTestStringConvertible {
        case tmpfs, ext4

        var testDescription: String { rawValue }
    }

    let path: String
    private let image: String

    init(_ kind: Kind) throws {
        var template = Array("/tmp/forebay-small-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
        try #require(made, "no temporary directory: \(systemErrorText(errno))")
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        image = path + ".image"
        switch kind {
        case .tmpfs:
            try Self.run(["/usr/bin/mount", "-t", "tmpfs", "-o", "size=16m", "forebay-test", path])
        case .ext4:
            try #require(FileManager.default.createFile(atPath: image, contents: nil))
            try #require(truncate(image, 16 << 20) == 0)
            try Self.run(["/usr/sbin/mkfs.ext4", "-q", "-F", "-m", "0", "-b", "1024", image])
            try Self.run(["/usr/bin/mount", "-o", "loop", image, path])
        }
    }

    deinit {
        // A log that is still open ends with its test; the mount goes with it.
        if umount2(path, Int32(MNT_DETACH)) != 0 {
            Issue.record("\(path) stays mounted: \(systemErrorText(errno))")
        }
        rmdir(path)
        unlink(image)
    }

    /// Whether this process may mount such a file system here: tried once for each kind.
    static func isPossible(_ kind: Kind) -> Bool { possible.contains(kind) }

    private static let possible: Set<Kind> = Set(
        Kind.allCases.filter { kind in
            guard getuid() == 0, (try? SmallFileSystem.init(quietly: kind)) != nil else {
                print("no 16 MiB \(kind.rawValue) can be mounted here: its tests are skipped")
                return false
            }
            return true
        }
    )

    private convenience init(quietly kind: Kind) throws { try self.init(kind) }

    /// What another program stores on the same disk.
    func fill(_ name: String, bytes: Int64) throws {
        let file = try PosixDisk().open("\(path)/\(name)", .create)
        try file.allocate(to: bytes)
        try file.sync()
    }

    /// Takes every byte that is left.
    func fillUp(_ name: String) throws {
        let file = try PosixDisk().open("\(path)/\(name)", .create)
        let block = [UInt8](repeating: 0xAA, count: 1024)
        var at: Int64 = 0
        do {
            while true {
                try block.withUnsafeBytes { try file.write([$0], at: at) }
                at += Int64(block.count)
            }
        } catch let error as DiskError where error.isNoSpace {
            try? file.sync()
        }
    }

    func remove(_ name: String) throws { try PosixDisk().remove("\(path)/\(name)") }

    private struct Failed: Error {}

    private static func run(_ command: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus != 0 { throw Failed() }
    }
}
