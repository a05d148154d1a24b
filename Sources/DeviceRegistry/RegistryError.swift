// What can go wrong in the registry, with what an operator needs to act.
internal import GRDB
internal import Platform

/// An operating error of the registry. Nothing of the failed call was stored.
package struct RegistryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Open for further kinds: compare with the constants, never switch over all of them.
    package struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String, Sendable {
            case absent, permission, cannotOpen, notARegistry, newerSchema, damaged
            case busy, diskFull, inputOutput, cancelled
            case unknownDevice, invalidChange, limitReached
        }

        private let kind: Kind

        private init(_ kind: Kind) {
            self.kind = kind
        }

        /// There is no file, and the caller only wants to read.
        package static let absent = Code(.absent)
        /// The file system does not let this user at the file or its directory.
        package static let permission = Code(.permission)
        /// Any other reason why the file does not open.
        package static let cannotOpen = Code(.cannotOpen)
        /// A sound SQLite file that holds something else. It is left alone.
        package static let notARegistry = Code(.notARegistry)
        /// Written by a newer version. It is left alone.
        package static let newerSchema = Code(.newerSchema)
        /// SQLite finds the file's structure broken. `open` handles this itself unless it only reads.
        package static let damaged = Code(.damaged)
        /// Another process held its lock longer than the time to wait.
        package static let busy = Code(.busy)
        package static let diskFull = Code(.diskFull)
        package static let inputOutput = Code(.inputOutput)
        /// The calling task was cancelled before the change was made.
        package static let cancelled = Code(.cancelled)
        package static let unknownDevice = Code(.unknownDevice)
        package static let invalidChange = Code(.invalidChange)
        package static let limitReached = Code(.limitReached)

        package var description: String { kind.rawValue }
    }

    package var code: Code
    /// The registry's file.
    package var path: String
    /// One sentence: what is wrong, naming the device or the value.
    package var message: String
    /// What to do or type next; nil where nothing helps.
    package var hint: String?
    /// SQLite's extended result code, where it was SQLite that refused.
    package var sqliteCode: Int32?

    package init(_ code: Code, path: String, message: String, hint: String? = nil, sqliteCode: Int32? = nil) {
        self.code = code
        self.path = path
        self.message = message
        self.hint = hint
        self.sqliteCode = sqliteCode
    }

    /// Whether the same call may succeed later with nothing else changed.
    package var isRetriable: Bool { code == .busy || code == .diskFull || code == .inputOutput || code == .cancelled }

    package var description: String {
        let sqlite = sqliteCode.map { " (SQLite \($0))" } ?? ""
        return "\(path): \(message)\(sqlite)" + (hint.map { "; \($0)" } ?? "")
    }
}

extension RegistryError {
    /// Classifies what GRDB threw; an error that is a `RegistryError` already passes through.
    init(_ error: any Error, path: String) {
        if let known = error as? RegistryError {
            self = known
            return
        }
        guard let error = error as? DatabaseError else {
            let code: Code = error is CancellationError ? .cancelled : .inputOutput
            self.init(code, path: path, message: "the registry did not answer: \(error)")
            return
        }
        // A bad sector below a page of the file.
        let isUnreadable = error.extendedResultCode == .SQLITE_IOERR_READ
        let (code, hint) = isUnreadable ? (.damaged, nil) : RegistryError.classify(error.resultCode)
        self.init(
            code,
            path: path,
            message: error.message ?? "SQLite refused",
            hint: hint,
            sqliteCode: error.extendedResultCode.rawValue
        )
    }

    private static func classify(_ result: ResultCode) -> (Code, hint: String?) {
        switch result {
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            (.damaged, nil)
        case .SQLITE_PERM, .SQLITE_AUTH, .SQLITE_READONLY:
            (.permission, "the file and its directory must be writable by the user that runs Forebay")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            (.busy, "another process holds the file; close it")
        case .SQLITE_INTERRUPT:
            (.cancelled, nil)
        case .SQLITE_FULL:
            (.diskFull, "free some space on the file system")
        case .SQLITE_CANTOPEN:
            (.cannotOpen, nil)
        case .SQLITE_ERROR:
            (.notARegistry, "its tables are not those that this version makes")
        default:
            (.inputOutput, nil)
        }
    }
}
