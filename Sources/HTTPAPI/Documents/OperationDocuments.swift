// What people do about alerts, as the API is told of it and tells it. docs/schema/operations.json has the records.
package import EventModel

/// The body of `POST /api/v1/alerts/ack`.
package struct AcknowledgementRequest: Hashable, Codable, Sendable {
    /// Or their beginnings.
    package var fingerprints: [String]
    package var author: String
    package var comment: String?

    package init(fingerprints: [String], author: String, comment: String? = nil) {
        self.fingerprints = fingerprints
        self.author = author
        self.comment = comment
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case fingerprints, author, comment
    }

    package init(from decoder: any Decoder) throws {
        try decoder.refuseKeys(otherThan: CodingKeys.self)
        let members = try decoder.container(keyedBy: CodingKeys.self)
        fingerprints = try members.decode([String].self, forKey: .fingerprints)
        author = try members.decode(String.self, forKey: .author)
        comment = try members.decodeIfPresent(String.self, forKey: .comment)
    }
}

/// The answer of `POST /api/v1/alerts/ack`: the records, one for each alert.
package struct AcknowledgementsDocument: Hashable, Codable, Sendable {
    package var acknowledged: [JSONDocument]

    package init(acknowledged: [JSONDocument]) {
        self.acknowledged = acknowledged
    }
}

/// The body of `POST /api/v1/silences`: one of `endsAt` and `forMilliseconds`.
package struct SilenceRequest: Hashable, Codable, Sendable {
    package var matchers: AlertMatchers
    package var endsAt: JSONTimestamp?
    package var forMilliseconds: Int64?
    package var author: String
    package var comment: String?

    package init(
        matchers: AlertMatchers,
        endsAt: JSONTimestamp? = nil,
        forMilliseconds: Int64? = nil,
        author: String,
        comment: String? = nil
    ) {
        self.matchers = matchers
        self.endsAt = endsAt
        self.forMilliseconds = forMilliseconds
        self.author = author
        self.comment = comment
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case matchers, author, comment
        case endsAt = "ends_at"
        case forMilliseconds = "for_ms"
    }

    /// Refuses keys that it does not know: a matcher that was not understood would silence more than was meant.
    package init(from decoder: any Decoder) throws {
        try decoder.refuseKeys(otherThan: CodingKeys.self)
        let members = try decoder.container(keyedBy: CodingKeys.self)
        try members.superDecoder(forKey: .matchers).refuseKeys(otherThan: AlertMatchers.CodingKeys.self)
        matchers = try members.decode(AlertMatchers.self, forKey: .matchers)
        endsAt = try members.decodeIfPresent(JSONTimestamp.self, forKey: .endsAt)
        forMilliseconds = try members.decodeIfPresent(Int64.self, forKey: .forMilliseconds)
        author = try members.decode(String.self, forKey: .author)
        comment = try members.decodeIfPresent(String.self, forKey: .comment)
    }
}

/// The body of `POST /api/v1/silences/end`.
package struct SilenceEndRequest: Hashable, Codable, Sendable {
    package var ids: [String]
    package var author: String

    package init(ids: [String], author: String) {
        self.ids = ids
        self.author = author
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case ids, author
    }

    package init(from decoder: any Decoder) throws {
        try decoder.refuseKeys(otherThan: CodingKeys.self)
        let members = try decoder.container(keyedBy: CodingKeys.self)
        ids = try members.decode([String].self, forKey: .ids)
        author = try members.decode(String.self, forKey: .author)
    }
}

/// The answer of `/api/v1/silences` and `POST /api/v1/silences/end`: the records, each with `state`, `active` or `over`.
package struct SilencesDocument: Hashable, Codable, Sendable {
    package var silences: [JSONDocument]

    package init(silences: [JSONDocument]) {
        self.silences = silences
    }
}
