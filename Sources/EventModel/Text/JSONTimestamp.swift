// A timestamp inside a JSON document of the control plane.
package import Platform

/// Encodes as the 24 characters of `2026-11-23T19:10:00.123Z`; decodes those, or any RFC 3339 time with a zone.
package struct JSONTimestamp: Hashable, Comparable, Sendable, Codable {
    package var timestamp: Timestamp

    package init(_ timestamp: Timestamp) {
        self.timestamp = timestamp
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = Array(try container.decode(String.self).utf8)
        let isDate = text.count >= 19 && text[4] == UInt8(ascii: "-")
        guard isDate, let parsed = TimestampText.parse(text.span.bytes, start: 0, count: text.count), parsed.hasZone
        else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an RFC 3339 time with a zone")
        }
        timestamp = Timestamp(milliseconds: parsed.milliseconds)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(TimestampText.string(timestamp))
    }

    package static func < (left: JSONTimestamp, right: JSONTimestamp) -> Bool {
        left.timestamp < right.timestamp
    }
}
