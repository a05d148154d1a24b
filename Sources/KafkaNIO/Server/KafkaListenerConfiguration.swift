// What the Kafka listener is told.
package import Platform

/// Where it listens, as whom, and what clients may do.
package struct KafkaListenerConfiguration: Sendable {
    package var listen: HostAndPort
    /// The address that clients are told to connect to; nil for the one that they did connect to.
    package var advertised: HostAndPort?
    /// Partitions of a topic that clients ask for and that is not there; nil where it is not made.
    package var autoCreatePartitions: Int?

    /// Nil where TLS is not spoken.
    package var tls: KafkaTLS?
    /// Nil where nobody logs in.
    package var users: KafkaUsers?
    /// Nil where everybody who is let in may do what clients may do at all; empty where nobody may do anything.
    package var permissions: [KafkaPermission]?
    /// An address beyond loopback is meant, although nobody has to show credentials there.
    package var isInsecure: Bool
    /// Connections at once, `Limits.connectionsMax` at most.
    package var connectionsMax = Limits.connectionsMax

    package init(
        listen: HostAndPort,
        advertised: HostAndPort? = nil,
        autoCreatePartitions: Int? = nil,
        tls: KafkaTLS? = nil,
        users: KafkaUsers? = nil,
        permissions: [KafkaPermission]? = nil,
        isInsecure: Bool = false
    ) {
        self.listen = listen
        self.advertised = advertised
        self.autoCreatePartitions = autoCreatePartitions
        self.tls = tls
        self.users = users
        self.permissions = permissions
        self.isInsecure = isInsecure
    }

    /// Why it must not be used; nil where nothing speaks against it.
    package var problem: String? {
        let asksForCredentials = users != nil || tls?.verifiesClients == true
        guard !asksForCredentials, !listen.isLoopback, !isInsecure else { return nil }
        return "other machines can reach it, and nobody has to show credentials: "
            + "name users, or the authority of the clients' certificates, or write `insecure: true`"
    }
}
