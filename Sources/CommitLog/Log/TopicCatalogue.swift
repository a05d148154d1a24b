// Which topics there are: one value for all who ask, replaced whole when a topic comes, changes or goes.
package import Platform

/// One topic as it is at the moment.
package struct TopicDescription: Sendable {
    package let name: TopicName
    /// Random, made when the topic was; durable, and another one when a topic of the same name is created again.
    package let id: UniqueIdentifier
    /// As it is in force, with the number of partitions that there are.
    package let configuration: TopicConfiguration
    /// Whether the configuration that the log was opened with names the topic; such a topic is neither altered nor
    /// deleted while the log is open.
    package let isConfigured: Bool
    /// By number; without the directory of one that was lost.
    package let partitions: [Partition]

    /// `partitions`: all of one topic, by number; at least one.
    fileprivate init?(_ partitions: [Partition]) {
        guard let first = partitions.first else { return nil }
        var configuration = first.configuration
        configuration.partitions = partitions.count
        name = first.topicPartition.topic
        id = first.topicID
        self.configuration = configuration
        isConfigured = first.isConfigured
        self.partitions = partitions
    }
}

/// Immutable. Any thread.
final class TopicCatalogue: Sendable {
    /// By name.
    let topics: [TopicDescription]
    /// By topic and number.
    let partitions: [Partition]
    private let byPartition: [TopicPartition: Partition]
    /// Where in `topics` each stands.
    private let byName: [TopicName: Int]
    private let byID: [UniqueIdentifier: Int]

    init(_ partitions: [Partition]) {
        self.partitions = partitions.sorted { $0.topicPartition < $1.topicPartition }
        topics = Dictionary(grouping: self.partitions, by: \.topicPartition.topic)
            .compactMap { TopicDescription($0.value) }
            .sorted { $0.name < $1.name }
        byPartition = Dictionary(uniqueKeysWithValues: partitions.map { ($0.topicPartition, $0) })
        byName = Dictionary(uniqueKeysWithValues: topics.enumerated().map { ($0.element.name, $0.offset) })
        byID = Dictionary(topics.enumerated().map { ($0.element.id, $0.offset) }) { first, _ in first }
    }

    func partition(_ topicPartition: TopicPartition) -> Partition? { byPartition[topicPartition] }

    func topic(_ name: TopicName) -> TopicDescription? { byName[name].map { topics[$0] } }

    func topic(_ id: UniqueIdentifier) -> TopicDescription? { byID[id].map { topics[$0] } }
}
