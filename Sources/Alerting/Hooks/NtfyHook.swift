// Hook type `ntfy`: a message to a topic of an ntfy server, as JSON (docs.ntfy.sh/publish, "Publish as JSON").
internal import Foundation
internal import Rules

/// ntfy shows title and message as plain text, so that nothing in them needs escaping beyond JSON's.
struct NtfyHook: Hook {
    private struct Message: Encodable {
        var topic: String
        var title: String
        var message: String
        /// 1 to 5.
        var priority: Int
        /// Names of emoji, shown before the title.
        var tags: [String]
        var click: String?
    }

    /// ntfy makes an attachment of what is longer than 4,096 bytes.
    private static let textBytesMax = 3900

    private let topic: String
    private let post: HookPost

    init?(_ settings: HookSettings, client: HookClient) {
        guard case .ntfy(let url, let topic, let headers) = settings.target else { return nil }
        self.topic = topic
        post = HookPost(url: url, headers: headers, timeout: settings.timeout, client: client)
    }

    func deliver(_ payload: HookPayload) async -> HookOutcome {
        let text = HookMessage(payload.alerts, bytesMax: NtfyHook.textBytesMax)
        let severity = payload.alerts.first?.record.severity ?? ""
        let isFiring = payload.alerts.contains { $0.record.state == .firing }
        let message = Message(
            topic: topic,
            title: text.title,
            message: text.text,
            priority: isFiring ? NtfyHook.priority(of: severity) : 3,
            tags: [isFiring ? "rotating_light" : "white_check_mark"],
            click: payload.origin.externalURL
        )
        return await post.send(json: message, key: payload.idempotencyKey)
    }

    private static func priority(of severity: String) -> Int {
        switch severity {
        case "critical": 5
        case "warning": 4
        case "info": 2
        default: 3
        }
    }
}
