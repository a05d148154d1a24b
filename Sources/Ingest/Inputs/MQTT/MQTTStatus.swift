// What an MQTT input says of itself and of its broker, published when it changes.
internal import MQTT
internal import Platform

/// Collects the input's state; the box behind it is written on changes, and for mere counts at most once a second.
/// The input's thread.
final class MQTTStatus {
    private static let countsInterval = Duration.seconds(1)

    private let box: InputStateBox
    private let broker: BrokerAddress
    private var published: InputState
    private var nextCounts = MonotonicInstant(nanoseconds: 0)

    var isUp = false
    var text = "starting"
    /// Messages that `exclude` left aside; acknowledged, and no payloads of this input.
    var excluded: UInt64 = 0
    /// Messages of subscriptions that nobody wants any more; acknowledged and left aside.
    var unmatched: UInt64 = 0
    /// Connections given up because the log stood still for too long.
    var keepAliveReconnects: UInt64 = 0
    /// Why redelivered messages cannot be recognised; nil where they can.
    var redeliveryError: String?
    private var connections: UInt64 = 0
    private var details: [String: String] = [:]
    /// Messages that the broker dropped for slow clients since it started, as it says.
    private var brokerDropped: UInt64?
    private var brokerDroppedAtFirst: UInt64?
    private var newBrokerDrops: UInt64 = 0

    init(box: InputStateBox, broker: BrokerAddress) {
        self.box = box
        self.broker = broker
        published = box.current
    }

    /// Takes what the broker says of itself; true where the topic is one of those that `MQTTSubscriptions` watches.
    func noteBroker(topic: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer) -> Bool {
        guard let first = topic.first, first == UInt8(ascii: "$") else { return false }
        let isVersion = topic.elementsEqual(MQTTSubscriptions.versionTopic.utf8)
        guard isVersion || topic.elementsEqual(MQTTSubscriptions.droppedTopic.utf8) else { return false }
        guard payload.count <= 64 else { return true }
        let value = String(decoding: payload, as: UTF8.self)
        if isVersion {
            details["broker_version"] = value
        } else if let count = UInt64(value) {
            // A broker that was restarted counts from 0 again.
            if count < brokerDropped ?? 0 { brokerDroppedAtFirst = 0 }
            if let before = brokerDropped { newBrokerDrops &+= count < before ? count : count - before }
            brokerDropped = count
            if brokerDroppedAtFirst == nil { brokerDroppedAtFirst = count }
        }
        return true
    }

    /// What the broker has dropped since the call before; what it had dropped when we first heard of it is left out.
    func takeBrokerDrops() -> UInt64 {
        defer { newBrokerDrops = 0 }
        return newBrokerDrops
    }

    func noteConnection(version: MQTTProtocol, sessionPresent: Bool) {
        connections += 1
        details["protocol"] = version.rawValue
        details["session"] = sessionPresent ? "resumed" : "new"
    }

    func note(_ subscriptions: MQTTSubscriptions) {
        details["subscriptions_file"] = subscriptions.fileError
        isUp = subscriptions.isSettled && subscriptions.refused.count < subscriptions.wanted.count
        if !subscriptions.refused.isEmpty {
            text = "\(broker) refused the subscription to \(subscriptions.refused.joined(separator: ", "))"
        } else if !subscriptions.unacknowledged.isEmpty {
            let filters = subscriptions.unacknowledged.joined(separator: ", ")
            text = "\(broker) grants only QoS 0 for \(filters): what is lost on the way is not sent again"
        } else {
            text = subscriptions.isSettled ? "connected to \(broker)" : "connected to \(broker), subscribing"
        }
        publishNow()
    }

    /// Publishes changed counts, once a second at most.
    func publish(now: MonotonicInstant) {
        guard now >= nextCounts else { return }
        nextCounts = now.advanced(by: MQTTStatus.countsInterval)
        publishNow()
    }

    func publishNow() {
        var all = details
        all["broker"] = broker.description
        all["connections"] = String(connections)
        if excluded > 0 { all["excluded"] = String(excluded) }
        if unmatched > 0 { all["unmatched"] = String(unmatched) }
        if keepAliveReconnects > 0 { all["keep_alive_reconnects"] = String(keepAliveReconnects) }
        all["redelivery"] = redeliveryError
        if let brokerDropped {
            all["broker_dropped"] = String(brokerDropped)
            let here = brokerDropped &- min(brokerDropped, brokerDroppedAtFirst ?? brokerDropped)
            if here > 0 { all["broker_dropped_since_start"] = String(here) }
        }
        let state = InputState(isUp: isUp, text: text, details: all)
        guard state != published else { return }
        published = state
        box.set(state)
    }
}
