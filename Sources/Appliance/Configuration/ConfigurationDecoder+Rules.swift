// Reads the entries of `rules` and `hooks`.
internal import Rules

extension ConfigurationDecoder {
    /// Severities that people use; another word is taken, but questioned where it looks like one of these.
    private static let severities = ["info", "warning", "critical"]

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
            if case .mapping(let kinds)? = reader.node("match")?.content {
                for kind in kinds { context.places["rules.\(rule.alert).match.\(kind.key)"] = kind.value.place }
            }
            return rule
        }
    }

    private func decodeRule(_ reader: MappingReader) -> RuleDefinition? {
        let alert = reader.scalar("alert", .text(bytesMax: 128))
        if alert == nil, !reader.isGiven("alert") { reader.error("a rule needs its name: `alert: ...`") }
        let match = reader.mapping("match").map(decodeMatch)
        var unit: String?
        let levels = decodeLevels(reader, unit: &unit)
        let signal = decodeSignal(reader)
        let gate = decodeGate(reader)
        let group = decodeGroup(reader)
        let summary = reader.scalar("summary", .paragraph(bytesMax: 4096))
        let description = reader.scalar("description", .paragraph(bytesMax: 16_384))
        let runbook = reader.scalar("runbook", .text(bytesMax: 2048))
        let notify = reader.list("notify", .text(bytesMax: 64), countMax: 64)
        let policy = decodePolicy(reader)
        reader.finish()
        guard let alert, let levels else { return nil }
        if !reader.isGiven("match"), levels.allSatisfy({ $0.condition.expression == nil }) {
            context.diagnostics.warning(
                reader.place(of: "alert"),
                "rule `\(alert)` has no `match` and watches every metric of every device"
            )
        }
        var rule = RuleDefinition(alert: alert, match: match ?? RuleMatch(), levels: levels)
        rule.unit = unit
        rule.signal = signal
        rule.onlyIf = gate
        rule.group = group
        rule.summary = summary
        rule.description = description
        rule.runbook = runbook
        rule.notify = notify
        rule.policy = policy
        return rule
    }

    func question(_ severity: String, at place: ConfigurationPlace) {
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
}
