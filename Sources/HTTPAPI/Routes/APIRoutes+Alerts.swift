// Alerts over HTTP.
internal import Hummingbird

extension APIRoutes {
    /// As many transitions as one answer carries.
    private static let historyMax = 1_000_000

    func addAlerts(to router: Router) {
        router.get("/api/v1/alerts") { [providers] request, _ in
            let query = try QueryReader(request, known: ["state", "alert", "device", "severity"])
            let state = try query.text("state")
            guard state == nil || state == "pending" || state == "firing" else {
                throw APIFailure(.badRequest, "`state` is pending or firing", hint: "past ones: /api/v1/alerts/history")
            }
            let alerts = try await providers.alerts.alerts(
                AlertQuery(
                    state: state,
                    alert: try query.text("alert"),
                    device: try query.text("device"),
                    severity: try query.text("severity")
                )
            )
            return try Response.json(AlertsDocument(alerts: alerts))
        }
        router.get("/api/v1/alerts/history") { [providers] request, _ in
            let query = try QueryReader(request, known: ["from", "to", "alert", "device", "fingerprint", "max"])
            let lines = try await providers.alerts.history(
                AlertHistoryQuery(
                    from: try query.position("from"),
                    to: try query.position("to"),
                    alert: try query.text("alert"),
                    device: try query.text("device"),
                    fingerprint: try query.text("fingerprint"),
                    count: try query.integer("max", in: 1...Self.historyMax)
                )
            )
            return Response.lines(lines, to: request, endless: false)
        }
        router.get("/api/v1/alerts/{fingerprint}") { [providers] _, context in
            try Response.json(try await providers.alerts.alert(context.pathPart("fingerprint")))
        }
        router.get("/api/v1/silences") { [providers] _, _ in
            try Response.json(try await providers.alerts.silences())
        }
        guard surface == .control else { return }
        router.post("/api/v1/alerts/ack") { [providers] request, _ in
            let body = try await request.document(AcknowledgementRequest.self)
            return try Response.json(try await providers.actions.acknowledge(body))
        }
        router.post("/api/v1/silences") { [providers] request, _ in
            let body = try await request.document(SilenceRequest.self)
            return try Response.json(try await providers.actions.silence(body))
        }
        router.post("/api/v1/silences/end") { [providers] request, _ in
            let body = try await request.document(SilenceEndRequest.self)
            return try Response.json(try await providers.actions.endSilences(body))
        }
    }
}
