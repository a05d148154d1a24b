// Reads what a rule says of who is told when: `repeat`, `mute`, `inhibited_by`, `escalate`.
internal import Foundation
internal import Rules

extension ConfigurationDecoder {
    /// Windows and inhibiting alerts of one rule: more than anybody can keep in mind.
    private static let wordsMax = 64

    func decodePolicy(_ rule: MappingReader) -> RulePolicy {
        RulePolicy(
            repeatEvery: rule.scalar("repeat", .duration(.seconds(60)...(.days(366)))),
            mutes: rule.list("mute", .muteWindow, countMax: ConfigurationDecoder.wordsMax) ?? [],
            inhibitors: decodeInhibitors(rule),
            escalation: rule.mapping("escalate").flatMap(decodeEscalation)
        )
    }

    /// Names of rules, or mappings of `alert` and `equal`; one of them or a list.
    private func decodeInhibitors(_ rule: MappingReader) -> [Inhibitor] {
        guard let node = rule.node("inhibited_by") else { return [] }
        let elements = if case .sequence(let elements) = node.content { elements } else { [node] }
        guard elements.count <= ConfigurationDecoder.wordsMax else {
            context.diagnostics.error(node.place, "`inhibited_by`: more than \(ConfigurationDecoder.wordsMax) values")
            return []
        }
        return elements.compactMap { element in
            guard case .mapping = element.content else {
                return context.scalar(element, .text(bytesMax: 128), named: "inhibited_by").map { Inhibitor(alert: $0) }
            }
            guard let reader = rule.mapping(element, named: "inhibited_by") else { return nil }
            let alert = reader.scalar("alert", .text(bytesMax: 128))
            let equal = reader.list("equal", .text(bytesMax: 128), countMax: ConfigurationDecoder.wordsMax) ?? []
            if alert == nil, !reader.isGiven("alert") {
                reader.error("`inhibited_by` needs the name of a rule: `alert: ...`")
            }
            reader.finish()
            return alert.map { Inhibitor(alert: $0, equal: equal) }
        }
    }

    private func decodeEscalation(_ reader: MappingReader) -> Escalation? {
        let after = reader.scalar("after", .duration(.seconds(60)...(.days(366))))
        let notify = reader.list("notify", .text(bytesMax: 64), countMax: ConfigurationDecoder.wordsMax)
        if !reader.isGiven("after") { reader.error("`escalate` needs `after: ...`, e.g. `15m`") }
        if reader.isEmpty("notify") { reader.error("`escalate` needs `notify: ...`, the hooks that are told then") }
        reader.finish()
        guard let after, let notify else { return nil }
        return Escalation(after: after, notify: notify)
    }
}

extension ScalarType where Value == MuteWindow {
    private static var weekdays: [String] { ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] }

    /// `Mon 06:00-07:00 Europe/Berlin`: days and zone may be left out.
    static var muteWindow: ScalarType {
        ScalarType { value throws(WrongValue) in
            var words = value.text.split(separator: " ").map(String.init)
            var days = Set(0..<7)
            if let first = words.first, first.first?.isLetter ?? false {
                days = try Self.days(first)
                words.removeFirst()
            }
            let times = words.first?.split(separator: "-", omittingEmptySubsequences: false).map(String.init) ?? []
            guard (1...2).contains(words.count), times.count == 2, let start = minute(times[0]),
                let end = minute(times[1])
            else {
                throw WrongValue(
                    "expected a time of the week such as `Mon 06:00-07:00 Europe/Berlin`, not `\(value.shown)`"
                )
            }
            guard start < 1440, start != end else {
                throw WrongValue("`\(value.shown)` is no stretch of time; a whole day is `00:00-24:00`")
            }
            var zone: String?
            if words.count == 2 {
                zone = try ScalarType<String>.timeZone.read(
                    ScalarValue(text: words[1], isQuoted: true, shown: words[1], directory: value.directory)
                )
            }
            return MuteWindow(days: days, start: start, end: end, timeZone: zone)
        }
    }

    /// `Mon`, `Mon-Fri`, `Mon,Wed`, `Fri-Mon`; case does not matter.
    private static func days(_ text: String) throws(WrongValue) -> Set<Int> {
        var days: Set<Int> = []
        for part in text.lowercased().split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard (1...2).contains(ends.count), let first = weekdays.firstIndex(of: String(ends[0])),
                let last = weekdays.firstIndex(of: String(ends[ends.count - 1]))
            else { throw WrongValue("expected days such as `Mon`, `Mon-Fri` or `Mon,Wed`, not `\(text)`") }
            for day in first...(last < first ? last + 7 : last) { days.insert(day % 7) }
        }
        return days
    }

    /// Of `HH:MM`, up to `24:00`.
    private static func minute(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":"), let hour = Int(text.prefix(2)),
            let minute = Int(text.suffix(2)), text.filter({ $0.isASCII && $0.isNumber }).count == 4
        else { return nil }
        guard (0...23).contains(hour) && (0...59).contains(minute) || hour == 24 && minute == 0 else { return nil }
        return hour * 60 + minute
    }
}

extension MuteWindow {
    /// As the configuration writes it.
    var text: String {
        let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        func clock(_ minute: Int) -> String {
            let (hours, minutes) = (minute / 60, minute % 60)
            return (hours < 10 ? "0" : "") + "\(hours):" + (minutes < 10 ? "0" : "") + "\(minutes)"
        }
        let when = days.count == 7 ? [] : [days.sorted().map { names[$0] }.joined(separator: ",")]
        return (when + ["\(clock(start))-\(clock(end))"] + (timeZone.map { [$0] } ?? [])).joined(separator: " ")
    }
}
