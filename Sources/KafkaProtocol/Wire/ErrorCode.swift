// The error codes of Kafka's protocol that a single broker without transactions, quotas or replicas can have to send.

/// Names are Kafka's own (`org.apache.kafka.common.protocol.Errors`).
package enum ErrorCode: Int16, CaseIterable, Sendable {
    case unknownServerError = -1
    case none = 0

    // MARK: Data

    /// Below the log start or beyond the high watermark.
    case offsetOutOfRange = 1
    /// The CRC or the length of a batch is wrong.
    case corruptMessage = 2
    case unknownTopicOrPartition = 3
    case invalidFetchSize = 4
    case leaderNotAvailable = 5
    case notLeaderOrFollower = 6
    case requestTimedOut = 7
    case brokerNotAvailable = 8
    case replicaNotAvailable = 9
    /// A batch is larger than the topic's `max.message.bytes`.
    case messageTooLarge = 10
    case staleControllerEpoch = 11
    case offsetMetadataTooLarge = 12
    case networkException = 13

    // MARK: Groups

    case coordinatorLoadInProgress = 14
    case coordinatorNotAvailable = 15
    case notCoordinator = 16
    /// A topic's name has characters or a length that are not allowed.
    case invalidTopicException = 17
    case recordListTooLarge = 18
    case notEnoughReplicas = 19
    case notEnoughReplicasAfterAppend = 20
    case invalidRequiredAcks = 21
    case illegalGeneration = 22
    case inconsistentGroupProtocol = 23
    case invalidGroupID = 24
    case unknownMemberID = 25
    case invalidSessionTimeout = 26
    case rebalanceInProgress = 27
    case invalidCommitOffsetSize = 28

    // MARK: Authorization, SASL, versions

    case topicAuthorizationFailed = 29
    case groupAuthorizationFailed = 30
    case clusterAuthorizationFailed = 31
    case invalidTimestamp = 32
    case unsupportedSASLMechanism = 33
    case illegalSASLState = 34
    case unsupportedVersion = 35

    // MARK: Administration

    case topicAlreadyExists = 36
    case invalidPartitions = 37
    case invalidReplicationFactor = 38
    case invalidReplicaAssignment = 39
    case invalidConfig = 40
    case notController = 41
    case invalidRequest = 42
    case unsupportedForMessageFormat = 43
    case policyViolation = 44

    // MARK: Idempotent producers

    case outOfOrderSequenceNumber = 45
    case duplicateSequenceNumber = 46
    case invalidProducerEpoch = 47
    case invalidTransactionState = 48
    case invalidProducerIDMapping = 49
    case invalidTransactionTimeout = 50
    case concurrentTransactions = 51
    case transactionCoordinatorFenced = 52
    case transactionalIDAuthorizationFailed = 53

    // MARK: Later additions

    /// The broker has no authorizer.
    case securityDisabled = 54
    case operationNotAttempted = 55
    /// A write failed or the disk is full; clients keep the batch and try again.
    case kafkaStorageError = 56
    case logDirNotFound = 57
    case saslAuthenticationFailed = 58
    case unknownProducerID = 59
    case nonEmptyGroup = 68
    case groupIDNotFound = 69
    case fetchSessionIDNotFound = 70
    case invalidFetchSessionEpoch = 71
    case topicDeletionDisabled = 73
    case fencedLeaderEpoch = 74
    case unknownLeaderEpoch = 75
    case unsupportedCompressionType = 76
    case offsetNotAvailable = 78
    /// The first join of a dynamic member: it is to come again with the id that the answer holds.
    case memberIDRequired = 79
    case groupMaxSizeReached = 81
    case fencedInstanceID = 82
    case groupSubscribedToTopic = 86
    case invalidRecord = 87
    case unstableOffsetCommit = 88
    case throttlingQuotaExceeded = 89
    case producerFenced = 90
    case resourceNotFound = 91
    case unacceptableCredential = 93
    case unknownTopicID = 100
    case inconsistentTopicID = 103
    /// The endpoint of controllers is asked for, and this one is of brokers.
    case mismatchedEndpointType = 114
    case unsupportedEndpointType = 115
    case transactionAbortable = 120
}
