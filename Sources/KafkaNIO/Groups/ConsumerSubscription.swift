// The one thing that is read of members' metadata: which topics a consumer wants, before its offsets are deleted.

/// Version int16, count int32, topics string; what follows is the client's. Version 0 is the beginning of all later
/// ones.
enum ConsumerSubscription {
    /// The protocol type whose metadata has this form.
    static let protocolType = "consumer"

    /// nil for bytes that are no subscription, and for more topics than are looked through.
    static func topics(in metadata: [UInt8]) -> [String]? {
        metadata.withUnsafeBytes { bytes in
            var reader = GroupRecordReader(bytes)
            guard reader.integer(Int16.self) != nil, let count = reader.integer(Int32.self),
                (0...Int32(GroupLimits.subscribedTopicsMax)).contains(count)
            else { return nil }
            var topics: [String] = []
            for _ in 0..<count {
                guard let name = reader.string() else { return nil }
                topics.append(name)
            }
            return topics
        }
    }
}
