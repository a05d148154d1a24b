// What a consumers' leader has assigned to a member, as the consumer protocol writes it: for people who look at a group.

/// Version int16, count int32, then as many topics: string, count int32, partitions int32 each. What follows is the client's.
/// Version 0 is the beginning of all later ones.
enum ConsumerAssignment {
    /// Empty for bytes that are no assignment.
    static func partitions(in assignment: [UInt8]) -> [TopicPartitions] {
        assignment.withUnsafeBytes { bytes in
            var reader = GroupRecordReader(bytes)
            guard reader.integer(Int16.self) != nil, let topicCount = reader.integer(Int32.self), topicCount >= 0 else {
                return []
            }
            var topics: [TopicPartitions] = []
            for _ in 0..<topicCount {
                guard let name = reader.string(), let count = reader.integer(Int32.self), count >= 0,
                    Int(count) <= reader.remaining / MemoryLayout<Int32>.size
                else { return [] }
                var topic = TopicPartitions(name: name, partitions: [])
                for _ in 0..<count {
                    if let partition = reader.integer(Int32.self) { topic.partitions.append(partition) }
                }
                topics.append(topic)
            }
            return topics
        }
    }
}
