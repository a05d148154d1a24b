// Hook type `alertmanager`: the API v2 of Alertmanager, which holds an alert to be over unless it is told again.
internal import Foundation
internal import Rules

/// What fires is told without an end, so that Alertmanager's own `resolve_timeout` says for how long it believes that; the
/// worker repeats it well before (`resendInterval`).
struct AlertmanagerHook: Hook {
    /// `postableAlert` of the API's specification.
    private struct Alert: Encodable {
        var labels: [String: String]
        var annotations: [String: String]
        var startsAt: String
        /// Of a resolved alert.
        var endsAt: String?
        var generatorURL: String?
    }

    private let post: HookPost
    let resendInterval: Duration?

    init?(_ settings: HookSettings, client: HookClient) {
        guard case .alertmanager(let url, let headers, let interval) = settings.target else { return nil }
        let base = url.hasSuffix("/") ? String(url.dropLast()) : url
        post = HookPost(url: "\(base)/api/v2/alerts", headers: headers, timeout: settings.timeout, client: client)
        resendInterval = interval
    }

    func deliver(_ payload: HookPayload) async -> HookOutcome {
        let alerts = payload.alerts.map { alert in
            let shown = WebhookBody.Alert(alert, externalURL: payload.origin.externalURL ?? "")
            return Alert(
                labels: AlertmanagerHook.labels(shown.labels),
                annotations: shown.annotations.filter { !$0.value.isEmpty },
                startsAt: shown.startsAt,
                endsAt: alert.record.state == .resolved ? shown.endsAt : nil,
                generatorURL: shown.generatorURL.isEmpty ? nil : shown.generatorURL
            )
        }
        return await post.send(json: alerts, key: payload.idempotencyKey)
    }

    /// Names as Prometheus allows them, `[a-zA-Z_][a-zA-Z0-9_]*`: one wrong name would have all of the request refused.
    ///
    /// Of two that become the same, the one that was right before stays, else the first in the order of names.
    private static func labels(_ labels: [String: String]) -> [String: String] {
        var allowed: [String: String] = [:]
        for (name, value) in labels.sorted(by: { $0.key < $1.key }) where !value.isEmpty {
            let fitting = AlertmanagerHook.labelName(name)
            if allowed[fitting] == nil || fitting == name { allowed[fitting] = value }
        }
        return allowed
    }

    private static func labelName(_ name: String) -> String {
        var fitting = ""
        for scalar in name.unicodeScalars {
            let isLetter = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
            let isDigit = ("0"..."9").contains(scalar)
            if isDigit, fitting.isEmpty { fitting += "_" }
            fitting.unicodeScalars.append(isLetter || isDigit ? scalar : "_")
        }
        return fitting.isEmpty ? "_" : fitting
    }
}
