// Hook type `heartbeat`: calls a URL again and again; it gets no alerts.

/// A GET, as services that watch for the absence of such calls expect it.
struct HeartbeatHook: Hook {
    private let request: HookPost
    let beatInterval: Duration?

    init?(_ settings: HookSettings, client: HookClient) {
        guard case .heartbeat(let url, let interval) = settings.target else { return nil }
        request = HookPost(url: url, timeout: settings.timeout, client: client)
        beatInterval = interval
    }

    func deliver(_ payload: HookPayload) async -> HookOutcome {
        await request.get(key: payload.idempotencyKey)
    }
}
