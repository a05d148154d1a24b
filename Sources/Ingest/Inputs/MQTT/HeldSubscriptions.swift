// Which subscriptions the broker's persistent session holds for us: a small file, replaced whole.
//
// The protocol cannot list them, and a session outlives configurations: without this, a filter that was taken out of the
// configuration would go on delivering. Layout: UTF-8, one topic filter per line, each ended by a line feed. The file may
// be lost without harm to data: then old filters deliver until the session ends, and their messages are left aside.
internal import Platform

/// Reads and replaces one input's file. The input's thread.
struct HeldSubscriptions {
    /// Filters are configured by hand; a file beyond this is not ours.
    private static let bytesMax = 1024 * 1024

    private let disk: any Disk
    private let directory: String
    private let name: String

    /// `directory`: exists.
    init(disk: any Disk, directory: String, inputName: String) {
        self.disk = disk
        self.directory = directory
        // An input's name is the operator's: nothing in it may leave the directory.
        let safe = inputName.utf8.map { byte in byte == UInt8(ascii: "/") || byte == 0 ? UInt8(ascii: "_") : byte }
        name = String(decoding: safe, as: UTF8.self) + ".subscriptions"
    }

    private var path: String { "\(directory)/\(name)" }

    /// The filters of the file; none where there is no file.
    func read() throws(DiskError) -> Set<String> {
        guard try disk.exists(path) else { return [] }
        let bytes = try disk.wholeFile(path, bytesMax: HeldSubscriptions.bytesMax)
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        return Set(lines.map(String.init))
    }

    /// Replaces the file by `filters`; durable on return, and whole at every moment.
    func replace(with filters: Set<String>) throws(DiskError) {
        let text = filters.sorted().map { $0 + "\n" }.joined()
        try disk.replaceFile(path, in: directory, with: Array(text.utf8))
    }
}
