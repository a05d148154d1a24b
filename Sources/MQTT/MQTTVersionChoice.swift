// Which MQTT version the next connection attempt speaks.
internal import CMosquitto

/// Version 5 first, 3.1.1 where the broker does not know it. A pure state machine.
package struct MQTTVersionChoice: Sendable {
    private let configured: MQTTProtocol
    /// What to try next.
    package private(set) var next: MQTTProtocol
    /// Attempts in a row that ended before CONNACK without the broker saying why.
    private var unexplained = 0
    /// That 3.1.1 is tried follows from silence alone.
    private var isGuess = false

    package init(_ configured: MQTTProtocol) {
        self.configured = configured
        next = configured == .auto ? .version5 : configured
    }

    package mutating func noteSuccess(_ version: MQTTProtocol) {
        unexplained = 0
        // A guess holds for one connection: the broker may have been starting, and know version 5.
        next = isGuess ? .version5 : version
        isGuess = false
    }

    /// The attempt ended with `error` before the broker had accepted it.
    package mutating func noteRefusal(_ error: MosquittoError) {
        guard configured == .auto else { return }
        // A 5.0 broker answers 132 in its own format, an older one 1 in the older format, which reads as 132 too.
        if error.code == Int32(MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION.rawValue), next == .version5 {
            next = .version311
            isGuess = false
            unexplained = 0
        } else if error.code == Int32(MOSQ_ERR_CONN_LOST.rawValue) {
            noteSilence()
        }
    }

    /// The broker closed or kept silent. Some old ones do that to what they do not know; so does a broker that is just
    /// starting, so one such attempt proves nothing.
    package mutating func noteSilence() {
        guard configured == .auto else { return }
        unexplained += 1
        guard unexplained >= 2 else { return }
        unexplained = 0
        next = next == .version5 ? .version311 : .version5
        isGuess = next == .version311
    }
}
