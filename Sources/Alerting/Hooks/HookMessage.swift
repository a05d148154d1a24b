// A delivery in words, for receivers that show text to people.
internal import Platform
internal import Rules

/// Plain text: what a device or a rule put into it is escaped by the hook, for the receiver that it knows.
struct HookMessage: Hashable {
    /// `FreezerTooWarm firing`, `FreezerTooWarm resolved: 3 alerts`.
    let title: String
    /// The summaries, a line or more each; one that comes late says so.
    let text: String

    /// - Parameters:
    ///   - alerts: of one rule and one state; at least one.
    ///   - bytesMax: of `text`, in UTF-8; what does not fit is counted in its last line.
    init(_ alerts: [HookAlert], bytesMax: Int) {
        let name = alerts.first?.record.alert ?? ""
        let state = alerts.contains { $0.record.state == .firing } ? "firing" : "resolved"
        title = HookText.oneLine(Array("\(name) \(state)\(alerts.count == 1 ? "" : ": \(alerts.count) alerts")".utf8))
        var text = ""
        for (index, alert) in alerts.enumerated() {
            let late = alert.delayed.map { " (told \(AlertSummary.words($0)) late)" } ?? ""
            let line = HookText.cut(HookText.plain(alert.record.summary), bytesMax: bytesMax - 160) + late
            guard text.utf8.count + line.utf8.count + 32 <= bytesMax else {
                text += "\n… and \(alerts.count - index) more"
                break
            }
            text += (index == 0 ? "" : "\n") + line
        }
        self.text = text
    }
}
