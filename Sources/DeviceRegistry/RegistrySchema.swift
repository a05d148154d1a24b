// The registry's tables, by version. A migration that has landed is never edited: a further one follows it.
//
// devices       one row per device; `number` is the rowid that the other tables refer to
// metrics       one row per device and metric; `scale` and `offset` are those in force now
// labels        one row per device and label
// calibrations  every scale and offset that was ever in force, by revision: the `calibration` of a record names it
//
// Times are milliseconds since 1970. Every table is STRICT and keeps its rowid. The file's application id is
// `FBRG`, so that a file of another program is told apart before anything is written to it.
internal import GRDB

enum RegistrySchema {
    /// `FBRG` in ASCII, in bytes 68 to 71 of the file (SQLite file format, section 1.3.13).
    static let applicationID: Int32 = 0x4642_5247

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(sql: version1)
            try database.execute(sql: "PRAGMA application_id = \(applicationID)")
        }
        return migrator
    }

    private static let version1 = """
        CREATE TABLE devices (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE CHECK (length(CAST(id AS BLOB)) BETWEEN 1 AND 128),
            name TEXT,
            location TEXT,
            profile TEXT,
            state TEXT NOT NULL CHECK (state IN ('new', 'active', 'blocked')),
            registered_by TEXT NOT NULL CHECK (registered_by IN ('automatic', 'operator')),
            input TEXT,
            first_seen INTEGER,
            last_seen INTEGER,
            expected_interval_ms INTEGER CHECK (expected_interval_ms > 0),
            calibration_revision INTEGER NOT NULL DEFAULT 0 CHECK (calibration_revision >= 0)
        ) STRICT;

        CREATE TABLE metrics (
            number INTEGER PRIMARY KEY,
            device INTEGER NOT NULL REFERENCES devices (number) ON DELETE CASCADE,
            metric TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('number', 'state')),
            unit TEXT,
            scale REAL NOT NULL DEFAULT 1 CHECK (scale <> 0),
            "offset" REAL NOT NULL DEFAULT 0,
            first_seen INTEGER,
            UNIQUE (device, metric)
        ) STRICT;

        CREATE TABLE labels (
            number INTEGER PRIMARY KEY,
            device INTEGER NOT NULL REFERENCES devices (number) ON DELETE CASCADE,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            UNIQUE (device, key)
        ) STRICT;

        CREATE TABLE calibrations (
            number INTEGER PRIMARY KEY,
            metric INTEGER NOT NULL REFERENCES metrics (number) ON DELETE CASCADE,
            revision INTEGER NOT NULL CHECK (revision > 0),
            scale REAL NOT NULL CHECK (scale <> 0),
            "offset" REAL NOT NULL,
            valid_from INTEGER NOT NULL,
            UNIQUE (metric, revision)
        ) STRICT;
        """
}
