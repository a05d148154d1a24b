// A directory of one test's own, with a registry in it.
import DeviceRegistry
import EventModel
import Glibc
import Platform

/// A fresh directory under the system's temporary one; removed with everything in it when the value goes.
final class TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/forebay-registry-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw PosixFailure(call: "mkdtemp", code: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in names { unlink(path + "/" + name) }
        rmdir(path)
    }

    var registry: String { path + "/registry.sqlite" }

    /// The names in the directory, sorted.
    var names: [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    func open(at now: Int64 = 0) throws -> DeviceRegistry {
        try DeviceRegistry.open(path: registry, at: Timestamp(milliseconds: now)).registry
    }
}

struct PosixFailure: Error {
    var call: String
    var code: Int32
}

func contents(of path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw PosixFailure(call: "open \(path)", code: errno) }
    defer { fclose(file) }
    var all: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = fread(&chunk, 1, chunk.count, file)
        guard count > 0 else { return all }
        all += chunk[..<count]
    }
}

func write(_ bytes: [UInt8], to path: String) throws {
    guard let file = fopen(path, "wb") else { throw PosixFailure(call: "open \(path)", code: errno) }
    defer { fclose(file) }
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw PosixFailure(call: "write", code: errno) }
}

extension SightingReport {
    /// A report of devices first heard at `time`, each with a last receive time.
    static func of(_ ids: [String], at time: Int64, input: String = "lan") -> SightingReport {
        var report = SightingReport()
        for id in ids {
            report.devices.append((id, input, Timestamp(milliseconds: time)))
            report.lastSeen[id] = Timestamp(milliseconds: time)
        }
        return report
    }
}

extension DeviceRegistry {
    func record(_ report: SightingReport) async throws -> SightingOutcome {
        try await record(report, at: Timestamp(milliseconds: 0))
    }

    func set(_ id: String, _ changes: DeviceChange) async throws -> DeviceRecord {
        try await set(id, changes, at: Timestamp(milliseconds: 0))
    }
}

/// The code of the `RegistryError` that `body` throws; nil where it throws none or another error.
func code(_ body: () async throws -> Void) async -> RegistryError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? RegistryError)?.code
    }
}
