// The values of records in topic `operations`: what people did about alerts. docs/schema/operations.json.
package import EventModel
internal import Foundation
package import Platform

extension AlertMatchers {
    func matches(_ record: AlertRecord) -> Bool {
        func fits(_ pattern: String?, _ text: String) -> Bool { pattern.map { Glob($0).matches(text) } ?? true }
        return fits(alert, record.alert) && fits(device, record.device) && fits(metric, record.metric)
            && fits(severity, record.severity)
            && labels.allSatisfy { name, pattern in record.labels[name].map { fits(pattern, $0) } ?? false }
    }
}

/// Nobody is told of alerts that match, from `startsAt` up to `endsAt`.
package struct AlertSilence: Hashable, Sendable {
    package var id: String
    package var matchers: AlertMatchers
    package var author: String
    package var comment: String?
    package var startsAt: Timestamp
    package var endsAt: Timestamp
    /// When it was recorded.
    package var at: Timestamp

    package func isActive(at now: Timestamp) -> Bool { startsAt <= now && now < endsAt }
}

/// Somebody looks after one firing of one alert.
package struct Acknowledgement: Hashable, Sendable {
    /// Of the alert.
    package var fingerprint: String
    package var alert: String
    package var device: String
    package var metric: String
    /// Of the firing that it belongs to; a later one is not acknowledged.
    package var firedAt: Timestamp
    package var author: String
    package var comment: String?
    package var at: Timestamp
}

/// One record of topic `operations`.
package enum OperationRecord: Hashable, Sendable {
    case silence(AlertSilence)
    case acknowledgement(Acknowledgement)

    /// Of the record: the newest of a key holds, and a tombstone ends it.
    package var key: String {
        switch self {
        case .silence(let silence): OperationRecord.key(silence: silence.id)
        case .acknowledgement(let acknowledgement): OperationRecord.key(acknowledgement: acknowledgement.fingerprint)
        }
    }

    static func key(silence id: String) -> String { "silence/\(id)" }
    static func key(acknowledgement fingerprint: String) -> String { "ack/\(fingerprint)" }

    /// nil where the bytes are no such record. Total.
    init?(json bytes: UnsafeRawBufferPointer) {
        guard let record = try? JSONDecoder().decode(OperationRecord.self, from: Data(bytes)) else { return nil }
        self = record
    }
}

extension OperationRecord: Codable {
    private enum Kind: String, Codable {
        case silence, ack
    }

    private enum CodingKeys: String, CodingKey {
        case kind, id, matchers, author, comment, at, alert, device, metric
        case startsAt = "starts_at"
        case endsAt = "ends_at"
        case firedAt = "fired_at"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func text(_ key: CodingKeys) throws -> String { try container.decode(String.self, forKey: key) }
        func time(_ key: CodingKeys) throws -> Timestamp {
            try container.decode(JSONTimestamp.self, forKey: key).timestamp
        }
        let comment = try container.decodeIfPresent(String.self, forKey: .comment)
        switch try container.decode(Kind.self, forKey: .kind) {
        case .silence:
            self = .silence(
                AlertSilence(
                    id: try text(.id),
                    matchers: try container.decode(AlertMatchers.self, forKey: .matchers),
                    author: try text(.author),
                    comment: comment,
                    startsAt: try time(.startsAt),
                    endsAt: try time(.endsAt),
                    at: try time(.at)
                )
            )
        case .ack:
            self = .acknowledgement(
                Acknowledgement(
                    fingerprint: try text(.id),
                    alert: try text(.alert),
                    device: try text(.device),
                    metric: try text(.metric),
                    firedAt: try time(.firedAt),
                    author: try text(.author),
                    comment: comment,
                    at: try time(.at)
                )
            )
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .silence(let silence):
            try container.encode(Kind.silence, forKey: .kind)
            try container.encode(silence.id, forKey: .id)
            try container.encode(silence.matchers, forKey: .matchers)
            try container.encode(silence.author, forKey: .author)
            try container.encodeIfPresent(silence.comment, forKey: .comment)
            try container.encode(JSONTimestamp(silence.startsAt), forKey: .startsAt)
            try container.encode(JSONTimestamp(silence.endsAt), forKey: .endsAt)
            try container.encode(JSONTimestamp(silence.at), forKey: .at)
        case .acknowledgement(let acknowledgement):
            try container.encode(Kind.ack, forKey: .kind)
            try container.encode(acknowledgement.fingerprint, forKey: .id)
            try container.encode(acknowledgement.alert, forKey: .alert)
            try container.encode(acknowledgement.device, forKey: .device)
            try container.encode(acknowledgement.metric, forKey: .metric)
            try container.encode(JSONTimestamp(acknowledgement.firedAt), forKey: .firedAt)
            try container.encode(acknowledgement.author, forKey: .author)
            try container.encodeIfPresent(acknowledgement.comment, forKey: .comment)
            try container.encode(JSONTimestamp(acknowledgement.at), forKey: .at)
        }
    }
}
