// What the demo learns from the daemon: alert edges and counters.
internal import Foundation
internal import Synchronization

/// The edges of topic `alerts` as they appear.
final class DemoAlerts: Sendable {
    private struct Line: Decodable {
        struct Alert: Decodable {
            var alert: String
            var state: String
            var device: String
            var metric: String
            var value: Double?
            var unit: String?
        }

        var value: Alert
    }

    private let states = Mutex<Set<String>>([])

    var hasFired: Bool { states.withLock { $0.contains("firing") } }
    var hasResolved: Bool { states.withLock { $0.contains("resolved") } }

    /// Remembers the edge of one record; gives the words for it, nil where the line is none.
    func note(_ line: Data) -> String? {
        guard let alert = try? JSONDecoder().decode(Line.self, from: line).value else { return nil }
        states.withLock { _ = $0.insert(alert.state) }
        let value = alert.value.map { " at \($0) \(alert.unit ?? "")" } ?? ""
        return "ALERT \(alert.alert) \(alert.state.uppercased()): \(alert.device) \(alert.metric)\(value)"
    }
}

/// The counters of all inputs, added up.
struct DemoCounts: Sendable {
    private var received = 0.0
    private var appended = 0.0
    private var rejected = 0.0
    private var dropped = 0.0

    /// Reads the daemon's metrics; nil where it does not answer.
    static func read(_ client: ControlClient) async -> DemoCounts? {
        guard let body = try? await client.get("/metrics") else { return nil }
        var counts = DemoCounts()
        for line in String(decoding: body, as: UTF8.self).split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else {
                continue
            }
            switch line.prefix(while: { $0 != "{" && $0 != " " }) {
            case "forebay_input_received_total": counts.received += value
            case "forebay_input_appended_total": counts.appended += value
            case "forebay_input_rejected_total": counts.rejected += value
            case "forebay_input_dropped_total": counts.dropped += value
            default: break
            }
        }
        return counts
    }

    /// Whether all that was received is accounted for.
    var isSettled: Bool { received == appended + rejected + dropped }

    var text: String {
        let parts = "\(Int(appended)) appended + \(Int(rejected)) rejected + \(Int(dropped)) dropped"
        let underway = Int(received - appended - rejected - dropped)
        return "\(Int(received)) payloads received = \(parts)" + (underway > 0 ? " + \(underway) on their way" : "")
    }
}
