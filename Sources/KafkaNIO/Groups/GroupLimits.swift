// Every bound of consumer groups and their offsets, with its reason. Nothing here grows beyond a number that stands
// here.
internal import Platform

/// What outsiders can make the coordinator keep is bounded by these and by `GroupSettings`.
package enum GroupLimits {
    /// UTF-8 bytes of a group id, an instance id, a protocol's type or name; what is longer is refused. Kafka's own
    /// clients stay below 250.
    package static let nameBytesMax = 1000

    /// UTF-8 bytes of a client id and of a host, which are only shown: what is longer is cut.
    package static let labelBytesMax = 250

    /// Of a topic, as everywhere in Kafka.
    package static let topicBytesMax = 249

    /// Ways of assigning that one member offers; clients have one to five.
    package static let protocolsMax = 32

    /// Metadata of all protocols of one member: a subscription to some thousand topics.
    package static let metadataBytesMax = 256 << 10

    /// A record of a group's membership must fit in one record batch beside its key and headers.
    package static let recordBytesMax = 900_000

    /// UTF-8 bytes that a consumer may store beside an offset: Kafka's `offset.metadata.max.bytes`.
    package static let offsetMetadataBytesMax = 4096

    /// What a stored offset costs beside its texts: two dictionary entries and the value itself.
    static let offsetBytes = 128

    /// Records that are on their way to the disk: while there are more, a stalled disk makes clients try again rather
    /// than the box run out of memory. One append more may come on top.
    static let inFlightBytesMax = 8 << 20

    /// How long records may take to be durable before who waits for them is refused, as while the disk is full: Kafka's
    /// `offsets.commit.timeout.ms`.
    static let appendPatience = Duration.seconds(5)

    /// How long the log is offered nothing more where it has enough to do.
    static let inboxPause = Duration.milliseconds(10)

    /// How long who waits for records that the log does not take, as while the disk is full, waits for that answer: clients try
    /// again at once.
    static let refusalPause = Duration.seconds(1)

    /// How long a new member may wait in its first join: it cannot send heartbeats, since it does not know its id.
    /// Kafka's `NewMemberJoinTimeoutMs`.
    static let newMemberTimeout = Duration.seconds(300)

    /// A rebalance timeout below this gives nobody a chance, and would make a postponed rebalance spin.
    static let rebalanceTimeoutMin = Duration.milliseconds(100)

    /// How long tombstones of a deleted topic's offsets that the log did not take, as on a full disk, wait for the next
    /// attempt.
    static let tombstonePause = Duration.seconds(1)

    /// The longest that the deletion of a topic waits for them before it is answered without.
    static let forgettingPatience = Duration.seconds(10)

    /// Topics that a subscription is searched for; one with more counts as subscribed to everything.
    static let subscribedTopicsMax = 10_000
}
