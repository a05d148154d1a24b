// What can be set of a topic that clients and commands make, as the API is told of it.
internal import EventModel

/// The body of `POST` and `PATCH /api/v1/topics/{topic}`: settings in the words of the configuration file. What is not named
/// is the default of a new topic, and stays as it is of another one.
package struct TopicSettings: Hashable, Codable, Sendable {
    /// Only ever more.
    package var partitions: Int?
    /// E.g. `7d`; `none` for ever.
    package var retention: String?
    /// E.g. `1GiB`, of the whole topic; `none` without a limit.
    package var retentionBytes: String?
    package var cleanup: String?
    package var compression: String?
    package var onFull: String?

    package init(
        partitions: Int? = nil,
        retention: String? = nil,
        retentionBytes: String? = nil,
        cleanup: String? = nil,
        compression: String? = nil,
        onFull: String? = nil
    ) {
        self.partitions = partitions
        self.retention = retention
        self.retentionBytes = retentionBytes
        self.cleanup = cleanup
        self.compression = compression
        self.onFull = onFull
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case partitions, retention, cleanup, compression
        case retentionBytes = "retention_bytes"
        case onFull = "on_full"
    }

    /// Refuses keys that it does not know, so that a mistyped one is not ignored.
    package init(from decoder: any Decoder) throws {
        try decoder.refuseKeys(otherThan: CodingKeys.self)
        let members = try decoder.container(keyedBy: CodingKeys.self)
        partitions = try members.decodeIfPresent(Int.self, forKey: .partitions)
        retention = try members.decodeIfPresent(String.self, forKey: .retention)
        retentionBytes = try members.decodeIfPresent(String.self, forKey: .retentionBytes)
        cleanup = try members.decodeIfPresent(String.self, forKey: .cleanup)
        compression = try members.decodeIfPresent(String.self, forKey: .compression)
        onFull = try members.decodeIfPresent(String.self, forKey: .onFull)
    }
}
