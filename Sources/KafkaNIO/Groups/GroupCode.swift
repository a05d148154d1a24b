// Error codes of Kafka's protocol that the coordinator of groups gives.

/// Names and numbers are Kafka's own (`org.apache.kafka.common.protocol.Errors`); the raw value goes on the wire.
package enum GroupCode: Int16, CaseIterable, Sendable {
    case unknownServerError = -1
    case none = 0
    case unknownTopicOrPartition = 3
    case offsetMetadataTooLarge = 12
    /// Clients try again, and stay in their group.
    case coordinatorLoadInProgress = 14
    /// Beyond a limit of the coordinator, or what was to be stored could not be: clients try again.
    case coordinatorNotAvailable = 15
    case illegalGeneration = 22
    case inconsistentGroupProtocol = 23
    case invalidGroupID = 24
    case unknownMemberID = 25
    case invalidSessionTimeout = 26
    case rebalanceInProgress = 27
    case invalidCommitOffsetSize = 28
    case invalidRequest = 42
    case nonEmptyGroup = 68
    case groupIDNotFound = 69
    /// The first join of a dynamic member: it is to come again with the id that the answer holds.
    case memberIDRequired = 79
    case groupMaxSizeReached = 81
    case fencedInstanceID = 82
    case groupSubscribedToTopic = 86
}
