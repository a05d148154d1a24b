// What a hook is: one way of delivering alerts, told whether it worked.
package import MQTT
internal import Platform

/// An edge of an alert on its way to a receiver.
package struct HookAlert: Hashable, Sendable {
    var record: AlertRecord
    /// In topic `alerts`; nil where the log does not hold it.
    var offset: Int64?
    /// From the edge to this attempt, where that is late; nil where it is not, or no clock can say.
    var delayed: Duration?
    /// How often it was told before, where it is told again; nil at first.
    var repeated: Int?

    /// `clock`: of the moment of the attempt.
    init(_ record: AlertRecord, offset: Int64?, at clock: any Clock) {
        self.record = record
        self.offset = offset
        let age = HookAlert.age(of: record, at: clock)
        delayed = age.flatMap { $0 >= AlertingLimits.lateAfter ? $0 : nil }
    }

    /// nil where the clock is not right, or was not when the edge was stored: the distance would be that of its step.
    static func age(of record: AlertRecord, at clock: any Clock) -> Duration? {
        guard clock.quality() == .synchronised, record.at >= SystemClock.earliestBelievable else { return nil }
        return clock.now().since(record.at)
    }
}

/// What is delivered. A retry carries the same alerts under the same key; only how late they are, and for how long
/// nobody has acknowledged them, may have changed.
package struct HookPayload: Hashable, Sendable {
    /// Edges of one rule and one state; at least one.
    let alerts: [HookAlert]
    /// The hook's name.
    let receiver: String
    let origin: AlertOrigin
    /// Names the delivery: hook and offsets.
    let idempotencyKey: String
}

/// How one attempt ended.
package struct HookOutcome: Hashable, Sendable {
    package enum Verdict: Hashable, Sendable {
        case delivered
        /// It may work later: the same delivery is tried again, for as long as the hook's `retryFor` says.
        case retry
        /// It never will as it is: to the dead letters.
        case refused
    }

    package var verdict: Verdict
    /// HTTP status or exit code; nil where it did not come to that.
    package var status: Int?
    /// Why it was not delivered, in words.
    package var error: String?
    /// When the receiver wants the next attempt, where it said so.
    package var retryAfter: RetryAfter?

    package static func delivered(status: Int) -> HookOutcome {
        HookOutcome(verdict: .delivered, status: status, error: nil)
    }

    package static func retry(status: Int? = nil, _ error: String) -> HookOutcome {
        HookOutcome(verdict: .retry, status: status, error: error)
    }

    package static func refused(status: Int?, _ error: String) -> HookOutcome {
        HookOutcome(verdict: .refused, status: status, error: error)
    }
}

/// One receiver. `deliver` makes one attempt, returns within the hook's timeout, and never throws: a failure is an outcome.
package protocol Hook: Sendable {
    func deliver(_ payload: HookPayload) async -> HookOutcome
    /// Alerts that the receiver takes at once.
    var alertsPerDeliveryMax: Int { get }
    /// How often what fires is told again, for a receiver that forgets; nil: once is enough.
    var resendInterval: Duration? { get }
    /// How often it is called while all is well, and of nothing else; nil for hooks that get alerts.
    var beatInterval: Duration? { get }
    /// Gives back what it holds; the last call, exactly once, when no delivery is on its way.
    func close() async
}

extension Hook {
    package var alertsPerDeliveryMax: Int { AlertingLimits.alertsPerDeliveryMax }
    package var resendInterval: Duration? { nil }
    package var beatInterval: Duration? { nil }
    package func close() async {}
}

/// Where and how a hook delivers. A new type of hook is a further case.
package enum HookTarget: Hashable, Sendable {
    /// `url` and header values may hold secrets: they appear in no message. `secret`: signs the body.
    case webhook(url: String, headers: [String: String], secret: String? = nil)
    /// Absolute path of a program, and its arguments.
    case exec(command: [String])
    /// `url`: of the server. Whoever knows the topic may read it.
    case ntfy(url: String, topic: String, headers: [String: String])
    /// The whole of `url` is a secret.
    case slack(url: String)
    case pagerduty(url: String, routingKey: String)
    case heartbeat(url: String, interval: Duration)
    /// Absolute path of a program that takes sendmail's arguments, the sender's address and those of the recipients.
    case email(sendmail: String, from: String, to: [String])
    /// `url`: of the server, to which the API's path is added.
    case alertmanager(url: String, headers: [String: String], resendInterval: Duration)
    case mqtt(MQTTHookTarget)
}

/// Where a hook of type `mqtt` publishes.
package struct MQTTHookTarget: Hashable, Sendable {
    package var connection: MQTTConnectionSettings
    /// The first levels of its topics, as `MQTTTopic.isPrefix` has them.
    package var topic: String
    /// The first levels of Home Assistant's topics of discovery; nil: there is none.
    package var discoveryPrefix: String?

    package init(connection: MQTTConnectionSettings, topic: String, discoveryPrefix: String? = nil) {
        self.connection = connection
        self.topic = topic
        self.discoveryPrefix = discoveryPrefix
    }
}

/// How hooks that speak HTTP connect, beyond what all have in common.
package struct HookTransport: Hashable, Sendable {
    /// Absolute paths of PEM files, read before each attempt: what the receiver's certificate must descend from in place of
    /// the system's authorities, and what the box shows of itself.
    package var caFile: String?
    package var certificateFile: String?
    package var keyFile: String?
    /// How many redirects of one attempt are followed.
    package var redirectsMax = 0

    package init() {}

    /// Whether it needs certificates of its own.
    var hasFiles: Bool { caFile != nil || certificateFile != nil }
}

/// One entry of `hooks`.
package struct HookSettings: Hashable, Sendable {
    /// Letters, digits, `-` and `_`: also the name of its cursor file.
    package var name: String
    package var target: HookTarget
    /// Of one attempt.
    package var timeout: Duration
    /// Older than this, or tried for so long, a delivery that fails once more is given up.
    package var retryFor: Duration
    package var transport: HookTransport

    package init(
        name: String,
        target: HookTarget,
        timeout: Duration = .seconds(10),
        retryFor: Duration = AlertingLimits.retryFor,
        transport: HookTransport = HookTransport()
    ) {
        self.name = name
        self.target = target
        self.timeout = timeout
        self.retryFor = retryFor
        self.transport = transport
    }
}
