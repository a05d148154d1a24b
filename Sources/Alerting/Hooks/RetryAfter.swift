// `Retry-After`: when a receiver wants to be asked again (RFC 9110 section 10.2.3).
internal import EventModel
package import Platform

/// A time to wait, or the instant until which to wait, as it came; bounded when it is used.
package enum RetryAfter: Hashable, Sendable {
    case delay(Duration)
    case date(Timestamp)

    /// Whole seconds, or an HTTP date in any of its three forms; nil for anything else.
    package init?(_ text: String) {
        let digits = text.utf8
        if !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) {
            // What does not fit is a long time, and cut like every long time.
            self = .delay(Int64(text).map { .seconds($0) } ?? AlertingLimits.retryAfterMax)
            return
        }
        guard let date = HTTPDate.parse(text) else { return nil }
        self = .date(date)
    }

    /// A date as the distance from the answer's own `Date`: it is the receiver's clock that counts, not the box's.
    func relative(toDate header: String?) -> RetryAfter {
        guard case .date(let date) = self, let sent = header.flatMap({ HTTPDate.parse($0) }) else { return self }
        return .delay(date.since(sent))
    }

    /// How long to wait at `now`: from nothing to `AlertingLimits.retryAfterMax`.
    package func pause(at now: Timestamp) -> Duration {
        let wanted =
            switch self {
            case .delay(let delay): delay
            case .date(let date): date.since(now)
            }
        return min(max(.zero, wanted), AlertingLimits.retryAfterMax)
    }
}

/// RFC 9110 section 5.6.7.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or `Sun Nov  6 08:49:37 1994`. Total.
    static func parse(_ text: String) -> Timestamp? {
        guard text.utf8.count <= 64 else { return nil }
        let words = text.split { $0 == " " || $0 == "-" }.map(String.init)
        if words.count == 6, words[0].hasSuffix(","), words[5] == "GMT" {
            return timestamp(day: words[1], month: words[2], year: words[3], time: words[4])
        }
        if words.count == 5 { return timestamp(day: words[2], month: words[1], year: words[4], time: words[3]) }
        return nil
    }

    private static func timestamp(day: String, month: String, year: String, time: String) -> Timestamp? {
        let parts = time.split(separator: ":", omittingEmptySubsequences: false).map { number($0, digits: 2...2) }
        guard let month = months.firstIndex(of: month), let day = number(day[...], digits: 1...2),
            var year = number(year[...], digits: 2...4), parts.count == 3, let hour = parts[0],
            let minute = parts[1], let second = parts[2]
        else { return nil }
        // Two digits: 1970 to 2069.
        if year < 100 { year += year < 70 ? 2000 : 1900 }
        return TimestampText.milliseconds(
            year: year,
            month: month + 1,
            day: day,
            hour: hour,
            minute: minute,
            second: second
        ).map { Timestamp(milliseconds: $0) }
    }

    private static func number(_ text: Substring, digits: ClosedRange<Int>) -> Int? {
        guard digits.contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text)
    }
}
