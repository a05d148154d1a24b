// What the log counts, as one consistent value.
internal import Platform

package struct LogMetrics: Sendable {
    /// Upper bounds of the commit duration buckets, in seconds; one more bucket holds what is longer.
    package static let bucketBounds: [Double] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
    ]

    /// Commits by duration, each in exactly one bucket: `bucketBounds.count + 1` numbers.
    package internal(set) var commitDurations = [UInt64](repeating: 0, count: bucketBounds.count + 1)
    /// Sum of all commit durations, in seconds: from the first write to the last sync.
    package internal(set) var commitSeconds = 0.0
    package internal(set) var commits: UInt64 = 0
    package internal(set) var batches: UInt64 = 0
    package internal(set) var records: UInt64 = 0
    /// Bytes of batches written, without indexes and journals.
    package internal(set) var bytes: UInt64 = 0
    /// Commits that found the disk full and were tried again.
    package internal(set) var fullAttempts: UInt64 = 0
    /// Segments that retention deleted.
    package internal(set) var deletedSegments: UInt64 = 0
    /// Damaged segments that were repaired since the log was opened.
    package internal(set) var repairedSegments: UInt64 = 0
    /// Offsets that were lost to damage: by what this opening found, and by repairs since.
    package internal(set) var lostOffsets: UInt64 = 0
    /// Of the file system, as last asked; nil before.
    package internal(set) var freeBytes: Int64?

    mutating func addCommit(_ duration: Duration, batches: Int, records: Int, bytes: Int64) {
        let seconds = Double(duration.wholeNanoseconds) / 1e9
        let bucket = LogMetrics.bucketBounds.firstIndex { seconds <= $0 } ?? LogMetrics.bucketBounds.count
        commitDurations[bucket] &+= 1
        commitSeconds += seconds
        commits &+= 1
        self.batches &+= UInt64(batches)
        self.records &+= UInt64(records)
        self.bytes &+= UInt64(clamping: bytes)
    }
}
