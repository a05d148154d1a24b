// Opening: new, existing, damaged, foreign and newer files.
import DeviceRegistry
import EventModel
import GRDB
import Glibc
import Platform
import Testing

@Suite("Registry opening")
struct OpeningTests {
    @Test("makes a registry where there is none, with WAL and synchronous FULL")
    func creates() async throws {
        let directory = try TemporaryDirectory()
        let (registry, report) = try DeviceRegistry.open(path: directory.registry, at: Timestamp(milliseconds: 0))
        #expect(report == .created)
        #expect(registry.settings.journalMode == "wal")
        #expect(registry.settings.synchronous == 2)
        #expect(registry.settings.foreignKeys)
        #expect(registry.directory().devices.isEmpty)
        #expect(try await registry.automaticCount() == 0)
        try registry.close()
        // File format, section 1.3.2: both version numbers are 2 in a WAL database.
        let header = try contents(of: directory.registry)
        #expect(header[18] == 2 && header[19] == 2)
        #expect(Array(header[68..<72]) == Array("FBRG".utf8))
    }

    @Test("makes every table STRICT, with a rowid")
    func strictTables() throws {
        let directory = try TemporaryDirectory()
        try directory.open().close()
        let database = try DatabaseQueue(path: directory.registry)
        try database.read { database in
            let tables = try Row.fetchAll(database, sql: "PRAGMA table_list").filter {
                $0["schema"] == "main" && $0["type"] == "table"
            }
            for name in ["devices", "metrics", "labels", "calibrations"] {
                let table = try #require(tables.first { $0["name"] == name })
                #expect(table["strict"] == 1)
                #expect(table["wr"] == 0)
            }
        }
    }

    @Test("opens the same file again without migrating anything twice")
    func reopens() async throws {
        let directory = try TemporaryDirectory()
        let first = try directory.open()
        _ = try await first.record(.of(["a"], at: 1000))
        try first.close()
        for _ in 0..<2 {
            let (again, report) = try DeviceRegistry.open(path: directory.registry, at: Timestamp(milliseconds: 0))
            #expect(report == .opened)
            #expect(Set(again.directory().devices.keys) == ["a"])
            try again.close()
        }
    }

    @Test("takes an empty file for a new registry")
    func emptyFile() throws {
        let directory = try TemporaryDirectory()
        try write([], to: directory.registry)
        let (registry, report) = try DeviceRegistry.open(path: directory.registry, at: Timestamp(milliseconds: 0))
        #expect(report == .opened)
        try registry.close()
    }

    @Test("goes on where the power went before the first table was made")
    func unbegunFile() throws {
        let directory = try TemporaryDirectory()
        let database = try DatabaseQueue(path: directory.registry)
        try database.write {
            try $0.execute(sql: "CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)")
        }
        try database.close()
        let (registry, report) = try DeviceRegistry.open(path: directory.registry, at: Timestamp(milliseconds: 0))
        #expect(report == .opened)
        try registry.close()
    }

    @Test("rolls back what a power cut left of a transaction without a write-ahead log")
    func hotJournal() throws {
        let directory = try TemporaryDirectory()
        let cut = try TemporaryDirectory()
        let database = try DatabaseQueue(path: directory.registry)
        try database.writeWithoutTransaction { database in
            // So small a cache that SQLite writes to the file in the middle of the transaction.
            try database.execute(sql: "PRAGMA cache_size = 1; BEGIN; CREATE TABLE rows (text TEXT)")
            for _ in 0..<200 { try database.execute(sql: "INSERT INTO rows VALUES (hex(zeroblob(500)))") }
            for suffix in ["", "-journal"] {
                try write(try contents(of: directory.registry + suffix), to: cut.registry + suffix)
            }
            try database.execute(sql: "ROLLBACK")
        }
        try database.close()
        let (registry, report) = try DeviceRegistry.open(path: cut.registry, at: Timestamp(milliseconds: 0))
        #expect(report == .opened)
        try registry.close()
        #expect(!cut.names.contains { $0.contains("damaged") || $0.hasSuffix("-journal") })
    }

    @Test("refuses a newer schema and leaves the file as it is")
    func newerSchema() throws {
        let directory = try TemporaryDirectory()
        try directory.open().close()
        let database = try DatabaseQueue(path: directory.registry)
        try database.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('2')") }
        try database.close()
        let before = try contents(of: directory.registry)
        let error = #expect(throws: RegistryError.self) { try directory.open() }
        #expect(error?.code == .newerSchema)
        #expect(error?.message.contains("newer version of Forebay") == true)
        #expect(try contents(of: directory.registry) == before)
        #expect(!directory.names.contains { $0.contains("damaged") })
    }

    @Test("refuses another program's database and leaves it as it is")
    func foreignFile() throws {
        let directory = try TemporaryDirectory()
        let database = try DatabaseQueue(path: directory.registry)
        try database.write {
            try $0.execute(sql: "CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')")
        }
        try database.close()
        let error = #expect(throws: RegistryError.self) { try directory.open() }
        #expect(error?.code == .notARegistry)
        let still = try DatabaseQueue(path: directory.registry)
        #expect(try still.read { try String.fetchOne($0, sql: "SELECT name FROM recipes") } == "soup")
        #expect(!directory.names.contains { $0.contains("damaged") })
    }

    @Test("keeps what was committed when the process dies without closing")
    func killed() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        _ = try await registry.record(.of(["a"], at: 1000))
        // What kill -9 leaves: the file and its log as they are at this moment, the shared memory gone.
        let copy = try TemporaryDirectory()
        for suffix in ["", "-wal"] {
            try write(try contents(of: directory.registry + suffix), to: copy.registry + suffix)
        }
        // The twin that shows that the log matters: the same without it.
        let withoutLog = try TemporaryDirectory()
        try write(try contents(of: directory.registry), to: withoutLog.registry)
        try registry.close()

        let survivor = try copy.open()
        #expect(Set(survivor.directory().devices.keys) == ["a"])
        try survivor.close()
        let loser = try withoutLog.open()
        #expect(loser.directory().devices.isEmpty)
        try loser.close()
    }
}

@Suite("Damaged registry")
struct DamageTests {
    /// A registry with enough devices for several pages.
    private func fill(_ directory: TemporaryDirectory) async throws {
        let registry = try directory.open()
        _ = try await registry.record(.of((0..<500).map { "device-\($0)" }, at: 1000))
        try registry.close()
    }

    private func expectReplaced(_ directory: TemporaryDirectory, original: [UInt8]) async throws {
        let (registry, report) = try DeviceRegistry.open(
            path: directory.registry,
            at: Timestamp(milliseconds: 1_795_461_000_123)
        )
        let aside = directory.registry + ".damaged-20261123T191000.123Z"
        #expect(report == .damaged(at: aside))
        #expect(try contents(of: aside) == original)
        #expect(registry.directory().devices.isEmpty)
        #expect(try await registry.record(.of(["a"], at: 1)).newDevices == 1)
        try registry.close()
        #expect(try DeviceRegistry.open(path: directory.registry, at: Timestamp(milliseconds: 0)).report == .opened)
    }

    @Test("is put aside when it is no SQLite file at all")
    func noDatabase() async throws {
        let directory = try TemporaryDirectory()
        let text = Array(String(repeating: "this is not a database\n", count: 100).utf8)
        try write(text, to: directory.registry)
        try await expectReplaced(directory, original: text)
    }

    @Test("is put aside when its pages are overwritten", arguments: [100, 4096, 12_288])
    func overwritten(from position: Int) async throws {
        let directory = try TemporaryDirectory()
        try await fill(directory)
        var bytes = try contents(of: directory.registry)
        try #require(bytes.count > position + 3000)
        for index in position..<(position + 3000) { bytes[index] = 0xA5 }
        try write(bytes, to: directory.registry)
        try await expectReplaced(directory, original: bytes)
    }

    @Test("is put aside when its end is cut off")
    func truncated() async throws {
        let directory = try TemporaryDirectory()
        try await fill(directory)
        let bytes = Array(try contents(of: directory.registry).prefix(10_000))
        try write(bytes, to: directory.registry)
        try await expectReplaced(directory, original: bytes)
    }

    @Test("is not what a log of garbage makes of it")
    func garbageLog() async throws {
        let directory = try TemporaryDirectory()
        try await fill(directory)
        try write([UInt8](repeating: 0x5A, count: 9000), to: directory.registry + "-wal")
        let (registry, report) = try DeviceRegistry.open(path: directory.registry, at: Timestamp(milliseconds: 0))
        #expect(report == .opened)
        #expect(registry.directory().devices.count == 500)
        try registry.close()
    }

    @Test("stays where it is for a reader, who is told")
    func readOnly() async throws {
        let directory = try TemporaryDirectory()
        try write(Array("nonsense, and a good deal of it".utf8), to: directory.registry)
        #expect(await code { _ = try DeviceRegistry.openReadOnly(path: directory.registry) } == .damaged)
        #expect(directory.names == ["registry.sqlite"])
    }
}

@Suite("Unusable place for a registry")
struct UnusablePlaceTests {
    @Test("a directory that is not there is named")
    func noDirectory() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/absent/registry.sqlite"
        let error = #expect(throws: RegistryError.self) {
            try DeviceRegistry.open(path: path, at: Timestamp(milliseconds: 0))
        }
        #expect(error?.code == .cannotOpen)
        #expect(error?.description.contains("\(directory.path)/absent") == true)
        #expect(error?.description.contains("No such file or directory") == true)
    }

    @Test("a directory that takes no files is an error, not a crash")
    func unwritable() throws {
        // procfs refuses new files to everybody, root included.
        let error = #expect(throws: RegistryError.self) {
            try DeviceRegistry.open(path: "/proc/self/registry.sqlite", at: Timestamp(milliseconds: 0))
        }
        #expect(error?.code == .cannotOpen || error?.code == .permission)
    }

    @Test(
        "a directory in the place of the file, or of one of those beside it, is put aside",
        arguments: ["", "-wal", "-shm"]
    )
    func directoryInPlace(suffix: String) throws {
        let directory = try TemporaryDirectory()
        try #require(mkdir(directory.registry + suffix, 0o700) == 0)
        let (registry, report) = try DeviceRegistry.open(path: directory.registry, at: Timestamp(milliseconds: 0))
        guard case .damaged(let aside) = report else {
            Issue.record("\(report)")
            return
        }
        try registry.close()
        #expect(rmdir(aside + suffix) == 0)
    }

    @Test("a reader is told that there is no registry")
    func absent() async throws {
        let directory = try TemporaryDirectory()
        #expect(await code { _ = try DeviceRegistry.openReadOnly(path: directory.registry) } == .absent)
        #expect(directory.names.isEmpty)
    }

    @Test("a reader sees what is there, changes nothing, and works beside the daemon")
    func reader() async throws {
        let directory = try TemporaryDirectory()
        let registry = try directory.open()
        _ = try await registry.record(.of(["a"], at: 1000))
        let reader = try DeviceRegistry.openReadOnly(path: directory.registry)
        #expect(try await reader.show("a").id == "a")
        #expect(await code { _ = try await reader.set("a", DeviceChange(name: .set("x"))) } == .permission)
        #expect(try await registry.show("a").name == nil)
        try reader.close()
        try registry.close()
    }
}
