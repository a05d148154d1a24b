// The file of the Kafka listener's users, as commands change it: lines of others and remarks stay as they are.
internal import Foundation
internal import KafkaNIO
internal import Platform

/// `listen.kafka.users_file`. Nothing is kept between two calls.
package struct KafkaUsersFile: Sendable {
    /// One user, as `users list` shows it.
    package struct User: Hashable, Codable, Sendable {
        package var user: String
        /// E.g. `SCRAM-SHA-256`, in the order of the file.
        package var mechanisms: [String]

        package init(user: String, mechanisms: [String]) {
            self.user = user
            self.mechanisms = mechanisms
        }
    }

    package let path: String

    /// A link is followed, so that it stays one.
    package init(_ path: String) {
        self.path = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }

    /// In the order of the file.
    ///
    /// - Throws: 66 where there is no file, 77 where this user may not read it, 78 where it is no file of users.
    package func users() throws(CommandFailure) -> [User] {
        var users: [User] = []
        for line in try lines(mustExist: true) {
            guard let (name, mechanism) = KafkaUsersFile.parts(of: line) else { continue }
            if let index = users.firstIndex(where: { $0.user.utf8.elementsEqual(name.utf8) }) {
                users[index].mechanisms.append(mechanism)
            } else {
                users.append(User(user: name, mechanisms: [mechanism]))
            }
        }
        return users
    }

    /// Gives a user a password for every mechanism, in the place of what it had; makes the file where there is none.
    ///
    /// - Throws: 64 where the name or the password cannot be used; else as `users`, and 73 where the file cannot be written.
    package func set(_ name: String, password: String) throws(CommandFailure) {
        let own: [String]
        do throws(KafkaUsersError) {
            own = try KafkaUsers.lines(name: name, password: password)
        } catch {
            throw CommandFailure(ExitStatus.usage, error.description)
        }
        let old = try lines(mustExist: false)
        let isOwn = old.map { KafkaUsersFile.parts(of: $0)?.name.utf8.elementsEqual(name.utf8) == true }
        let place = isOwn.firstIndex(of: true) ?? old.endIndex
        let kept = zip(old, isOwn).filter { !$0.1 }.map(\.0)
        try write(Array(kept[..<place]) + own + Array(kept[place...]))
    }

    /// - Throws: 66 where the file has no such user; else as `set`.
    package func delete(_ name: String) throws(CommandFailure) {
        let old = try lines(mustExist: true)
        let kept = old.filter { KafkaUsersFile.parts(of: $0)?.name.utf8.elementsEqual(name.utf8) != true }
        guard kept.count < old.count else {
            throw CommandFailure(
                ExitStatus.noInput,
                "\(path) has no user \(name)",
                hint: "forebay users list shows them"
            )
        }
        try write(kept)
    }

    /// The user and the mechanism of a line; nil for a remark and an empty one.
    private static func parts(of line: String) -> (name: String, mechanism: String)? {
        guard line.utf8.first != UInt8(ascii: "#"), let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            return nil
        }
        let rest = line[line.utf8.index(after: colon)...]
        return (String(line[..<colon]), String(rest.prefix { $0 != "$" }))
    }

    // MARK: The file

    private func lines(mustExist: Bool) throws(CommandFailure) -> [String] {
        try AccessCheck.require(path, R_OK)
        let bytes: [UInt8]
        do throws(DiskError) {
            bytes = try PosixDisk().wholeFile(path, bytesMax: KafkaUsers.fileBytesMax)
        } catch {
            guard error.isNotFound else { throw CommandFailure(ExitStatus.inputOutput, "\(error)") }
            guard !mustExist else {
                throw CommandFailure(
                    ExitStatus.noInput,
                    "there is no file \(path)",
                    hint: "forebay users add NAME makes it"
                )
            }
            return []
        }
        try check(bytes)
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }

    /// What the daemon would not take is not touched, and not written.
    private func check(_ bytes: [UInt8]) throws(CommandFailure) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(ExitStatus.configuration, "\(path): the file is not UTF-8")
        }
        do throws(KafkaUsersError) {
            _ = try KafkaUsers(parsing: text)
        } catch {
            throw CommandFailure(ExitStatus.configuration, "\(path): \(error)")
        }
    }

    /// Whole at every moment, and durable on return. Mode 0640; owner and group stay, a new file gets its directory's group.
    private func write(_ lines: [String]) throws(CommandFailure) {
        let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
        try check(bytes)
        let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let (disk, temporary) = (PosixDisk(), path + ".new")
        do throws(DiskError) {
            try disk.writeNew(temporary, bytes)
        } catch {
            throw error.isPermission
                ? AccessCheck.denied(directory) : CommandFailure(ExitStatus.cannotCreate, "\(error)")
        }
        do {
            try takeOver(temporary, in: directory)
            try disk.rename(temporary, to: path)
            try disk.syncDirectory(directory)
        } catch {
            try? disk.remove(temporary)
            throw (error as? CommandFailure) ?? CommandFailure(ExitStatus.cannotCreate, "\(error)")
        }
    }

    private func takeOver(_ temporary: String, in directory: String) throws(CommandFailure) {
        var old = stat()
        let isThere = stat(path, &old) == 0
        var made = stat()
        guard chmod(temporary, 0o640) == 0, stat(temporary, &made) == 0 else {
            throw CommandFailure(ExitStatus.cannotCreate, "chmod \(temporary): \(systemErrorText(errno))")
        }
        guard isThere else {
            // Best effort: whose file it is then, is for who typed.
            var parent = stat()
            if stat(directory, &parent) == 0 { _ = chown(temporary, made.st_uid, parent.st_gid) }
            return
        }
        guard old.st_uid != made.st_uid || old.st_gid != made.st_gid else { return }
        guard chown(temporary, old.st_uid, old.st_gid) == 0 else {
            throw CommandFailure(
                ExitStatus.permission,
                "\(path) belongs to another user, and would be this one's afterwards",
                hint: "use sudo"
            )
        }
    }
}
