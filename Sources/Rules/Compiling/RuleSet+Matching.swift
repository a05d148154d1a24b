// Which rules would look at an event, for `forebay explain`.
internal import EventModel

extension RuleSet {
    /// The alerts of the rules that match a reading of this stored event (JSON), in the order of the rules. Empty where the
    /// value is no event.
    package func matching(_ value: String) -> [String] {
        let bytes = Array(value.utf8)
        var event = StoredEvent()
        guard event.decode(bytes.span.bytes) else { return [] }
        func text(_ slice: ByteSlice) -> ArraySlice<UInt8> { bytes[slice.start..<slice.start + slice.count] }
        return rules.filter { rule in
            let isWatched = event.readings.contains { reading in
                text(event.device).withUnsafeBytes { device in
                    text(reading.metric).withUnsafeBytes { rule.match.matches(device: device, metric: $0) }
                }
            }
            guard isWatched else { return false }
            return rule.match.matchesLabels { name, globs in
                event.labels.contains { label in
                    text(label.name).elementsEqual(name)
                        && text(label.text).withUnsafeBytes { value in globs.contains { $0.matches(value) } }
                }
            }
        }.map(\.definition.alert)
    }
}
