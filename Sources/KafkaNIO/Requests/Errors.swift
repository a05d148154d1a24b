// What Kafka calls what the log says.
internal import CommitLog
internal import KafkaProtocol

extension ErrorCode {
    /// Clients try again at `kafkaStorageError`, and elsewhere reset their position or give up.
    init(_ error: LogError) {
        self =
            switch error.code {
            case .offsetOutOfRange: .offsetOutOfRange
            case .damaged: .corruptMessage
            case .unsupportedCompression: .unsupportedCompressionType
            case .tooLarge: .messageTooLarge
            case .unknownPartition: .unknownTopicOrPartition
            case .topicExists: .topicAlreadyExists
            case .invalidPartitionCount: .invalidPartitions
            case .tooManyPartitions, .configured: .policyViolation
            case .invalidConfiguration: .invalidConfig
            case .busy: .throttlingQuotaExceeded
            default: .kafkaStorageError
            }
    }
}

extension ErrorCode {
    /// The coordinator uses Kafka's numbers.
    init(_ code: GroupCode) {
        guard let same = ErrorCode(rawValue: code.rawValue) else {
            preconditionFailure("every code of the coordinator is one of the protocol's")
        }
        self = same
    }
}
