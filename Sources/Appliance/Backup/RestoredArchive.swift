// The members of an archive as files, each compared with the manifest.
internal import Foundation
internal import Platform

/// An archive that was unpacked. Nothing of it was believed: every name is one that a backup has, every length is bounded,
/// and what was unpacked is, member by member, what the manifest lists, which its own digest vouches for.
struct RestoredArchive {
    private(set) var manifest: BackupManifest
    private(set) var names: Set<String> = []
    /// Those that were made, relative, each after the one it is in.
    private(set) var folders: [String] = []

    /// Unpacks into `directory`, which is there. Files are synced, folders are not.
    ///
    /// - Throws: `ArchiveError` where the archive is not whole; `CommandFailure` where the disk fails.
    init(reading tar: TarReader, into directory: String, disk: any Disk) throws {
        var unpacked: [BackupManifest.Member] = []
        var texts: [String: [UInt8]] = [:]
        manifest = BackupManifest(format: 0, version: "", created: "", members: [], partitions: [], unproven: [])
        while let member = try tar.next() {
            try admit(member, after: unpacked, texts)
            let digest: String
            switch member.path {
            case BackupMember.version, BackupMember.manifest, BackupMember.manifestDigest:
                var text: [UInt8] = []
                digest = try tar.read(member) { text += $0 }
                texts[member.path] = text
                if member.path == BackupMember.version { try RestoredArchive.require(version: text) }
            default:
                let file = try create(member.path, in: directory, disk)
                var position: Int64 = 0
                digest = try tar.read(member) { bytes in
                    try onDisk { () throws(DiskError) in try file.write([bytes], at: position) }
                    position += Int64(bytes.count)
                }
                try onDisk { () throws(DiskError) in try file.sync() }
            }
            unpacked.append(BackupManifest.Member(name: member.path, size: member.size, sha256: digest))
        }
        try compare(unpacked, texts)
    }

    private mutating func admit(
        _ member: TarHeader,
        after unpacked: [BackupManifest.Member],
        _ texts: [String: [UInt8]]
    ) throws {
        guard let bytesMax = BackupMember.bytesMax(member.path) else {
            throw ArchiveError("a backup has no member \"\(member.path)\"")
        }
        guard member.size <= bytesMax else {
            throw ArchiveError("\(member.path) is longer than a backup makes it")
        }
        guard unpacked.isEmpty == (member.path == BackupMember.version) else {
            throw ArchiveError("it does not begin with \(BackupMember.version)")
        }
        guard unpacked.count < BackupMember.membersMax, names.insert(member.path).inserted else {
            throw ArchiveError("\(member.path) is in it twice")
        }
        let isDigest = member.path == BackupMember.manifestDigest
        guard (texts[BackupMember.manifest] != nil) == isDigest else {
            throw ArchiveError("\(member.path) is not in its place")
        }
    }

    private static func require(version text: [UInt8]) throws {
        guard text == Array(BackupMember.versionText.utf8) else {
            let shown = String(decoding: text.prefix { $0 != 0x0A }, as: UTF8.self)
            throw ArchiveError("its format is \"\(shown)\", this version reads \"forebay-backup 1\"")
        }
    }

    private mutating func create(_ path: String, in directory: String, _ disk: any Disk) throws -> any DiskFile {
        let parts = path.split(separator: "/")
        var folder = ""
        for part in parts.dropLast() {
            folder += (folder.isEmpty ? "" : "/") + part
            guard !folders.contains(folder) else { continue }
            try onDisk { () throws(DiskError) in try disk.createDirectory("\(directory)/\(folder)") }
            folders.append(folder)
        }
        return try onDisk { () throws(DiskError) in try disk.open("\(directory)/\(path)", .create) }
    }

    private mutating func compare(_ unpacked: [BackupManifest.Member], _ texts: [String: [UInt8]]) throws {
        guard let text = texts[BackupMember.manifest], let digest = texts[BackupMember.manifestDigest] else {
            throw ArchiveError("it has no manifest")
        }
        guard digest == Array(BackupManifest.digestLine(text).utf8),
            let manifest = try? JSONDecoder().decode(BackupManifest.self, from: Data(text))
        else { throw ArchiveError("\(BackupMember.manifest) is damaged") }
        let found = Array(unpacked.dropLast(2))
        for (member, wanted) in zip(found, manifest.members) where member != wanted {
            guard member.name == wanted.name else { throw ArchiveError("\(wanted.name) is missing") }
            throw ArchiveError("\(member.name) is damaged: it does not match its digest")
        }
        guard found.count == manifest.members.count else {
            throw ArchiveError("it has \(found.count) members, \(manifest.members.count) are listed")
        }
        self.manifest = manifest
    }
}
