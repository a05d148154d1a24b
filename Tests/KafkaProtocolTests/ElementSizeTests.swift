// The smallest size that each element of an array claims to have: one too large would refuse good requests, one too
// small would let a short frame claim a long array.
import KafkaProtocol
import NIOCore
import Testing

@Suite("Element sizes")
struct ElementSizeTests {
    /// An element's type, its API, and the first version that has it.
    struct Element: Sendable, CustomTestStringConvertible {
        var type: any WireReadable.Type
        var key: APIKey
        var firstVersion: Int16

        init(_ type: any WireReadable.Type, _ key: APIKey, from firstVersion: Int16 = 0) {
            self.type = type
            self.key = key
            self.firstVersion = firstVersion
        }

        var testDescription: String { "\(type) of \(key)" }
    }

    static let elements = [
        Element(ProduceRequest.Topic.self, .produce), Element(ProduceRequest.Partition.self, .produce),
        Element(FetchRequest.Topic.self, .fetch), Element(FetchRequest.Partition.self, .fetch),
        Element(FetchRequest.ForgottenTopic.self, .fetch, from: 7),
        Element(ListOffsetsRequest.Topic.self, .listOffsets),
        Element(ListOffsetsRequest.Partition.self, .listOffsets), Element(MetadataRequest.Topic.self, .metadata),
        Element(OffsetCommitRequest.Topic.self, .offsetCommit),
        Element(OffsetCommitRequest.Partition.self, .offsetCommit),
        Element(OffsetFetchRequest.Group.self, .offsetFetch, from: 8),
        Element(OffsetFetchRequest.Topic.self, .offsetFetch),
        Element(JoinGroupRequest.OfferedProtocol.self, .joinGroup),
        Element(LeaveGroupRequest.Member.self, .leaveGroup, from: 3),
        Element(SyncGroupRequest.Assignment.self, .syncGroup), Element(CreateTopicsRequest.Topic.self, .createTopics),
        Element(CreateTopicsRequest.Assignment.self, .createTopics),
        Element(CreateTopicsRequest.Config.self, .createTopics),
        Element(DeleteTopicsRequest.Topic.self, .deleteTopics, from: 6),
        Element(DeleteRecordsRequest.Topic.self, .deleteRecords),
        Element(DeleteRecordsRequest.Partition.self, .deleteRecords),
        Element(OffsetForLeaderEpochRequest.Topic.self, .offsetForLeaderEpoch),
        Element(OffsetForLeaderEpochRequest.Partition.self, .offsetForLeaderEpoch),
        Element(DescribeConfigsRequest.Resource.self, .describeConfigs),
        Element(AlterConfigsRequest.Resource.self, .alterConfigs),
        Element(AlterConfigsRequest.Config.self, .alterConfigs),
        Element(CreatePartitionsRequest.Topic.self, .createPartitions),
        Element(CreatePartitionsRequest.Assignment.self, .createPartitions),
        Element(IncrementalAlterConfigsRequest.Resource.self, .incrementalAlterConfigs),
        Element(IncrementalAlterConfigsRequest.Config.self, .incrementalAlterConfigs),
        Element(OffsetDeleteRequest.Topic.self, .offsetDelete),
        Element(OffsetDeleteRequest.Partition.self, .offsetDelete),
        Element(String.self, .metadata, from: 9), Element(Int32.self, .metadata),
    ]

    @Test("an element claims exactly the fewest bytes that it can take", arguments: elements)
    func sizes(element: Element) throws {
        let api = APITable.entry(for: element.key)
        let versions = api.decoded.filter { $0 >= element.firstVersion }
        let sizes = try versions.map { try smallest(element.type, version: $0, flexible: api.isFlexible($0)) }
        #expect(sizes.min() == element.type.byteCountMin)
    }

    /// What an element takes of which every string, array and bytes are empty.
    private func smallest(_ type: any WireReadable.Type, version: Int16, flexible: Bool) throws -> Int {
        // Zeros are empty in the old form. In the compact one empty is 1, and so there is one tagged field, too, with tag
        // 1 and one byte: three bytes more than none.
        let byteCount = 64
        var reader = WireReader(
            buffer(Array(repeating: flexible ? 1 : 0, count: byteCount)),
            isFlexible: flexible
        )
        _ = try type.init(from: &reader, version: version)
        let isStructure = type != String.self && type != Int32.self
        return byteCount - reader.byteCountRemaining - (flexible && isStructure ? 3 : 0)
    }
}
