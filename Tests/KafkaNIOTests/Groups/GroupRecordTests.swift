// Records of `__consumer_offsets`: bytes written by hand from Kafka's schemas, and whatever else may lie on a disk.
import KafkaNIO
import Platform
import Testing

@Suite("Records of groups and offsets")
struct GroupRecordTests {
    /// Hexadecimal digits, with comments after `//`.
    private static func bytes(_ text: String) -> [UInt8] {
        let digits = text.split(separator: "\n").flatMap { line in
            (line.split(separator: "//", omittingEmptySubsequences: false).first ?? "").filter { $0 != " " }
        }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16) ?? 0 }
    }

    private func key(_ bytes: [UInt8]) throws -> GroupRecordKey {
        try bytes.withUnsafeBytes { try GroupRecordKey($0) }
    }

    private func offset(_ bytes: [UInt8]) throws -> CommittedOffset {
        try bytes.withUnsafeBytes { try CommittedOffset($0) }
    }

    private func group(_ bytes: [UInt8]) throws -> StoredGroup {
        try bytes.withUnsafeBytes { try StoredGroup($0) }
    }

    // Schemas: OffsetCommitKey.json, OffsetCommitValue.json, GroupMetadataKey.json, GroupMetadataValue.json of Kafka 3.

    private static let offsetKey = bytes(
        """
        0001            // version
        0003 673a31     // group: "g:1"
        0008 72656164696e6773 // topic: "readings"
        00000007        // partition
        """
    )
    private static let groupKey = bytes(
        """
        0002            // version
        0003 673a31     // group: "g:1"
        """
    )
    private static let offsetValue = bytes(
        """
        0003            // version
        0000000000000102 // offset: 258
        00000005        // leaderEpoch
        0002 c3a4       // metadata: "ä"
        0000019a00000001 // commitTimestamp
        """
    )
    private static let groupValue = bytes(
        """
        0003            // version
        0008 636f6e73756d6572 // protocolType: "consumer"
        00000003        // generation
        0005 72616e6765 // protocol: "range"
        0002 6d31       // leader: "m1"
        0000019a00000002 // currentStateTimestamp
        00000002        // members
        0002 6d31       //   memberId: "m1"
        0001 69         //   groupInstanceId: "i"
        0001 63         //   clientId: "c"
        0002 2f68       //   clientHost: "/h"
        0000ea60        //   rebalanceTimeout: 60000
        00002710        //   sessionTimeout: 10000
        00000002 0a0b   //   subscription
        00000001 0c     //   assignment
        0002 6d32       //   memberId: "m2"
        ffff            //   groupInstanceId: null
        0000            //   clientId: ""
        0000            //   clientHost: ""
        00000001        //   rebalanceTimeout
        00000002        //   sessionTimeout
        00000000        //   subscription: empty
        00000000        //   assignment: empty
        """
    )
    private static let emptyGroupValue = bytes(
        """
        0003            // version
        0000            // protocolType: ""
        00000009        // generation
        ffff            // protocol: null
        ffff            // leader: null
        ffffffffffffffff // currentStateTimestamp: -1
        00000000        // members
        """
    )

    private static let storedOffset = CommittedOffset(
        offset: 258,
        leaderEpoch: 5,
        metadata: "ä",
        commitTime: Timestamp(milliseconds: 0x19A_0000_0001)
    )
    private static let storedGroup = StoredGroup(
        protocolType: "consumer",
        generation: 3,
        protocolName: "range",
        leaderID: "m1",
        stateTime: Timestamp(milliseconds: 0x19A_0000_0002),
        members: [
            StoredGroup.Member(
                memberID: "m1",
                groupInstanceID: "i",
                clientID: "c",
                clientHost: "/h",
                rebalanceTimeoutMilliseconds: 60_000,
                sessionTimeoutMilliseconds: 10_000,
                subscription: [10, 11],
                assignment: [12]
            ),
            StoredGroup.Member(
                memberID: "m2",
                groupInstanceID: nil,
                clientID: "",
                clientHost: "",
                rebalanceTimeoutMilliseconds: 1,
                sessionTimeoutMilliseconds: 2,
                subscription: [],
                assignment: []
            ),
        ]
    )
    private static let emptyGroup = StoredGroup(
        protocolType: "",
        generation: 9,
        protocolName: nil,
        leaderID: nil,
        stateTime: Timestamp(milliseconds: -1),
        members: []
    )

    @Test("are written and read as Kafka's schemas say")
    func golden() throws {
        let offsetKey = GroupRecordKey.offset(groupID: "g:1", topic: "readings", partition: 7)
        #expect(offsetKey.bytes == GroupRecordTests.offsetKey)
        #expect(try key(GroupRecordTests.offsetKey) == offsetKey)
        #expect(GroupRecordKey.group("g:1").bytes == GroupRecordTests.groupKey)
        #expect(try key(GroupRecordTests.groupKey) == .group("g:1"))
        #expect(GroupRecordTests.storedOffset.bytes == GroupRecordTests.offsetValue)
        #expect(try offset(GroupRecordTests.offsetValue) == GroupRecordTests.storedOffset)
        #expect(GroupRecordTests.storedGroup.bytes == GroupRecordTests.groupValue)
        #expect(try group(GroupRecordTests.groupValue) == GroupRecordTests.storedGroup)
        #expect(GroupRecordTests.emptyGroup.bytes == GroupRecordTests.emptyGroupValue)
        #expect(try group(GroupRecordTests.emptyGroupValue) == GroupRecordTests.emptyGroup)
    }

    @Test("of older versions are read")
    func olderVersions() throws {
        var older = GroupRecordTests.offsetKey
        older[1] = 0
        #expect(try key(older) == .offset(groupID: "g:1", topic: "readings", partition: 7))
        // Without leaderEpoch in 0 to 2, with expireTimestamp in 1.
        let expected = CommittedOffset(offset: 1, leaderEpoch: -1, metadata: "", commitTime: Timestamp(milliseconds: 2))
        let body = GroupRecordTests.bytes("0000000000000001 0000 0000000000000002")
        #expect(try offset([0, 0] + body) == expected)
        #expect(try offset([0, 1] + body + [0, 0, 0, 0, 0, 0, 0, 9]) == expected)
        #expect(try offset([0, 2] + body) == expected)
        // Without times and instances in 0, with rebalanceTimeout from 1, currentStateTimestamp from 2 on.
        let head = GroupRecordTests.bytes("0001 63 00000003 0001 72 0001 6d")
        let time = GroupRecordTests.bytes("0000000000000005")
        let names = GroupRecordTests.bytes("00000001 0001 6d 0000 0000")
        let tail = GroupRecordTests.bytes("00000002 00000000 00000000")
        let rebalance = GroupRecordTests.bytes("00000004")
        let zero = try group([0, 0] + head + names + tail)
        #expect(zero.members[0].sessionTimeoutMilliseconds == 2 && zero.stateTime == Timestamp(milliseconds: -1))
        let one = try group([0, 1] + head + names + rebalance + tail)
        #expect(one.members[0].rebalanceTimeoutMilliseconds == 4)
        let two = try group([0, 2] + head + time + names + rebalance + tail)
        #expect(two.stateTime == Timestamp(milliseconds: 5) && two.members == one.members)
    }

    @Test("of versions to come are told from damage")
    func newerVersions() {
        #expect(throws: GroupRecordProblem.unknownVersion(3)) { try key([0, 3, 0, 0]) }
        #expect(throws: GroupRecordProblem.unknownVersion(-1)) { try key([255, 255]) }
        #expect(throws: GroupRecordProblem.unknownVersion(4)) {
            try offset([0, 4] + GroupRecordTests.offsetValue.dropFirst(2))
        }
        #expect(throws: GroupRecordProblem.unknownVersion(4)) {
            try group([0, 4] + GroupRecordTests.groupValue.dropFirst(2))
        }
    }

    @Test("cut short anywhere, or with a byte too many, are none")
    func truncations() {
        func check(_ bytes: [UInt8], _ read: ([UInt8]) throws -> Void) {
            for count in 0..<bytes.count {
                #expect(throws: GroupRecordProblem.unreadable) { try read(Array(bytes[..<count])) }
            }
            #expect(throws: GroupRecordProblem.unreadable) { try read(bytes + [0]) }
        }
        check(GroupRecordTests.offsetKey) { _ = try key($0) }
        check(GroupRecordTests.groupKey) { _ = try key($0) }
        check(GroupRecordTests.offsetValue) { _ = try offset($0) }
        check(GroupRecordTests.groupValue) { _ = try group($0) }
        check(GroupRecordTests.emptyGroupValue) { _ = try group($0) }
    }

    @Test("that lie about lengths and counts, or are no UTF-8, are none")
    func lies() {
        let lies = [
            "0001 fffe", "0001 7fff 61", "0002 0001 ff", "0002 ffff", "0001 0001 61 0002 c328 00000000",
        ]
        for lie in lies { #expect(throws: GroupRecordProblem.unreadable) { try key(GroupRecordTests.bytes(lie)) } }
        let head = "0003 0000 00000001 ffff ffff 0000000000000000 "
        for count in ["7fffffff", "ffffffff", "80000000", "00000001"] {
            #expect(throws: GroupRecordProblem.unreadable) { try group(GroupRecordTests.bytes(head + count)) }
        }
    }

    @Test("whatever the bytes, reading ends, and what was read is written the same")
    func randomBytes() throws {
        let seed = try groupSeed("group records")
        var generator = SeededGenerator(seed: seed)
        let samples = [
            GroupRecordTests.offsetKey, GroupRecordTests.groupKey, GroupRecordTests.offsetValue,
            GroupRecordTests.groupValue, GroupRecordTests.emptyGroupValue,
        ]
        var read = 0
        for _ in 0..<50_000 {
            var bytes = samples[Int.random(in: 0..<samples.count, using: &generator)]
            for _ in 0..<Int.random(in: 0...3, using: &generator) where !bytes.isEmpty {
                let at = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[at] = UInt8.random(in: .min ... .max, using: &generator)
                case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                case 2: bytes.remove(at: at)
                default: bytes.insert(UInt8.random(in: .min ... .max, using: &generator), at: at)
                }
            }
            // Version 3 and key version 1 are what is written.
            if let key = try? key(bytes), bytes[1] != 0 {
                read += 1
                #expect(key.bytes == bytes, "SEED=\(seed)")
            }
            if let offset = try? offset(bytes), bytes[1] == 3 {
                read += 1
                #expect(offset.bytes == bytes, "SEED=\(seed)")
            }
            if let group = try? group(bytes), bytes[1] == 3 {
                read += 1
                #expect(group.bytes == bytes, "SEED=\(seed)")
            }
        }
        // A run in which nearly nothing could be read would prove little.
        #expect(read > 10_000)
    }
}
