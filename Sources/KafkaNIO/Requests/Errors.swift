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
            default: .kafkaStorageError
            }
    }
}
