// A position of a query as the API reads it back.
internal import EventModel
internal import HTTPAPI
package import Platform

extension RecordPosition {
    /// `earliest`, `latest`, an offset, or a time in RFC 3339.
    var text: String {
        switch self {
        case .earliest: "earliest"
        case .latest: "latest"
        case .offset(let offset): String(offset)
        case .time(let time): time.rfc3339
        }
    }
}

extension Timestamp {
    /// `2026-11-23T19:10:00.123Z`.
    package var rfc3339: String {
        var formatter = TimestampFormatter()
        var text = ByteBuilder(capacity: TimestampFormatter.byteCount)
        text.append(self, with: &formatter)
        return String(decoding: text.bytes, as: UTF8.self)
    }
}
