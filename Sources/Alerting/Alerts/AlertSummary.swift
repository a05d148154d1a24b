// The sentence that somebody reads at three in the morning.
internal import EventModel
internal import Foundation
internal import Platform
internal import Rules
internal import Synchronization

/// Writes about one record. `CRITICAL Walk-in freezer (kitchen): -11.8 °C, limit -15 °C, for 10 min, worst -11.2, last
/// reading 20 s ago, 03:10 CET, edge-01. Ack: forebay alerts ack a27ac6f6`
struct AlertSummary {
    let record: AlertRecord
    let origin: AlertOrigin

    /// What to do next.
    private static let next = "Ack: forebay alerts ack"

    /// The default summary of CONTRACT section 5.
    var standard: String {
        switch record.state {
        case .pending, .firing: firing
        case .resolved: resolved
        }
    }

    private var firing: String {
        if let watch = record.watch { return firing(watch) }
        var parts = ["\(record.severity.uppercased()) \(present)"]
        let active = record.at.since(record.breachedAt)
        if active > .zero { parts.append("for \(AlertSummary.words(active))") }
        if isMeasured { parts.append("worst \(RuleText.number(record.peak))") }
        let age = record.at.since(record.lastSeen)
        if age >= .seconds(1) {
            parts.append("last reading \(AlertSummary.words(age)) ago\(record.isStale ? " (stale)" : "")")
        }
        parts += flapping
        parts.append(clock(record.at))
        parts.append(record.box)
        return parts.joined(separator: ", ") + ". \(AlertSummary.next) \(record.fingerprint.prefix(8))"
    }

    private func firing(_ watch: AlertWatch) -> String {
        let time = AlertSummary.words(record.at.since(record.breachedAt))
        let last = record.isMetricState ? "" : ", last \(number(record.value))"
        let what =
            switch watch {
            case .absent: "no \(record.metric) for \(time)\(last)"
            case .unchanged:
                "\(record.metric) has been \(record.isMetricState ? "the same" : number(record.value)) for \(time)"
            case .expression: "\(record.condition) (\(number(record.value))), for \(time)"
            }
        let words = ([what] + flapping + [clock(record.at), record.box]).joined(separator: ", ")
        return "\(record.severity.uppercased()) \(subject): \(words)"
            + ". \(AlertSummary.next) \(record.fingerprint.prefix(8))"
    }

    /// Said of an alert that fires again and again; else empty.
    var flapping: [String] {
        record.flaps >= AlertingLimits.flapsMin ? ["flapping: \(record.flaps) times in the last hour"] : []
    }

    /// What a resolved alert says of the present.
    private var outcome: String {
        let now = record.isMetricState ? "" : ": \(number(record.value))"
        return switch record.watch {
        case nil: isMeasured ? ", worst \(number(record.peak)): \(present)" : ": \(present)"
        case .absent: ": \(subject): \(record.metric) is back\(now)"
        case .unchanged: ": \(subject): \(record.metric) moves again\(now)"
        case .expression: ": \(subject): \(record.condition)\(now)"
        }
    }

    /// One number of one device is what it is about.
    private var isMeasured: Bool { !record.isMetricState && record.devices == nil }

    /// Who, and how it stands there.
    private var present: String {
        if let devices = record.devices {
            let named = devices.prefix(5).joined(separator: ", ") + (devices.count > 5 ? ", ..." : "")
            return "\(subject): \(record.condition): \(devices.count) now\(named.isEmpty ? "" : " (\(named))")"
        }
        if record.isMetricState { return "\(subject): \(record.condition)\(record.value == 1 ? "" : " no longer")" }
        return "\(subject): \(value), limit \(number(record.threshold))"
    }

    private var resolved: String {
        var parts = ["RESOLVED after \(AlertSummary.words(record.at.since(record.firedAt)))\(outcome)"]
        switch record.reason {
        case nil: break
        case .ruleRemoved: parts.append("because the rule was removed")
        case .conditionChanged: parts.append("because the rule's condition changed")
        case .levelChanged: parts.append("because another level of the rule holds")
        case .stateLost: parts.append("because the state of the rules was lost")
        }
        parts.append(clock(record.at))
        parts.append(record.box)
        return parts.joined(separator: ", ")
    }

    private var subject: String {
        guard let location = record.location, !location.isEmpty else { return record.name }
        return "\(record.name) (\(location))"
    }

    /// Without a unit, the metric says what the number is.
    private var value: String {
        record.unit == nil ? "\(record.metric) \(number(record.value))" : number(record.value)
    }

    private func number(_ value: Double) -> String {
        let text = RuleText.number(value)
        return record.unit.map { "\(text) \($0)" } ?? text
    }

    // MARK: Templates

    /// A rule's own template with this record's texts.
    func filled(_ template: RuleTemplate, holdFor: Duration) -> String {
        template.filled { placeholder, digits in text(placeholder, digits: digits, holdFor: holdFor) }
    }

    private func text(_ placeholder: TemplatePlaceholder, digits: Int?, holdFor: Duration) -> String {
        switch placeholder {
        case .alert: record.alert
        case .severity: record.severity
        case .state: record.state.rawValue
        case .device: record.device
        case .name: record.name
        case .location: record.location ?? ""
        case .box: record.box
        case .metric: record.metric
        case .value: RuleText.number(record.value, digits: digits)
        case .unit: record.unit ?? ""
        case .threshold: RuleText.number(record.threshold, digits: digits)
        case .peak: RuleText.number(record.peak, digits: digits)
        case .condition: record.condition
        case .since: clock(record.breachedAt)
        case .at: clock(record.at)
        case .firedAt: clock(record.firedAt)
        case .resolvedAt: record.resolvedAt.map { clock($0) } ?? ""
        case .lastSeen: clock(record.lastSeen)
        case .activeFor: AlertSummary.words(record.at.since(record.breachedAt))
        case .holdFor: AlertSummary.words(holdFor)
        case .fingerprint: record.fingerprint
        case .runbook: record.runbook ?? ""
        case .samples: String(record.samples)
        case .label(let name): record.labels[name] ?? ""
        }
    }

    // MARK: Time

    /// `10 min`, `1 h 5 min`, `3 d 2 h`, `20 s`: the two largest parts.
    static func words(_ duration: Duration) -> String {
        let seconds = max(0, duration.wholeMilliseconds / 1000)
        let parts: [(Int64, String)] = [
            (seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s"),
        ]
        guard let first = parts.firstIndex(where: { $0.0 > 0 }) else { return "0 s" }
        return parts[first..<min(first + 2, parts.count)]
            .filter { $0.0 > 0 }
            .map { "\($0.0) \($0.1)" }
            .joined(separator: " ")
    }

    /// `03:10 CET`, in the box's time zone.
    private func clock(_ timestamp: Timestamp) -> String {
        let date = Date(timeIntervalSince1970: Double(timestamp.milliseconds) / 1000)
        let zone = TimeZone(identifier: origin.timeZone) ?? .gmt
        let seconds = timestamp.milliseconds / 1000 + Int64(zone.secondsFromGMT(for: date))
        let minutes = Int((seconds % 86_400 + 86_400) % 86_400 / 60)
        let time = String(format: "%02d:%02d", minutes / 60, minutes % 60)
        return "\(time) \(AlertSummary.abbreviation(of: zone, at: date))"
    }

    /// By zone and offset: a formatter takes most of a millisecond to make, and thousands of alerts may fire at once.
    private static let abbreviations = Mutex<[String: String]>([:])

    /// Letters where either English knows them (`EST`, `CET`), else the offset.
    private static func abbreviation(of zone: TimeZone, at date: Date) -> String {
        let offset = zone.secondsFromGMT(for: date)
        if offset == 0, zone.identifier == "UTC" || zone == .gmt { return "UTC" }
        let key = "\(zone.identifier) \(offset)"
        if let known = abbreviations.withLock({ $0[key] }) { return known }
        let text = longhand(of: zone, at: date)
        abbreviations.withLock { $0[key] = text }
        return text
    }

    private static func longhand(of zone: TimeZone, at date: Date) -> String {
        let formatter = DateFormatter()
        formatter.timeZone = zone
        formatter.dateFormat = "zzz"
        for locale in ["en_US", "en_GB", "en_AU"] {
            formatter.locale = Locale(identifier: locale)
            let text = formatter.string(from: date)
            if text.allSatisfy({ $0.isLetter }) { return text }
        }
        return zone.abbreviation(for: date) ?? zone.identifier
    }
}
