// Hook type `mqtt`: each alert as a retained message at a broker, and as a sensor of Home Assistant where that is wanted.
internal import MQTT
internal import Platform
internal import Rules

/// Delivered means that the broker has acknowledged it (PUBACK). What no log holds (a test, a box that only reads) is not
/// retained, for nothing would ever end it.
struct MQTTHook: Hook {
    /// A record of topic `alerts` with what a webhook adds to it.
    private struct State: Encodable {
        enum Additions: String, CodingKey {
            case offset
            case delayedSeconds = "delayed_s"
        }

        let alert: HookAlert

        func encode(to encoder: any Encoder) throws {
            try alert.record.encode(to: encoder)
            var additions = encoder.container(keyedBy: Additions.self)
            try additions.encodeIfPresent(alert.offset, forKey: .offset)
            let delay = alert.delayed.map { $0.wholeMilliseconds / 1000 }
            try additions.encodeIfPresent(delay, forKey: .delayedSeconds)
        }
    }

    private let target: MQTTHookTarget
    private let timeout: Duration
    private let box: String
    private let publisher: MQTTPublisher

    init?(_ settings: HookSettings, origin: AlertOrigin) {
        guard case .mqtt(let target) = settings.target else { return nil }
        self.target = target
        timeout = settings.timeout
        box = MQTTTopic.level(origin.box)
        publisher = MQTTPublisher(
            target.connection,
            presence: MQTTPresence(topic: "\(target.topic)/\(box)/status"),
            disk: PosixDisk(),
            // The network's time is real, in tests too.
            clock: SystemClock(),
            seed: randomSeed()
        )
    }

    func deliver(_ payload: HookPayload) async -> HookOutcome {
        var messages: [MQTTMessage] = []
        do {
            for alert in payload.alerts {
                let topic = topic(of: alert.record)
                let isRetained = alert.offset != nil
                if isRetained, let prefix = target.discoveryPrefix {
                    messages.append(try discovery(of: alert.record, at: topic, below: prefix))
                }
                let state = try HookJSON.encoded(State(alert: alert))
                messages.append(MQTTMessage(topic: topic, payload: state, isRetained: isRetained))
            }
        } catch {
            return .refused(status: nil, HookJSON.words(error))
        }
        switch await publisher.publish(messages, within: timeout) {
        case .acknowledged: return .delivered(status: 0)
        case .refused(let code, let words): return .refused(status: code, words)
        case .failed(let words): return .retry(words)
        }
    }

    func close() async {
        await publisher.stop()
    }

    private func topic(of record: AlertRecord) -> String {
        let names = [record.alert, record.device, record.metric]
        let levels = names.map(MQTTTopic.level)
        // Names that became others could have become the same: the fingerprint tells them apart.
        let mark = levels == names ? "" : "-\(record.fingerprint.prefix(8))"
        return "\(target.topic)/\(box)/\(levels.joined(separator: "/"))\(mark)"
    }

    private func discovery(of record: AlertRecord, at topic: String, below prefix: String) throws -> MQTTMessage {
        let sensor = HomeAssistantSensor(record, topic: topic, availability: "\(target.topic)/\(box)/status")
        return MQTTMessage(
            topic: "\(prefix)/binary_sensor/\(sensor.uniqueID)/config",
            payload: try HookJSON.encoded(sensor),
            isRetained: true
        )
    }
}
