// The table of APIs against what clients need to find in it, and headers of every kind.
import KafkaProtocol
import NIOCore
import Testing

@Suite("API table")
struct APITableTests {
    @Test("every key has one row, in order")
    func rows() {
        #expect(APITable.all.map(\.key) == APIKey.allCases)
        for key in APIKey.allCases { #expect(APITable.entry(for: key).key == key) }
        #expect(APITable.all.allSatisfy { $0.note.hasSuffix(".") && !$0.note.dropLast().contains(". ") })
    }

    @Test("decoded versions are advertised, and flexible ones begin among them")
    func ranges() {
        for api in APITable.all {
            #expect(api.advertised.lowerBound <= api.decoded.lowerBound, "\(api.name)")
            #expect(api.advertised.upperBound == api.decoded.upperBound, "\(api.name)")
            guard let first = api.firstFlexible else { continue }
            #expect(api.decoded.contains(first), "\(api.name)")
            #expect(api.isFlexible(first) && !api.isFlexible(first - 1), "\(api.name)")
        }
    }

    /// Name, key, advertised versions, first flexible one (-1 for never); from Kafka's schemas.
    @Test(
        "versions are those that were measured with clients",
        arguments: [
            ("Produce", 0, 0...9, 9), ("Fetch", 1, 4...12, 12), ("ListOffsets", 2, 1...7, 6),
            ("Metadata", 3, 0...12, 9),
            ("OffsetCommit", 8, 2...8, 8), ("OffsetFetch", 9, 1...8, 6), ("FindCoordinator", 10, 0...4, 3),
            ("JoinGroup", 11, 0...9, 6), ("Heartbeat", 12, 0...4, 4), ("LeaveGroup", 13, 0...5, 4),
            ("SyncGroup", 14, 0...5, 4), ("DescribeGroups", 15, 0...5, 5), ("ListGroups", 16, 0...4, 3),
            ("SaslHandshake", 17, 0...1, -1), ("ApiVersions", 18, 0...4, 3), ("CreateTopics", 19, 2...7, 5),
            ("DeleteTopics", 20, 1...6, 4), ("DeleteRecords", 21, 0...2, 2), ("InitProducerId", 22, 0...4, 2),
            ("OffsetForLeaderEpoch", 23, 2...4, 4), ("DescribeConfigs", 32, 1...4, 4), ("AlterConfigs", 33, 0...2, 2),
            ("SaslAuthenticate", 36, 0...2, 2), ("CreatePartitions", 37, 0...3, 2), ("DeleteGroups", 42, 0...2, 2),
            ("IncrementalAlterConfigs", 44, 0...1, 1), ("OffsetDelete", 47, 0...0, -1),
            ("DescribeCluster", 60, 0...1, 0),
        ] as [(String, Int16, ClosedRange<Int16>, Int16)]
    )
    func versions(name: String, key: Int16, advertised: ClosedRange<Int16>, flexible: Int16) throws {
        let api = APITable.entry(for: try #require(APIKey(rawValue: key)))
        #expect(api.name == name)
        #expect(api.advertised == advertised)
        #expect(api.firstFlexible ?? -1 == flexible)
    }

    /// `rd_kafka_feature_map` of librdkafka before 2.11.1: a feature is on when each of its ranges overlaps ours.
    @Test(
        "old librdkafka finds what its features want",
        arguments: [
            ("records of magic 2", .produce, 3...3), ("records of magic 2", .fetch, 4...4), ("zstd", .produce, 7...7),
            ("zstd", .fetch, 10...10), ("gzip, snappy, lz4", .produce, 0...0), ("groups", .findCoordinator, 0...0),
            ("groups", .offsetCommit, 1...2), ("groups", .offsetFetch, 1...1), ("groups", .joinGroup, 0...0),
            ("groups", .syncGroup, 0...0), ("groups", .heartbeat, 0...0), ("groups", .leaveGroup, 0...0),
            ("offsets for times", .listOffsets, 1...1), ("idempotence", .initProducerID, 0...0),
            ("SASL", .saslHandshake, 0...0), ("SASL in frames", .saslHandshake, 1...1),
            ("SASL in frames", .saslAuthenticate, 0...0),
        ] as [(String, APIKey, ClosedRange<Int16>)]
    )
    func features(feature: String, key: APIKey, wanted: ClosedRange<Int16>) {
        #expect(APITable.entry(for: key).advertised.overlaps(wanted), "\(feature)")
    }

    @Test("only Produce and SaslHandshake advertise what they do not decode")
    func undecoded() {
        let differing = APITable.all.filter { $0.advertised != $0.decoded }
        #expect(differing.map(\.key) == [.produce, .saslHandshake])
        #expect(differing.map(\.decoded) == [3...9, 1...1])
    }

    @Test("the documentation has a row for each API")
    func markdown() {
        let lines = APITable.markdown.split(separator: "\n")
        #expect(lines.count == APITable.all.count + 2)
        #expect(lines.allSatisfy { $0.filter { $0 == "|" }.count == 8 })
        #expect(
            lines[2]
                == """
                | Produce | 0 | 0-9 | 3-9 | 9 | data | Versions 0 to 2 are advertised because older librdkafka \
                compresses only then; nobody sends them. |
                """
        )
    }

    @Test("ApiVersions lists the table")
    func served() {
        let ranges = ApiVersionsResponse.served.apiKeys
        #expect(ranges.map(\.apiKey) == APIKey.allCases.map(\.rawValue))
        #expect(ranges[0] == .init(apiKey: 0, minVersion: 0, maxVersion: 9))
        #expect(ranges.allSatisfy { $0.minVersion <= $0.maxVersion })
    }

    @Test("error codes are Kafka's")
    func errorCodes() throws {
        let known = Set(try goldenRows("ErrorCodes").compactMap { Int16($0[0]) })
        #expect(ErrorCode.allCases.allSatisfy { known.contains($0.rawValue) })
        let mentioned: [Int16] = [
            -1, 0, 1, 2, 3, 5, 6, 7, 10, 12, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 32, 33, 34, 35, 36, 37,
            38,
            40, 42, 45, 46, 47, 48, 53, 54, 56, 58, 59, 68, 69, 70, 71, 74, 75, 76, 79, 82, 87, 120,
        ]
        for code in mentioned { #expect(ErrorCode(rawValue: code) != nil, "\(code)") }
    }

    @Test(
        "error codes have Kafka's numbers",
        arguments: [
            (.offsetOutOfRange, "OffsetOutOfRangeError"), (.corruptMessage, "CorruptRecordError"),
            (.unknownTopicOrPartition, "UnknownTopicOrPartitionError"), (.messageTooLarge, "MessageSizeTooLargeError"),
            (.rebalanceInProgress, "RebalanceInProgressError"), (.unknownMemberID, "UnknownMemberIdError"),
            (.illegalGeneration, "IllegalGenerationError"), (.memberIDRequired, "MemberIdRequiredError"),
            (.fencedInstanceID, "FencedInstanceIdError"), (.kafkaStorageError, "KafkaStorageError"),
            (.saslAuthenticationFailed, "SaslAuthenticationFailedError"), (.invalidRecord, "InvalidRecordError"),
            (.unsupportedCompressionType, "UnsupportedCompressionTypeError"),
            (.outOfOrderSequenceNumber, "OutOfOrderSequenceNumberError"),
            (.invalidProducerEpoch, "InvalidProducerEpochError"), (.nonEmptyGroup, "NonEmptyGroupError"),
            (.groupIDNotFound, "GroupIdNotFoundError"), (.fencedLeaderEpoch, "FencedLeaderEpochError"),
            (.unknownLeaderEpoch, "UnknownLeaderEpochError"), (.unknownTopicID, "UnknownTopicIdError"),
        ] as [(ErrorCode, String)]
    )
    func errorNumbers(code: ErrorCode, name: String) throws {
        let row = try #require(try goldenRows("ErrorCodes").first { $0[1] == name })
        #expect(Int16(row[0]) == code.rawValue)
    }
}

@Suite("Request headers")
struct RequestHeaderTests {
    private func header(_ bytes: [UInt8]) throws -> (RequestHeader, WireReader) {
        var reader = WireReader(ByteBuffer(bytes: bytes))
        return (try RequestHeader(from: &reader), reader)
    }

    @Test("version 1 ends with the client id, version 2 with tagged fields")
    func versions() throws {
        let (old, oldReader) = try header([0, 12, 0, 3, 0, 0, 0, 9, 0, 1, 0x63, 0xaa])
        #expect(old.support == .decodable(.heartbeat) && old.clientID == "c" && old.correlationID == 9)
        #expect(!oldReader.isFlexible && oldReader.byteCountRemaining == 1)
        let (new, newReader) = try header([0, 12, 0, 4, 0, 0, 0, 9, 0, 1, 0x63, 1, 5, 1, 0xee, 0xaa])
        #expect(new.support == .decodable(.heartbeat) && new.clientID == "c")
        #expect(newReader.isFlexible && newReader.byteCountRemaining == 1)
    }

    @Test("a client id may be null, in both versions")
    func nullClient() throws {
        #expect(try header([0, 12, 0, 3, 0, 0, 0, 9, 0xff, 0xff]).0.clientID == nil)
        #expect(try header([0, 12, 0, 4, 0, 0, 0, 9, 0xff, 0xff, 0]).0.clientID == nil)
    }

    @Test(
        "a key or version that is not ours leaves the rest unread, whatever it is",
        arguments: [
            ([0, 24, 0, 0], .unknownKey), ([0xff, 0xff, 0, 0], .unknownKey), ([0x7f, 0xff, 0x7f, 0xff], .unknownKey),
            ([0, 0, 0, 2], .unsupportedVersion(.produce)), ([0, 0, 0, 10], .unsupportedVersion(.produce)),
            ([0, 1, 0xff, 0xff], .unsupportedVersion(.fetch)), ([0, 18, 0, 5], .unsupportedVersion(.apiVersions)),
            ([0, 17, 0, 0], .unsupportedVersion(.saslHandshake)),
        ] as [([UInt8], RequestHeader.Support)]
    )
    func unsupported(start: [UInt8], support: RequestHeader.Support) throws {
        let (header, reader) = try header(start + [1, 2, 3, 4, 0x80, 0xff, 0xff])
        #expect(header.support == support)
        #expect(header.correlationID == 0x0102_0304)
        #expect(header.clientID == nil)
        #expect(reader.byteCountRemaining == 3)
    }

    @Test("a newer ApiVersions is answered in version 0 with its own range", arguments: [0, 3, 4] as [Int16])
    func newerApiVersions(version: Int16) {
        #expect(
            Array(ApiVersionsResponse.unsupportedVersion.frame(correlationID: 7, version: 0).readableBytesView) == [
                0, 0, 0, 16, 0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4,
            ]
        )
        // No version of the response has tagged fields in its header: the error code follows the correlation id.
        let frame = ApiVersionsResponse.served.frame(correlationID: 7, version: version)
        #expect(frame.getInteger(at: 8, as: Int16.self) == 0)
        #expect(frame.getInteger(at: 10, as: UInt8.self) == (version >= 3 ? UInt8(APITable.all.count + 1) : 0))
    }

    @Test("what librdkafka leaves behind a request for all topics is ignored")
    func trailing() throws {
        // Header, topics (null), automatic creation, authorized operations, tagged fields; and three bytes.
        var reader = try header([0, 3, 0, 12, 0, 0, 0, 10, 0, 1, 0x72, 0, 0, 0, 0, 0, 1, 0, 0]).1
        let request = try MetadataRequest(from: &reader, version: 12)
        #expect(request.topics == nil)
        #expect(reader.byteCountRemaining == 3)
    }

    @Test(
        "the names of a client's software are checked as Kafka checks them",
        arguments: [
            ("librdkafka", true), ("a", true), ("apache-kafka.java", true), ("2.16.1", true), ("", false),
            ("-a", false),
            ("a.", false), ("a b", false), ("ä", false), ("a_b", false),
        ]
    )
    func software(text: String, isValid: Bool) throws {
        for (name, version) in [(text, "1"), ("a", text)] {
            var writer = WireWriter(isFlexible: true)
            writer.string(name)
            writer.string(version)
            writer.emptyTaggedFields()
            var reader = WireReader(writer.buffer, isFlexible: true)
            #expect(try ApiVersionsRequest(from: &reader, version: 3).hasValidSoftware == isValid)
        }
    }
}
