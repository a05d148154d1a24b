// What can be set of consumer groups, with the values of an edge box.
internal import Platform

/// Parameters of the coordinator. Names of Kafka's settings stand beside them.
package struct GroupSettings: Sendable {
    /// How long the first join of an empty group waits for others (`group.initial.rebalance.delay.ms`): each one that
    /// comes meanwhile prolongs it once more, up to the rebalance timeout.
    package var initialRebalanceDelay = Duration.milliseconds(100)
    /// Session timeouts outside of this are refused. The floor is below Kafka's 6 s, as clients' test suites want it
    /// (`group.min.session.timeout.ms`, `group.max.session.timeout.ms`).
    package var sessionTimeouts = Duration.seconds(1)...Duration.seconds(1800)
    /// Members of one group, and as many more that have an id and have not joined yet (`group.max.size`).
    package var membersMax = 250
    /// Groups, empty ones included: each that committed an offset stays for `offsetRetention`.
    package var groupsMax = 4096
    /// Ids, metadata and assignments of all members of all groups.
    package var memberBytesMax = 16 << 20
    /// Committed offsets of all groups, with what they cost in memory.
    package var offsetBytesMax = 16 << 20
    /// Offsets of a group that was empty for so long are forgotten (`offsets.retention.minutes`; Kafka has 7 days, but
    /// a box may be off for longer).
    package var offsetRetention = Duration.seconds(30 * 86_400)

    package init() {}
}
