// What a hook is: one way of delivering alerts, told whether it worked.

/// What is delivered. A retry carries the same again.
package struct HookPayload: Hashable, Sendable {
    /// The webhook body of CONTRACT section 5, JSON.
    package var body: [UInt8]
    /// Names the delivery: hook and offsets.
    package var idempotencyKey: String

    package init(body: [UInt8], idempotencyKey: String) {
        self.body = body
        self.idempotencyKey = idempotencyKey
    }
}

/// How one attempt ended.
package struct HookOutcome: Hashable, Sendable {
    package enum Verdict: Hashable, Sendable {
        case delivered
        /// It may work later: the same delivery is tried again, for ever.
        case retry
        /// It never will as it is: to the dead letters.
        case refused
    }

    package var verdict: Verdict
    /// HTTP status or exit code; nil where it did not come to that.
    package var status: Int?
    /// Why it was not delivered, in words.
    package var error: String?

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
}

/// Where and how a hook delivers. A new type of hook is a further case.
package enum HookTarget: Hashable, Sendable {
    /// `url` and header values may hold secrets: they appear in no message.
    case webhook(url: String, headers: [String: String])
    /// Absolute path of a program, and its arguments.
    case exec(command: [String])
}

/// One entry of `hooks`.
package struct HookSettings: Hashable, Sendable {
    /// Letters, digits, `-` and `_`: also the name of its cursor file.
    package var name: String
    package var target: HookTarget
    /// Of one attempt.
    package var timeout: Duration

    package init(name: String, target: HookTarget, timeout: Duration = .seconds(10)) {
        self.name = name
        self.target = target
        self.timeout = timeout
    }
}
