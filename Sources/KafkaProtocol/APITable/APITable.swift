// The one table of the Kafka APIs that are served: which versions, in which form, and what is special about each.

/// One row of `APITable`.
package struct API: Sendable {
    /// What an API is for, and so who has to serve it.
    package enum Tier: String, CaseIterable, Sendable {
        case connection, data, groups, admin, security
    }

    /// Decodes its requests.
    package var request: any KafkaRequest.Type
    /// As Kafka calls it.
    package var name: String
    /// What `ApiVersions` says.
    package var advertised: ClosedRange<Int16>
    /// What can be decoded; narrower than `advertised` where a client only wants to see that the version is there.
    package var decoded: ClosedRange<Int16>
    /// From this version on strings and arrays are compact and structures end with tagged fields; nil for never.
    package var firstFlexible: Int16?
    package var tier: Tier
    /// One sentence.
    package var note: String

    package var key: APIKey { request.key }

    /// Whether requests and responses of `version` have the compact form.
    package func isFlexible(_ version: Int16) -> Bool {
        guard let firstFlexible else { return false }
        return version >= firstFlexible
    }

    fileprivate init(
        _ request: any KafkaRequest.Type,
        _ name: String,
        _ advertised: ClosedRange<Int16>,
        decoded: ClosedRange<Int16>? = nil,
        flexible firstFlexible: Int16?,
        _ tier: Tier,
        _ note: String
    ) {
        self.request = request
        self.name = name
        self.advertised = advertised
        self.decoded = decoded ?? advertised
        self.firstFlexible = firstFlexible
        self.tier = tier
        self.note = note
    }
}

/// What `ApiVersions` answers and the documentation lists.
///
/// The lower ends are no accident. librdkafka before 2.11.1 switches features by fixed versions that must lie within what
/// a broker advertises, whatever it then uses: compression wants Produce 0, consumer groups JoinGroup 0, and so on. A
/// floor that is raised makes that client send everything uncompressed, or say that there are no consumer groups. A test
/// holds the pairs.
package enum APITable {
    /// In ascending order of their keys.
    package static let all: [API] = (connection + data + groups + admin + security).sorted {
        $0.key.rawValue < $1.key.rawValue
    }

    /// By raw value of the key; nil between the keys.
    private static let byKey: [API?] = {
        var entries = [API?](repeating: nil, count: APIKey.allCases.reduce(0) { max($0, Int($1.rawValue)) } + 1)
        for api in all { entries[Int(api.key.rawValue)] = api }
        return entries
    }()

    /// The row of an API.
    package static func entry(for key: APIKey) -> API {
        guard let api = byKey[Int(key.rawValue)] else {
            preconditionFailure("every key has a row in the table")
        }
        return api
    }

    private static let connection: [API] = [
        API(
            ApiVersionsRequest.self,
            "ApiVersions",
            0...4,
            flexible: 3,
            .connection,
            "The response's header has no tagged fields in any version; a version above these is answered in version 0."
        ),
        API(
            MetadataRequest.self,
            "Metadata",
            0...12,
            flexible: 9,
            .connection,
            "Names the broker by its advertised address; version 12 asks for a topic by its id, too."
        ),
        API(
            FindCoordinatorRequest.self,
            "FindCoordinator",
            0...4,
            flexible: 3,
            .connection,
            "The coordinator is always this broker; version 4 asks for several keys at once."
        ),
    ]

    private static let data: [API] = [
        API(
            ProduceRequest.self,
            "Produce",
            0...9,
            decoded: 3...9,
            flexible: 9,
            .data,
            "Versions 0 to 2 are advertised because older librdkafka compresses only then; nobody sends them."
        ),
        API(
            FetchRequest.self,
            "Fetch",
            4...12,
            flexible: 12,
            .data,
            "Capped where topics would be named by id; every client falls back."
        ),
        API(
            ListOffsetsRequest.self,
            "ListOffsets",
            1...7,
            flexible: 6,
            .data,
            "Version 7 knows the timestamp -3, the offset of the largest timestamp."
        ),
        API(
            InitProducerIDRequest.self,
            "InitProducerId",
            0...4,
            flexible: 2,
            .data,
            "For idempotent producers; transactions are not served."
        ),
        API(
            OffsetForLeaderEpochRequest.self,
            "OffsetForLeaderEpoch",
            2...4,
            flexible: 4,
            .data,
            "Consumers check their positions with it as soon as Metadata 9 is offered."
        ),
    ]

    private static let groups: [API] = [
        API(
            OffsetCommitRequest.self,
            "OffsetCommit",
            2...8,
            flexible: 8,
            .groups,
            "Versions 2 to 4 carry a retention time."
        ),
        API(
            OffsetFetchRequest.self,
            "OffsetFetch",
            1...8,
            flexible: 6,
            .groups,
            "Version 8 asks for several groups at once; no topics at all means every topic."
        ),
        API(
            JoinGroupRequest.self,
            "JoinGroup",
            0...9,
            flexible: 6,
            .groups,
            "From version 4 on the broker gives out the member id first; from 5 on members can be static."
        ),
        API(
            HeartbeatRequest.self,
            "Heartbeat",
            0...4,
            flexible: 4,
            .groups,
            "Tells members that a rebalance has begun."
        ),
        API(
            LeaveGroupRequest.self,
            "LeaveGroup",
            0...5,
            flexible: 4,
            .groups,
            "From version 3 on several members leave at once."
        ),
        API(
            SyncGroupRequest.self,
            "SyncGroup",
            0...5,
            flexible: 4,
            .groups,
            "Version 5 repeats the protocol's type and name."
        ),
        API(
            DescribeGroupsRequest.self,
            "DescribeGroups",
            0...5,
            flexible: 5,
            .groups,
            "An unknown group is described as dead, without an error."
        ),
        API(
            ListGroupsRequest.self,
            "ListGroups",
            0...4,
            flexible: 3,
            .groups,
            "Version 4 filters by state."
        ),
        API(
            DeleteGroupsRequest.self,
            "DeleteGroups",
            0...2,
            flexible: 2,
            .groups,
            "Only groups without members."
        ),
        API(
            OffsetDeleteRequest.self,
            "OffsetDelete",
            0...0,
            flexible: nil,
            .groups,
            "Only offsets of topics that no member subscribes to."
        ),
    ]

    private static let admin: [API] = [
        API(
            CreateTopicsRequest.self,
            "CreateTopics",
            2...7,
            flexible: 5,
            .admin,
            "From version 5 on the response lists the topic's configuration, from 7 on its id."
        ),
        API(
            DeleteTopicsRequest.self,
            "DeleteTopics",
            1...6,
            flexible: 4,
            .admin,
            "Version 6 names a topic by its id, too."
        ),
        API(
            DeleteRecordsRequest.self,
            "DeleteRecords",
            0...2,
            flexible: 2,
            .admin,
            "Moves the log start; offset -1 is the high watermark."
        ),
        API(
            CreatePartitionsRequest.self,
            "CreatePartitions",
            0...3,
            flexible: 2,
            .admin,
            "A topic only grows."
        ),
        API(
            DescribeConfigsRequest.self,
            "DescribeConfigs",
            1...4,
            flexible: 4,
            .admin,
            "Topics and the broker itself."
        ),
        API(
            AlterConfigsRequest.self,
            "AlterConfigs",
            0...2,
            flexible: 2,
            .admin,
            "Replaces the whole configuration of a resource."
        ),
        API(
            IncrementalAlterConfigsRequest.self,
            "IncrementalAlterConfigs",
            0...1,
            flexible: 1,
            .admin,
            "Sets, deletes, appends to or subtracts from single keys."
        ),
        API(
            DescribeClusterRequest.self,
            "DescribeCluster",
            0...1,
            flexible: 0,
            .admin,
            "What Metadata says of the cluster, without topics."
        ),
    ]

    private static let security: [API] = [
        API(
            SASLHandshakeRequest.self,
            "SaslHandshake",
            0...1,
            decoded: 1...1,
            flexible: nil,
            .security,
            "Version 0, whose tokens follow without headers, is advertised for older librdkafka and not decoded."
        ),
        API(
            SASLAuthenticateRequest.self,
            "SaslAuthenticate",
            0...2,
            flexible: 2,
            .security,
            "Carries the messages of PLAIN and SCRAM."
        ),
    ]

    // MARK: Documentation

    /// The table as Markdown, one row per API in the order of the keys.
    package static var markdown: String {
        var lines = [
            "| API | Key | Versions | Decoded | Flexible from | For | Note |",
            "|---|---|---|---|---|---|---|",
        ]
        for api in all {
            let flexible = api.firstFlexible.map { "\($0)" } ?? "never"
            let cells = [
                api.name, "\(api.key.rawValue)", text(api.advertised), text(api.decoded), flexible, api.tier.rawValue,
                api.note,
            ]
            lines.append("| " + cells.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func text(_ versions: ClosedRange<Int16>) -> String {
        versions.count == 1 ? "\(versions.lowerBound)" : "\(versions.lowerBound)-\(versions.upperBound)"
    }
}
