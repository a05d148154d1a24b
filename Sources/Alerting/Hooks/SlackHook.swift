// Hook type `slack`: a message through an incoming webhook; Mattermost and Rocket.Chat take the same.

struct SlackHook: Hook {
    private struct Message: Encodable {
        var text: String
        /// No markup: what a device calls itself shall not be bold.
        var mrkdwn = false
    }

    /// Slack advises 4,000 characters, and cuts at 40,000; escaped, a byte becomes five at most.
    private static let textBytesMax = 3900

    private let post: HookPost

    init?(_ settings: HookSettings, client: HookClient) {
        guard case .slack(let url) = settings.target else { return nil }
        post = HookPost(url: url, timeout: settings.timeout, client: client)
    }

    func deliver(_ payload: HookPayload) async -> HookOutcome {
        let message = HookMessage(payload.alerts, bytesMax: SlackHook.textBytesMax)
        let text = SlackHook.escaped("\(message.title)\n\(message.text)")
        return await post.send(json: Message(text: text), key: payload.idempotencyKey)
    }

    /// The three characters that begin links, mentions (`<!channel>`) and entities.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
