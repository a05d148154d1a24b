// What a hook knows of firing alerts beyond its cursor: those it has not told yet, and those it will tell again.
//
// `<data>/hooks/<name>.ledger`: a line of JSON, then the CRC-32C of that line as 8 hexadecimal digits, then a newline. No
// file, or none that says anything, while there is nothing to remember. Replaced as a whole (`.new`, sync, rename, sync of
// the directory), and always before the cursor is stored that rests on it.
//
// Of an alert without an entry every edge before the cursor was told. An entry says otherwise, or more:
//
// | `state` | The firing at `offset`                                                    | Its end, when it is read      |
// |---------|---------------------------------------------------------------------------|-------------------------------|
// | `held`  | was not told; is, once nothing holds it and it still fires                  | is not told; becomes `over`   |
// | `told`  | was told, `count` times more after that, last at `told`; may be told again  | is told; the entry goes       |
// | `over`  | was never told, and ended by the edge at `end`                              | was passed over already       |
//
// An `over` goes once the cursor is stored behind it. Until then a start that reads from an older cursor sees the end again,
// and must not take the alert for one that was told.
internal import EventModel
internal import Foundation
internal import Platform

struct HookLedger: Equatable {
    enum State: String, Codable {
        case held, told, over
    }

    struct Entry: Equatable, Codable {
        var fingerprint: String
        /// Name of the rule.
        var alert: String
        /// Of the firing in topic `alerts`.
        var offset: Int64
        var state: State
        /// Since when it fires, by this box's wall clock, in milliseconds since 1970.
        var since: Int64
        /// When it was told last, likewise; 0 where it was not.
        var told: Int64 = 0
        /// How often it was told again.
        var count = 0
        /// Offset of the edge that ended it; -1 where none did.
        var end: Int64 = -1
    }

    private struct Document: Codable {
        var version = 1
        var entries: [Entry]
    }

    private var entries: [String: Entry] = [:]
    /// Whether it differs from what was stored last.
    private(set) var isChanged = false

    init() {}

    var isEmpty: Bool { entries.isEmpty }

    subscript(fingerprint: String) -> Entry? { entries[fingerprint] }

    /// In the order of their firings.
    func entries(_ state: State) -> [Entry] {
        entries.values.filter { $0.state == state }.sorted { $0.offset < $1.offset }
    }

    mutating func put(_ entry: Entry) {
        guard entries.updateValue(entry, forKey: entry.fingerprint) != entry else { return }
        isChanged = true
    }

    mutating func remove(_ fingerprint: String) {
        if entries.removeValue(forKey: fingerprint) != nil { isChanged = true }
    }

    /// What is over, as the cursor is stored behind it.
    mutating func sweep(before position: Int64) {
        for (fingerprint, entry) in entries where entry.state == .over && entry.end < position {
            remove(fingerprint)
        }
    }

    /// Of a log that ends at `end`, shorter than it was: one that was put back from a backup.
    mutating func cut(at end: Int64) {
        for entry in entries.values {
            if entry.offset >= end {
                remove(entry.fingerprint)
            } else if entry.end >= end {
                var held = entry
                held.state = .held
                held.end = -1
                put(held)
            }
        }
    }

    mutating func noteStored() {
        isChanged = false
    }

    // MARK: Bytes

    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let sorted = entries.values.sorted { ($0.offset, $0.fingerprint) < ($1.offset, $1.fingerprint) }
        let line = Array(try encoder.encode(Document(entries: sorted)))
        return line + [0x0A] + Array(HookLedger.checksum(line[...]).utf8) + [0x0A]
    }

    /// nil where the bytes are none of ours. Total.
    init?(_ bytes: [UInt8]) {
        guard let newline = bytes.firstIndex(of: 0x0A) else { return nil }
        let line = bytes[..<newline]
        guard bytes[(newline + 1)...].elementsEqual(Array(HookLedger.checksum(line).utf8) + [0x0A]),
            let document = try? JSONDecoder().decode(Document.self, from: Data(line)), document.version == 1
        else { return nil }
        for entry in document.entries { entries[entry.fingerprint] = entry }
    }

    private static func checksum(_ line: ArraySlice<UInt8>) -> String {
        AlertFingerprint.hex(UInt64(line.withUnsafeBytes { CRC32C.checksum($0) }), digits: 8)
    }
}

/// One hook's ledger on disk. Read and replaced by the hook's worker only. Blocks for the disk.
struct HookLedgerFile {
    private let dataDirectory: String
    private let name: String
    private let disk: any Disk
    private var directory: String { dataDirectory + "/hooks" }
    private var path: String { "\(directory)/\(name).ledger" }

    /// `name`: of the hook, letters, digits, `-` and `_`.
    init(dataDirectory: String, name: String, disk: any Disk) {
        self.dataDirectory = dataDirectory
        self.name = name
        self.disk = disk
    }

    /// Empty where there is no file; nil where there is one that is damaged.
    func load() throws(DiskError) -> HookLedger? {
        guard try disk.exists(path) else { return HookLedger() }
        guard try disk.open(path, .read).size() <= Int64(AlertingLimits.ledgerBytesMax) else { return nil }
        return HookLedger(try disk.wholeFile(path, bytesMax: AlertingLimits.ledgerBytesMax))
    }

    /// There is nothing in it any more; durable on return.
    func clear() throws {
        if try disk.exists(path) { try store(HookLedger()) }
    }

    /// Durable on return.
    func store(_ ledger: HookLedger) throws {
        if try !disk.exists(directory) {
            try disk.createDirectory(directory)
            try disk.syncDirectory(dataDirectory)
        }
        try disk.replaceFile(path, in: directory, with: ledger.encoded())
    }
}
