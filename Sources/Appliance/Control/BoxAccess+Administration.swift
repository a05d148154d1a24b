// Topics and consumer groups as commands change them: through the daemon, or where that is enough on the files.
internal import CommitLog
internal import Foundation
package import HTTPAPI
internal import KafkaNIO
internal import Platform

extension BoxAccess {
    // MARK: Topics

    /// The topic as it is afterwards; without a daemon the lock is taken for it.
    package func createTopic(_ name: String, _ settings: TopicSettings) async throws -> TopicDocument {
        try await changed("POST", name, settings) { try await $0.create(name, settings) }
    }

    /// The same, of one that is there.
    package func alterTopic(_ name: String, _ settings: TopicSettings) async throws -> TopicDocument {
        try await changed("PATCH", name, settings) { try await $0.alter(name, settings) }
    }

    /// What it was.
    package func deleteTopic(_ name: String) async throws -> TopicDocument {
        try await changed("DELETE", name, nil) { try await $0.delete(name) }
    }

    private func changed(
        _ method: String,
        _ topic: String,
        _ settings: TopicSettings?,
        _ change: (TopicChanges) async throws -> TopicDocument
    ) async throws -> TopicDocument {
        switch way {
        case .daemon(let client):
            let body = try settings.map { try JSONEncoder().encode($0) }
            let answer = try await translated {
                try await client.send("/api/v1/topics/\(BoxAccess.escaped(topic))", method: method, body: body)
            }
            return try JSONDecoder().decode(TopicDocument.self, from: answer)
        case .files(let files):
            try requireChangeable(files)
            return try await translated { try await onOpenLog(change) }
        }
    }

    private func requireChangeable(_ files: Files) throws(CommandFailure) {
        guard !isFrozen else { throw CommandFailure(ExitStatus.inputOutput, "\(data) is mounted read-only") }
        guard !files.isEmpty else {
            throw CommandFailure(
                ExitStatus.noInput,
                "there is no log in \(data) yet",
                hint: "start the daemon once with `forebay run` or `systemctl start forebay`"
            )
        }
        // What another user makes here, the daemon could not write to.
        let attributes = try? FileManager.default.attributesOfItem(atPath: data)
        guard let owner = attributes?[.ownerAccountID] as? NSNumber, owner.uint32Value != geteuid() else { return }
        let name = attributes?[.ownerAccountName] as? String ?? "\(owner)"
        throw CommandFailure(
            ExitStatus.permission,
            "\(data) belongs to \(name), and no daemon runs that could be asked",
            hint: "sudo -u \(name) forebay ..., or start the daemon"
        )
    }

    /// Opens the log as the daemon would, but for what the configuration says, and closes it again.
    private func onOpenLog(_ change: (TopicChanges) async throws -> TopicDocument) async throws -> TopicDocument {
        let lock: DirectoryLock
        do throws(LogError) {
            lock = try DirectoryLock(dataDirectory: data)
        } catch {
            throw BoxAccess.failure(error, status: ExitStatus.cannotCreate)
        }
        defer { withExtendedLifetime(lock) {} }
        let (disk, clock) = (PosixDisk(), SystemClock())
        let log = try CommitLog.open(
            // Nothing is removed for room that the configuration, which is not known here, may not want.
            LogConfiguration(directory: data, topics: [:], keepFreeFraction: 0),
            disk: disk,
            clock: clock,
            access: .readWrite
        )
        let readers = ThreadExecutor(name: "readers")
        let writer = LogThread(log: log, watch: ThreadWatch(), clock: clock) { _ in }
        let outcome: Result<TopicDocument, any Error>
        do {
            let changes = TopicChanges(
                log: log,
                view: LogView(log: log, disk: disk, readers: readers),
                clock: clock,
                server: nil,
                configurationFile: nil
            )
            outcome = .success(try await change(changes))
        } catch {
            outcome = .failure(error)
        }
        await writer.close()
        await readers.stop()
        return try outcome.get()
    }

    // MARK: Groups

    /// By id; without a daemon as one would find them.
    package func groups() async throws -> [GroupSummaryDocument] {
        switch way {
        case .daemon(let client):
            let document: GroupsDocument = try await decoded(client, "/api/v1/groups")
            return document.groups
        case .files(let files):
            return try await translated {
                let standings = try await GroupReader(log: files.view.log, executor: files.readers).stored(
                    SystemClock()
                )
                return standings.map(GroupReport(files.view.log).summary)
            }
        }
    }

    /// One group with its partitions.
    package func group(_ id: String) async throws -> GroupDocument {
        switch way {
        case .daemon(let client): return try await decoded(client, "/api/v1/groups/\(BoxAccess.escaped(id))")
        case .files(let files):
            return try await translated {
                let standings = try await GroupReader(log: files.view.log, executor: files.readers).stored(
                    SystemClock()
                )
                let standing = try GroupsView.known(id, standings.first { $0.group.groupID == id })
                return GroupReport(files.view.log).document(standing)
            }
        }
    }

    /// Has a group without members go on elsewhere.
    package func resetGroup(_ id: String, _ request: GroupResetRequest) async throws -> GroupResetDocument {
        try await posted("/api/v1/groups/\(BoxAccess.escaped(id))/reset", request)
    }

    /// What it was.
    package func deleteGroup(_ id: String) async throws -> GroupDocument {
        let client = try daemon()
        let answer = try await translated {
            try await client.send("/api/v1/groups/\(BoxAccess.escaped(id))", method: "DELETE", body: nil)
        }
        return try JSONDecoder().decode(GroupDocument.self, from: answer)
    }
}
