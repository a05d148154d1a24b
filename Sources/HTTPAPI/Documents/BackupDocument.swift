// What a backup asks the running daemon for: how far the log reached at one moment, and where its configuration is.

/// The answer of `GET /api/v1/backup`. The files themselves are for the asker to read.
package struct BackupDocument: Hashable, Codable, Sendable {
    /// The beginning of one segment file.
    package struct Segment: Hashable, Codable, Sendable {
        package var base: Int64
        /// Bytes, of whole batches.
        package var length: Int64

        package init(base: Int64, length: Int64) {
            self.base = base
            self.length = length
        }
    }

    package struct Partition: Hashable, Codable, Sendable {
        package var topic: String
        package var partition: Int
        package var highWatermark: Int64
        /// From the oldest to the active one.
        package var segments: [Segment]

        package init(topic: String, partition: Int, highWatermark: Int64, segments: [Segment]) {
            self.topic = topic
            self.partition = partition
            self.highWatermark = highWatermark
            self.segments = segments
        }
    }

    /// Absolute paths of the files that the configuration in force was loaded from; the main one first.
    package var configuration: [String]
    package var partitions: [Partition]

    package init(configuration: [String], partitions: [Partition]) {
        self.configuration = configuration
        self.partitions = partitions
    }
}
