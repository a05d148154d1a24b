// What the Kafka listener is told.
package import Platform

/// Where it listens, as whom, and what clients may do.
package struct KafkaListenerConfiguration: Sendable {
    package var listen: HostAndPort
    /// The address that clients are told to connect to; nil for the one that they did connect to.
    package var advertised: HostAndPort?
    /// Partitions of a topic that clients ask for and that is not there; nil where it is not made.
    package var autoCreatePartitions: Int?

    package init(listen: HostAndPort, advertised: HostAndPort? = nil, autoCreatePartitions: Int? = nil) {
        self.listen = listen
        self.advertised = advertised
        self.autoCreatePartitions = autoCreatePartitions
    }
}
