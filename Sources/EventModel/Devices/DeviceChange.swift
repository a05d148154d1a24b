// What an operator wants changed in a device: a merge patch (RFC 7396) with typed members.

/// One member of a patch: absent, `null`, or a value.
package enum FieldChange<Value: Hashable & Sendable>: Hashable, Sendable {
    case keep
    case clear
    case set(Value)

    /// The member's value after the patch.
    package func applied(to current: Value?) -> Value? {
        switch self {
        case .keep: current
        case .clear: nil
        case .set(let value): value
        }
    }
}

/// Changes of one metric. Scale and offset are never absent: `null` puts the neutral value back (1 and 0).
package struct MetricChange: Hashable, Sendable {
    /// Corrects a first reading that was of the wrong kind; nil keeps it.
    package var kind: MetricKind?
    package var unit: FieldChange<String>
    package var scale: FieldChange<Double>
    package var offset: FieldChange<Double>

    package init(
        kind: MetricKind? = nil,
        unit: FieldChange<String> = .keep,
        scale: FieldChange<Double> = .keep,
        offset: FieldChange<Double> = .keep
    ) {
        self.kind = kind
        self.unit = unit
        self.scale = scale
        self.offset = offset
    }
}

/// Changes of one device, e.g. `{"name":"Walk-in freezer","labels":{"line":"a","old":null},"state":"active"}`.
///
/// What is not named stays. Decoding refuses a key that it does not know, so that a mistyped one is not ignored.
package struct DeviceChange: Hashable, Sendable {
    package var name: FieldChange<String>
    package var location: FieldChange<String>
    package var profile: FieldChange<String>
    package var state: DeviceState?
    /// Label name to its new value; nil removes the label.
    package var labels: [String: String?]
    package var expectedIntervalMilliseconds: FieldChange<Int64>
    package var metrics: [String: MetricChange]
    /// Creates the device, as `active` unless `state` says otherwise, where the registry does not know it.
    package var create: Bool

    package init(
        name: FieldChange<String> = .keep,
        location: FieldChange<String> = .keep,
        profile: FieldChange<String> = .keep,
        state: DeviceState? = nil,
        labels: [String: String?] = [:],
        expectedIntervalMilliseconds: FieldChange<Int64> = .keep,
        metrics: [String: MetricChange] = [:],
        create: Bool = false
    ) {
        self.name = name
        self.location = location
        self.profile = profile
        self.state = state
        self.labels = labels
        self.expectedIntervalMilliseconds = expectedIntervalMilliseconds
        self.metrics = metrics
        self.create = create
    }
}

extension MetricChange: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case kind, unit, scale, offset
    }

    package init(from decoder: any Decoder) throws {
        try decoder.refuseKeys(otherThan: CodingKeys.self)
        let members = try decoder.container(keyedBy: CodingKeys.self)
        kind = try members.decodeIfPresent(MetricKind.self, forKey: .kind)
        unit = try members.decodeChange(String.self, forKey: .unit)
        scale = try members.decodeChange(Double.self, forKey: .scale)
        offset = try members.decodeChange(Double.self, forKey: .offset)
    }

    package func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encodeIfPresent(kind, forKey: .kind)
        try members.encodeChange(unit, forKey: .unit)
        try members.encodeChange(scale, forKey: .scale)
        try members.encodeChange(offset, forKey: .offset)
    }
}

extension DeviceChange: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, location, profile, state, labels, metrics, create
        case expectedIntervalMilliseconds = "expected_interval_ms"
    }

    package init(from decoder: any Decoder) throws {
        try decoder.refuseKeys(otherThan: CodingKeys.self)
        let members = try decoder.container(keyedBy: CodingKeys.self)
        name = try members.decodeChange(String.self, forKey: .name)
        location = try members.decodeChange(String.self, forKey: .location)
        profile = try members.decodeChange(String.self, forKey: .profile)
        state = try members.decodeIfPresent(DeviceState.self, forKey: .state)
        labels = try members.decodeIfPresent([String: String?].self, forKey: .labels) ?? [:]
        expectedIntervalMilliseconds = try members.decodeChange(Int64.self, forKey: .expectedIntervalMilliseconds)
        metrics = try members.decodeIfPresent([String: MetricChange].self, forKey: .metrics) ?? [:]
        create = try members.decodeIfPresent(Bool.self, forKey: .create) ?? false
    }

    package func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encodeChange(name, forKey: .name)
        try members.encodeChange(location, forKey: .location)
        try members.encodeChange(profile, forKey: .profile)
        try members.encodeIfPresent(state, forKey: .state)
        if !labels.isEmpty { try members.encode(labels, forKey: .labels) }
        try members.encodeChange(expectedIntervalMilliseconds, forKey: .expectedIntervalMilliseconds)
        if !metrics.isEmpty { try members.encode(metrics, forKey: .metrics) }
        if create { try members.encode(true, forKey: .create) }
    }
}

/// Any key of an object, to see which ones are there.
private struct AnyKey: CodingKey {
    let stringValue: String
    let intValue: Int? = nil

    init?(stringValue: String) {
        self.stringValue = stringValue
    }

    init?(intValue: Int) {
        nil
    }
}

extension Decoder {
    /// Throws `DecodingError.dataCorrupted`, naming the known keys, where the object holds another one.
    package func refuseKeys<Key: CodingKey & CaseIterable>(otherThan known: Key.Type) throws {
        let present = try container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).sorted()
        for key in present where Key(stringValue: key) == nil {
            let names = Key.allCases.map(\.stringValue).sorted().joined(separator: ", ")
            let context = DecodingError.Context(
                codingPath: codingPath,
                debugDescription: "unknown key `\(key)`; the keys here are \(names)"
            )
            throw DecodingError.dataCorrupted(context)
        }
    }
}

extension KeyedDecodingContainer {
    fileprivate func decodeChange<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> FieldChange<Value> {
        guard contains(key) else { return .keep }
        return try decodeNil(forKey: key) ? .clear : .set(decode(type, forKey: key))
    }
}

extension KeyedEncodingContainer {
    fileprivate mutating func encodeChange<Value: Encodable>(_ change: FieldChange<Value>, forKey key: Key) throws {
        switch change {
        case .keep: break
        case .clear: try encodeNil(forKey: key)
        case .set(let value): try encode(value, forKey: key)
        }
    }
}
