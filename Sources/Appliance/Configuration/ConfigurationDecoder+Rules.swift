// Reads the entries of `rules` and `hooks`.
internal import Rules

extension ConfigurationDecoder {
    /// Severities that people use; another word is taken, but questioned where it looks like one of these.
    private static let severities = ["info", "warning", "critical"]
    private static let laterKeys = [
        "rate", "absent", "expression", "window", "lateness", "levels", "when", "inhibit", "group_by", "repeat",
    ]

    func decodeRules(_ root: MappingReader) -> [RuleDefinition] {
        guard let node = root.node("rules") else { return [] }
        guard case .sequence(let elements) = node.content else {
            context.diagnostics.error(node.place, "`rules`: expected a list of rules, not \(node.kind)")
            return []
        }
        if elements.count > ConfigurationDecoder.rulesMax {
            context.diagnostics.error(node.place, "`rules`: more than \(ConfigurationDecoder.rulesMax)")
        }
        var first: [String: ConfigurationPlace] = [:]
        return elements.prefix(ConfigurationDecoder.rulesMax).compactMap { element in
            guard let reader = root.mapping(element, named: "rules") else { return nil }
            guard let rule = decodeRule(reader) else { return nil }
            let place = reader.place(of: "alert")
            if let earlier = first[rule.alert] {
                context.diagnostics.error(
                    place,
                    "alert `\(rule.alert)` is given twice: it stands at \(earlier) already"
                )
                return nil
            }
            first[rule.alert] = place
            context.places["rules.\(rule.alert)"] = place
            for entry in reader.all { context.places["rules.\(rule.alert).\(entry.key)"] = reader.place(of: entry.key) }
            return rule
        }
    }

    private func decodeRule(_ reader: MappingReader) -> RuleDefinition? {
        let alert = reader.scalar("alert", .text(bytesMax: 128))
        if alert == nil, !reader.isGiven("alert") { reader.error("a rule needs its name: `alert: ...`") }
        let match = reader.mapping("match").map(decodeMatch)
        let condition = decodeCondition(reader)
        let holdFor = reader.scalar("for", .duration(.zero...(.days(366))))
        let severity = reader.scalar("severity", .text(bytesMax: 32))
        let summary = reader.scalar("summary", .paragraph(bytesMax: 4096))
        let description = reader.scalar("description", .paragraph(bytesMax: 16_384))
        let runbook = reader.scalar("runbook", .text(bytesMax: 2048))
        let notify = reader.list("notify", .text(bytesMax: 64), countMax: 64)
        reader.finish(later: ConfigurationDecoder.laterKeys)
        if let severity { question(severity, at: reader.place(of: "severity")) }
        guard let alert, let condition else { return nil }
        if !reader.isGiven("match") {
            context.diagnostics.warning(
                reader.place(of: "alert"),
                "rule `\(alert)` has no `match` and watches every metric of every device"
            )
        }
        var rule = RuleDefinition(alert: alert, match: match ?? RuleMatch(), condition: condition)
        if let holdFor { rule.holdFor = holdFor }
        if let severity { rule.severity = severity }
        rule.summary = summary
        rule.description = description
        rule.runbook = runbook
        rule.notify = notify
        return rule
    }

    private func question(_ severity: String, at place: ConfigurationPlace) {
        guard !ConfigurationDecoder.severities.contains(severity),
            let nearest = NearestName.to(severity, among: ConfigurationDecoder.severities)
        else { return }
        context.diagnostics.warning(place, "severity `\(severity)` is taken as it stands; did you mean `\(nearest)`?")
    }

    private func decodeMatch(_ reader: MappingReader) -> RuleMatch {
        var match = RuleMatch()
        let pattern = ScalarType<String>.text(bytesMax: 256)
        match.metrics = reader.list("metric", pattern) ?? []
        match.devices = reader.list("device", pattern) ?? []
        match.names = reader.list("name", pattern) ?? []
        match.profiles = reader.list("profile", pattern) ?? []
        match.locations = reader.list("location", pattern) ?? []
        if let labels = reader.mapping("labels") {
            for entry in labels.all { match.labels[entry.key] = labels.list(entry.key, pattern) ?? [] }
        }
        reader.finish()
        return match
    }

    private func decodeCondition(_ reader: MappingReader) -> RuleCondition? {
        let above = reader.scalar("above", .number)
        let below = reader.scalar("below", .number)
        let clearBelow = reader.scalar("clear_below", .number)
        let clearAbove = reader.scalar("clear_above", .number)
        switch (reader.isGiven("above"), reader.isGiven("below")) {
        case (false, false):
            // A condition of a later version is reported as such.
            if !reader.all.contains(where: { ConfigurationDecoder.laterKeys.contains($0.key) }) {
                reader.error("a rule needs its condition: `above:` or `below:` with a number")
            }
        case (true, true):
            context.diagnostics.error(
                reader.place(of: "below"),
                "a rule has one condition, `above` or `below`: make two rules of it"
            )
        case (true, false):
            if reader.isGiven("clear_above") {
                context.diagnostics.error(
                    reader.place(of: "clear_above"),
                    "`clear_above` belongs to `below`; `above` has `clear_below`"
                )
            }
            guard let above else { return nil }
            if let clearBelow, clearBelow > above {
                context.diagnostics.error(
                    reader.place(of: "clear_below"),
                    "`clear_below` lies beyond `above`: the alert would clear while it is still too high"
                )
            }
            return .above(limit: above, clear: clearBelow)
        case (false, true):
            if reader.isGiven("clear_below") {
                context.diagnostics.error(
                    reader.place(of: "clear_below"),
                    "`clear_below` belongs to `above`; `below` has `clear_above`"
                )
            }
            guard let below else { return nil }
            if let clearAbove, clearAbove < below {
                context.diagnostics.error(
                    reader.place(of: "clear_above"),
                    "`clear_above` lies beyond `below`: the alert would clear while it is still too low"
                )
            }
            return .below(limit: below, clear: clearAbove)
        }
        return nil
    }
}
