// What speaks against a change of topics, as they are: for the log writer, and for those who only want to know.

extension TopicCatalogue {
    /// What an alteration comes to.
    struct Altered {
        /// As it is before.
        var topic: TopicDescription
        var configuration: TopicConfiguration
        /// Numbers of the partitions that are to be made.
        var added: Range<Int32>
    }

    /// - Throws: what the change is refused with.
    func check(_ change: TopicChange) throws(LogError) {
        switch change {
        case .create(let topic, let configuration, _): _ = try partitions(of: topic, madeWith: configuration)
        case .delete(let topic): _ = try changeable(topic)
        case .alter(let topic, let alteration): _ = try altered(topic, by: alteration)
        case .deleteRecords(let topicPartition, let offset): _ = try partition(topicPartition, reaching: offset)
        }
    }

    /// The numbers of the partitions of a topic that is not there yet.
    func partitions(
        of topic: TopicName,
        madeWith configuration: TopicConfiguration
    ) throws(LogError) -> Range<Int32> {
        guard self.topic(topic) == nil else { throw LogError(.topicExists, "topic \(topic) exists") }
        guard configuration.partitions > 0 else {
            throw LogError(.invalidPartitionCount, "a topic has one partition or more")
        }
        try check(configuration)
        return try numbers(configuration.partitions, from: 0)
    }

    /// A topic that may be altered and deleted.
    func changeable(_ topic: TopicName) throws(LogError) -> TopicDescription {
        guard let found = self.topic(topic) else { throw unknown("topic \(topic)") }
        guard !found.isConfigured else {
            throw LogError(.configured, "topic \(topic) is named in the configuration, which decides about it")
        }
        return found
    }

    /// What `alteration` makes of the configuration that is in force.
    func altered(_ topic: TopicName, by alteration: TopicAlteration) throws(LogError) -> Altered {
        let found = try changeable(topic)
        var configuration = found.configuration
        try alteration(&configuration)
        let count = found.partitions.count
        guard configuration.partitions >= count else {
            throw LogError(.invalidPartitionCount, "topic \(topic) has \(count) partitions")
        }
        try check(configuration)
        let last = found.partitions.last?.topicPartition.partition.value ?? 0
        let added = try numbers(configuration.partitions - count, from: max(last, last &+ 1))
        return Altered(topic: found, configuration: configuration, added: added)
    }

    /// A partition whose records end at `offset` or later.
    func partition(_ topicPartition: TopicPartition, reaching offset: Offset) throws(LogError) -> Partition {
        guard let found = partition(topicPartition) else { throw unknown("partition \(topicPartition)") }
        guard offset >= .zero, offset <= found.logEndOffset else {
            throw LogError(
                .offsetOutOfRange,
                "the log ends at \(found.logEndOffset)",
                topicPartition: topicPartition,
                offset: offset
            )
        }
        return found
    }

    private func check(_ configuration: TopicConfiguration) throws(LogError) {
        guard configuration.inertSettingsBytes <= Limits.inertSettingsBytesMax else {
            throw LogError(
                .invalidConfiguration,
                "settings that are only kept to be shown have \(Limits.inertSettingsBytesMax) bytes at most, not"
                    + " \(configuration.inertSettingsBytes)"
            )
        }
    }

    /// The numbers of `count` new partitions, 0 or more.
    private func numbers(_ count: Int, from start: Int32) throws(LogError) -> Range<Int32> {
        guard count > 0 else { return start..<start }
        let room = Limits.partitionsMax - max(partitions.count, Int(start))
        guard count <= min(room, Limits.partitionsPerChangeMax) else {
            throw LogError(
                .tooManyPartitions,
                "\(count) more partitions, where there are \(partitions.count), may be \(Limits.partitionsMax),"
                    + " and \(Limits.partitionsPerChangeMax) can be made at once"
            )
        }
        return start..<start + Int32(count)
    }

    private func unknown(_ what: String) -> LogError { LogError(.unknownPartition, "\(what) is not there") }
}
