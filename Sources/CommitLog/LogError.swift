// The one error of the log: what failed, where, and what the kernel said.
package import Platform

/// Says what an operator needs: code, path, partition, offset, and the kernel's errno.
package struct LogError: Error, Sendable, CustomStringConvertible {
    /// Open: callers compare with the constants and must expect others.
    package struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String {
            case disk, offsetOutOfRange, damaged, unsupportedCompression, unsupportedFormat, locked, invalidName,
                closed, tooLarge, unknownPartition, topicExists, invalidPartitionCount, tooManyPartitions, configured,
                invalidConfiguration, full, busy
        }

        private let value: Value

        /// A file operation failed; `underlying` says which.
        package static let disk = Code(value: .disk)
        /// The offset lies below the log start or beyond what is visible.
        package static let offsetOutOfRange = Code(value: .offsetOutOfRange)
        /// Stored bytes are not a valid batch; `resumeAt` is where reading can go on.
        package static let damaged = Code(value: .damaged)
        /// A codec number that Kafka does not define: 5 to 7.
        package static let unsupportedCompression = Code(value: .unsupportedCompression)
        /// `FORMAT` names a version that this program does not know.
        package static let unsupportedFormat = Code(value: .unsupportedFormat)
        /// Another process holds the data directory.
        package static let locked = Code(value: .locked)
        package static let invalidName = Code(value: .invalidName)
        /// The log was opened for reading only, or closed.
        package static let closed = Code(value: .closed)
        package static let tooLarge = Code(value: .tooLarge)
        /// There is no such topic or partition, or it was deleted.
        package static let unknownPartition = Code(value: .unknownPartition)
        package static let topicExists = Code(value: .topicExists)
        /// Less than one partition, or less than the topic has.
        package static let invalidPartitionCount = Code(value: .invalidPartitionCount)
        /// The log would hold more than `Limits.partitionsMax`, or get more than `Limits.partitionsPerChangeMax` at once.
        package static let tooManyPartitions = Code(value: .tooManyPartitions)
        /// The topic is named in the configuration the log was opened with, which decides about it.
        package static let configured = Code(value: .configured)
        /// A topic, as it is, cannot be kept as it was asked for.
        package static let invalidConfiguration = Code(value: .invalidConfiguration)
        /// The disk has no room for it.
        package static let full = Code(value: .full)
        /// Too much waits already.
        package static let busy = Code(value: .busy)

        package var description: String { value.rawValue }
    }

    package var code: Code
    /// A sentence that says what was wrong; empty where `underlying` says it all.
    package var message: String
    package var path: String?
    package var topicPartition: TopicPartition?
    package var offset: Offset?
    /// After damage, the first offset that can be read again; nil where nothing valid follows below the limit asked
    /// for.
    package var resumeAt: Offset?
    package var underlying: DiskError?

    package init(
        _ code: Code,
        _ message: String = "",
        path: String? = nil,
        topicPartition: TopicPartition? = nil,
        offset: Offset? = nil,
        resumeAt: Offset? = nil,
        underlying: DiskError? = nil
    ) {
        self.code = code
        self.message = message
        self.path = path ?? underlying?.path
        self.topicPartition = topicPartition
        self.offset = offset
        self.resumeAt = resumeAt
        self.underlying = underlying
    }

    /// A failed file operation, as it came.
    init(_ error: DiskError) {
        self.init(.disk, underlying: error)
    }

    package var errno: Int32? { underlying?.errno }

    package var description: String {
        var parts: [String] = []
        if let topicPartition { parts.append(topicPartition.description) }
        if let offset { parts.append("offset \(offset)") }
        if !message.isEmpty { parts.append(message) }
        if let underlying { parts.append(underlying.description) } else if let path { parts.append(path) }
        return parts.isEmpty ? code.description : parts.joined(separator: ": ")
    }
}

/// Runs `body`, turning the disk's error into the log's.
func diskCall<Result>(_ body: () throws(DiskError) -> Result) throws(LogError) -> Result {
    do { return try body() } catch { throw LogError(error) }
}
