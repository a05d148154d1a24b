// `forebay explain INPUT PAYLOAD`: what a payload would meet, without running it.
internal import CommitLog
internal import DeviceRegistry
internal import EventModel
internal import Ingest
internal import Platform
internal import Rules

/// What `explain` found.
package struct PayloadExplanation: Codable, Sendable {
    package struct Event: Codable, Sendable {
        package var partition: Int
        /// Whether the registry knows the device.
        package var known: Bool
        /// The stored value, as JSON text.
        package var value: String
        package var rules: [String]
        package var hooks: [String]
    }

    package struct Reject: Codable, Sendable {
        package var reason: String
        package var position: Int
    }

    package var input: String
    package var type: String
    package var format: String
    /// What `auto` takes the payload for; nil for other formats, and where it recognises none.
    package var recognised: String?
    package var events: [Event]
    package var rejects: [Reject]

    /// `topic`: of the message, for an MQTT input.
    /// - Throws: `CommandFailure` 64 or 66 where the input or the topic fits nothing.
    package init(
        _ configuration: Configuration,
        input name: String,
        payload: [UInt8],
        topic: String?
    ) throws {
        guard let input = configuration.inputs.first(where: { $0.name == name }) else {
            let names = configuration.inputs.map(\.name).joined(separator: ", ")
            throw CommandFailure(
                ExitStatus.noInput,
                "there is no input \(name)",
                hint: "the configuration has \(names)"
            )
        }
        guard let definition = DecoderRegistry.definition(named: input.format) else {
            throw CommandFailure(ExitStatus.configuration, "no format \(input.format)")
        }
        let clock = SystemClock(trustsWallClock: configuration.clock == .trust)
        let now = clock.now()
        let preview = PayloadPreview(
            settings: input.pipelineSettings(devices: configuration.devices, now: Double(now.milliseconds) / 1000),
            decoder: try definition.make(input.decoderOptions),
            directory: PayloadExplanation.directory(configuration.data),
            partitionCount: configuration.log.topics.first { $0.name == .readings }?.topic.partitions ?? 1,
            clock: clock.quality()
        )
        let parts = try PayloadExplanation.parts(preview, input, payload, topic: topic, at: now)
        self.input = name
        type = input.transport.typeName
        format = input.format
        recognised = input.format == "auto" ? RecognisedFormat.recognise(payload.span.bytes)?.rawValue : nil
        let rules = try RuleSet(configuration.rules)
        events = parts.compactMap { part -> Event? in
            guard case .event(_, let value, let partition, let isKnown) = part else { return nil }
            let matching = rules.matching(value)
            let notified = configuration.rules.filter { matching.contains($0.alert) }
            let hooks = notified.flatMap { rule in
                let later = rule.policy.escalation?.notify ?? []
                let names = rule.notify ?? configuration.hooks.filter(\.takesAlerts).map(\.name)
                return names.filter { !later.contains($0) }
            }
            return Event(
                partition: Int(partition),
                known: isKnown,
                value: value,
                rules: matching,
                hooks: Set(hooks).sorted()
            )
        }
        rejects = parts.compactMap { part -> Reject? in
            guard case .rejected(let reason, let position) = part else { return nil }
            return Reject(reason: reason.name.description, position: position)
        }
    }

    private static func directory(_ data: String) -> DeviceDirectory {
        guard let registry = try? DeviceRegistry.openReadOnly(path: "\(data)/registry.sqlite") else {
            return DeviceDirectory()
        }
        defer { try? registry.close() }
        return registry.directory()
    }

    private static func parts(
        _ preview: PayloadPreview,
        _ input: InputConfiguration,
        _ payload: [UInt8],
        topic: String?,
        at now: Timestamp
    ) throws -> [PreviewedPart] {
        guard case .mqtt(let mqtt) = input.transport else {
            return payload.withUnsafeBytes { payload in
                if case .serial = input.transport, let damaged = LineFrame.damage(in: payload) {
                    return [.rejected(.framing, position: damaged)]
                }
                return preview.parts(
                    of: payload,
                    Arrival(receivedAt: now, from: UnsafeRawBufferPointer(start: nil, count: 0))
                )
            }
        }
        guard let topic else {
            throw CommandFailure(ExitStatus.usage, "an MQTT payload comes under a topic", hint: "name it with --topic")
        }
        let router = try TopicRouter(subscribe: mqtt.subscribe, exclude: mqtt.exclude)
        var captures = TopicCaptures()
        return try Array(topic.utf8).withUnsafeBytes { topicBytes in
            switch router.route(topicBytes, captures: &captures) {
            case .excluded:
                throw CommandFailure(ExitStatus.failed, "topic \(topic) is excluded: its messages are no payloads")
            case .unmatched:
                throw CommandFailure(
                    ExitStatus.failed,
                    "topic \(topic) matches no pattern of input \(input.name)",
                    hint: "subscribe: \(mqtt.subscribe.joined(separator: ", "))"
                )
            case .wanted(let pattern):
                let arrival = router.arrival(at: now, topic: topicBytes, pattern: pattern, captures: captures)
                return payload.withUnsafeBytes { preview.parts(of: $0, arrival) }
            }
        }
    }
}
