// Hook type `webhook`: an HTTP POST of Alertmanager's body.

struct WebhookHook: Hook {
    private let post: HookPost

    init?(_ settings: HookSettings, client: HookClient) {
        guard case .webhook(let url, let headers, let secret) = settings.target else { return nil }
        post = HookPost(url: url, headers: headers, secret: secret, timeout: settings.timeout, client: client)
    }

    func deliver(_ payload: HookPayload) async -> HookOutcome {
        await post.send(json: WebhookBody(payload), key: payload.idempotencyKey)
    }
}
