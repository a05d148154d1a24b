// What `GET /metrics` says of the Kafka listener, and of those who read through it.

/// What the listener has done since start.
package struct KafkaMetrics: Sendable {
    /// Open just now.
    package var connections: Int
    /// By Kafka's name of the API, e.g. `Fetch`.
    package var requests: [String: UInt64]
    /// Connections that were ended by this side, by reason, e.g. `idle`.
    package var closed: [String: UInt64]

    package init(connections: Int, requests: [String: UInt64] = [:], closed: [String: UInt64] = [:]) {
        self.connections = connections
        self.requests = requests
        self.closed = closed
    }
}

/// How far a consumer group is behind in one partition.
package struct GroupMetrics: Sendable {
    package var group: String
    package var topic: String
    package var partition: Int
    package var lagRecords: Int64

    package init(group: String, topic: String, partition: Int, lagRecords: Int64) {
        self.group = group
        self.topic = topic
        self.partition = partition
        self.lagRecords = lagRecords
    }
}

extension KafkaMetrics {
    func write(to text: inout PrometheusText) {
        text.family(
            "forebay_kafka_connections",
            .gauge,
            "Connections of Kafka clients.",
            [.init([:], Double(connections))]
        )
        text.family(
            "forebay_kafka_requests_total",
            .counter,
            "Requests of Kafka clients, by API.",
            requests.map { .init(["api": $0.key], Double($0.value)) }
        )
        text.family(
            "forebay_kafka_closed_total",
            .counter,
            "Connections of Kafka clients that were refused or ended from this side, by reason.",
            closed.map { .init(["reason": $0.key], Double($0.value)) }
        )
    }
}

extension MetricsSnapshot {
    func writeGroups(to text: inout PrometheusText) {
        text.family(
            "forebay_group_lag_records",
            .gauge,
            "Records that a consumer group has not yet read.",
            groups.map { group in
                let partition = String(group.partition)
                return .init(
                    ["group": group.group, "topic": group.topic, "partition": partition],
                    Double(group.lagRecords)
                )
            }
        )
        text.family(
            "forebay_group_lag_left_out",
            .gauge,
            "Partitions of consumer groups whose lag is not shown, because there are too many.",
            [.init([:], Double(groupsLeftOut))]
        )
    }
}
