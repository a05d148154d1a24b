// Topics and consumer groups as the API changes them.
internal import CommitLog
internal import HTTPAPI
internal import KafkaNIO
internal import Platform

struct TopicsView: TopicAdministrator {
    let box: ViewsBox

    func createTopic(_ name: String, _ settings: TopicSettings) async throws -> TopicDocument {
        try await changes().create(name, settings)
    }

    func alterTopic(_ name: String, _ settings: TopicSettings) async throws -> TopicDocument {
        try await changes().alter(name, settings)
    }

    func deleteTopic(_ name: String) async throws -> TopicDocument {
        try await changes().delete(name)
    }

    private func changes() throws(APIFailure) -> TopicChanges {
        let parts = try box.parts()
        return TopicChanges(
            log: parts.log,
            view: LogView(log: parts.log, disk: PosixDisk(), readers: parts.readersThread),
            clock: parts.clock,
            server: parts.kafka.server,
            configurationFile: parts.configurationFiles.first
        )
    }
}

struct GroupsView: GroupAdministrator {
    let box: ViewsBox

    func groups() async throws -> [GroupSummaryDocument] {
        let parts = try box.parts()
        let standings = try await standings(parts)
        let report = GroupReport(parts.log)
        return standings.map(report.summary)
    }

    func group(_ id: String) async throws -> GroupDocument {
        let parts = try box.parts()
        let standing =
            if let server = parts.kafka.server {
                try await standing(of: id, server)
            } else {
                try GroupsView.known(id, try await standings(parts).first { $0.group.groupID == id })
            }
        return GroupReport(parts.log).document(standing)
    }

    func resetGroup(_ id: String, _ request: GroupResetRequest) async throws -> GroupResetDocument {
        let parts = try box.parts()
        let server = try GroupsView.listener(parts)
        guard let position = RecordPosition(request.to) else {
            throw APIFailure(
                .badRequest,
                "`to` is earliest, latest, an offset, or a time",
                hint: "a time looks like 2026-11-23T19:10:00Z"
            )
        }
        let partitions = parts.log.partitions.filter { partition in
            partition.topicPartition.topic.text == request.topic
                && (request.partition.map { $0 == Int(partition.topicPartition.partition.value) } ?? true)
        }
        guard !partitions.isEmpty else {
            let partition = request.partition.map { ", partition \($0)" } ?? ""
            throw APIFailure(.notFound, "no topic \(request.topic)\(partition)", hint: "forebay topics list shows them")
        }
        let standing = try await standing(of: id, server)
        try GroupsView.requireEmpty(standing.group)
        let targets: [Offset]
        do throws(LogError) {
            let reader = GroupReader(log: parts.log, executor: parts.readersThread)
            targets = try await reader.offsets(of: position, in: partitions)
        } catch {
            throw APIFailure(error)
        }
        let committed = standing.offsets.first { $0.name == request.topic }?.partitions ?? []
        let moves = zip(partitions, targets).map { partition, target in
            let index = partition.topicPartition.partition.value
            return GroupResetDocument.Move(
                topic: request.topic,
                partition: Int(index),
                from: committed.first { $0.index == index }?.committed.offset,
                to: target.value
            )
        }
        if !request.isDryRun {
            let offsets = moves.map { GroupCommit.Partition(index: Int32(clamping: $0.partition), offset: $0.to) }
            try GroupsView.check(await server.commit(request.topic, offsets, for: id), id)
        }
        return GroupResetDocument(group: id, applied: !request.isDryRun, partitions: moves)
    }

    func deleteGroup(_ id: String) async throws -> GroupDocument {
        let parts = try box.parts()
        let server = try GroupsView.listener(parts)
        let standing = try await standing(of: id, server)
        let document = GroupReport(parts.log).document(standing)
        try GroupsView.requireEmpty(standing.group)
        try GroupsView.check(await server.deleteGroup(id), id)
        return document
    }

    // MARK: Asking

    /// Every group, by id: of the coordinator, or where there is none of the log.
    private func standings(_ parts: DaemonParts) async throws -> [GroupStanding] {
        guard let server = parts.kafka.server else {
            return try await GroupReader(log: parts.log, executor: parts.readersThread).stored(parts.clock)
        }
        guard let standings = await server.groups() else { throw GroupsView.noAnswer }
        return standings
    }

    private func standing(of id: String, _ server: KafkaServer) async throws(APIFailure) -> GroupStanding {
        guard let standing = await server.group(id) else { throw GroupsView.noAnswer }
        return try GroupsView.known(id, standing)
    }

    static func known(_ id: String, _ standing: GroupStanding?) throws(APIFailure) -> GroupStanding {
        guard let standing, standing.group.state != .dead else {
            throw APIFailure(.notFound, "no group \(id)", hint: "forebay groups list shows them")
        }
        return standing
    }

    private static func listener(_ parts: DaemonParts) throws(APIFailure) -> KafkaServer {
        guard let server = parts.kafka.server else {
            throw APIFailure(
                .unavailable,
                "the Kafka listener does not run, and only it changes groups",
                hint: "`listen.kafka` in the configuration turns it on"
            )
        }
        return server
    }

    private static let noAnswer = APIFailure(.unavailable, "the coordinator of groups does not answer")

    // MARK: Refusals

    private static func requireEmpty(_ group: GroupDescription) throws(APIFailure) {
        guard group.state == .empty else { throw inUse(group.groupID) }
    }

    private static func inUse(_ id: String) -> APIFailure {
        APIFailure(
            .conflict,
            "group \(id) has members, which would go on as they are",
            hint: "stop its consumers first: forebay groups describe \(id) shows them"
        )
    }

    /// nil: no answer came.
    private static func check(_ code: GroupCode?, _ id: String) throws(APIFailure) {
        guard let code else {
            throw APIFailure(
                .unavailable,
                "the coordinator of groups has not answered within half a minute",
                hint: "forebay groups describe \(id) shows whether it has"
            )
        }
        switch code {
        case GroupCode.none: return
        case .unknownMemberID, .nonEmptyGroup, .rebalanceInProgress, .illegalGeneration: throw inUse(id)
        case .groupIDNotFound: throw APIFailure(.notFound, "no group \(id)", hint: "forebay groups list shows them")
        case .coordinatorNotAvailable, .coordinatorLoadInProgress:
            throw APIFailure(
                .unavailable,
                "the disk has not taken it, and may yet",
                hint: "forebay status says what is wrong, forebay groups describe \(id) whether it has"
            )
        default: throw APIFailure(.failed, "the coordinator of groups refuses it: \(code)")
        }
    }
}
