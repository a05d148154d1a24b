// Which members a backup has, what they may be called and how long they may be.
internal import CommitLog

/// A member's name, known to be harmless: it is one that a backup of this version writes.
enum BackupMember {
    /// The first member: `FORMAT`'s counterpart for the archive itself.
    static let version = "forebay-backup"
    static let versionText = "forebay-backup 1\n"
    /// The last two.
    static let manifest = "manifest.json"
    static let manifestDigest = "manifest.sha256"

    static let registry = "registry.sqlite"
    static let rulesSnapshot = "rules/snapshot"
    /// Folders whose files are taken as they are.
    static let folders = ["cursors", "hooks", "inputs"]
    static let configuration = "configuration"
    /// Folders beside the main file of the configuration.
    static let configurationFolders = ["conf.d", "rules.d"]
    static let segmentBytesMax = Int64(Int32.max)
    static let membersMax = 1_000_000
    /// A line of the manifest is below 512 bytes.
    private static let manifestBytesMax: Int64 = 256 << 20
    private static let smallBytesMax: Int64 = 64 << 20

    /// The most bytes that a member of this name may have; nil where no member has it.
    static func bytesMax(_ name: String) -> Int64? {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.allSatisfy(isFileName) else { return nil }
        switch parts.count {
        case 1:
            switch name {
            case version, "FORMAT", manifestDigest: return 128
            case manifest: return manifestBytesMax
            case registry: return TarHeader.sizeMax
            default: return nil
            }
        case 2:
            if name == rulesSnapshot { return 4 * smallBytesMax }
            let folder = String(parts[0])
            return folders.contains(folder) || folder == configuration ? smallBytesMax : nil
        case 3:
            if parts[0] == configuration, configurationFolders.contains(String(parts[1])) { return smallBytesMax }
            guard parts[0] == "log", TopicPartition(directoryName: String(parts[1])) != nil else { return nil }
            if parts[2] == "partition.journal" { return smallBytesMax }
            let stem = parts[2].prefix(20)
            guard stem.utf8.count == 20, stem.utf8.allSatisfy({ (48...57).contains($0) }), Int64(stem) != nil else {
                return nil
            }
            switch parts[2].dropFirst(20) {
            case ".log", ".index", ".timeindex": return segmentBytesMax
            default: return nil
            }
        default: return nil
        }
    }

    /// One component of a path that stays where it is put.
    private static func isFileName(_ name: Substring) -> Bool {
        (1...255).contains(name.utf8.count) && name != "." && name != ".."
            && name.utf8.allSatisfy { $0 >= 32 && $0 != 127 }
    }

    /// `log/readings-0/00000000000000000000.log`
    static func segment(_ partition: TopicPartition, _ base: Offset, _ ending: String) -> String {
        let digits = String(base.value)
        return "log/\(partition)/\(String(repeating: "0", count: max(0, 20 - digits.utf8.count)))\(digits)\(ending)"
    }

    static func journal(_ partition: TopicPartition) -> String { "log/\(partition)/partition.journal" }
}
