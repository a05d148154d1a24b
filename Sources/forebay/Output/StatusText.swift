// The status as people read it.
import EventModel
import Appliance
import Foundation
import HTTPAPI
import Platform

struct StatusText {
    private let status: StatusDocument

    init(_ status: StatusDocument) {
        self.status = status
    }

    var text: String {
        var lines = [
            "\(Console.bold(status.box))  forebay \(status.version)  \(status.state.rawValue)  up \(uptime)  "
                + "clock \(status.clockSynchronised ? "synchronised" : "not synchronised")"
        ]
        lines += status.problems.map { Console.red("  ! \(Table.printable($0))") }
        lines.append("")
        lines.append(inputs)
        lines += rejects
        lines.append("")
        lines.append(
            "devices  \(status.devices.new) new, \(status.devices.active) active, \(status.devices.blocked) blocked"
        )
        if !status.devices.newest.isEmpty {
            lines.append("         new: \(Table.printable(status.devices.newest.joined(separator: ", ")))")
        }
        lines.append("alerts   \(status.alerts.firing.count) firing, \(status.alerts.pending) pending")
        for alert in status.alerts.firing {
            let summary = alert["summary"]?.text ?? alert["alert"]?.text ?? ""
            lines.append("         " + Console.red(Table.printable(summary)))
        }
        for hook in status.hooks { lines.append("hook     \(Table.printable(line(hook)))") }
        lines.append("disk     \(disk)")
        return lines.joined(separator: "\n")
    }

    private var inputs: String {
        var table = Table([
            "INPUT", "TYPE", "UP", "RATE/S", "RECEIVED", "APPENDED", "REJECTED", "DROPPED", "LAST", "STATE",
        ])
        for input in status.inputs {
            let rejected = input.rejected.reduce(0) { $0 + $1.count }
            table.add([
                input.name, input.type, input.connected ? "yes" : "no", String(format: "%.1f", input.rate),
                "\(input.received)", "\(input.appended)", "\(rejected)", "\(input.dropped)",
                input.lastPayload.map { "\(age($0.timestamp.milliseconds)) ago" } ?? "never", input.detail ?? "",
            ])
        }
        return table.text()
    }

    private var rejects: [String] {
        status.inputs.flatMap { input in
            input.rejected.flatMap { reject in
                var lines = ["  \(input.name): \(reject.count) x \(reject.reason)"]
                if let sample = reject.sample { lines.append("    last: \(Table.printable(sample))") }
                if let hint = reject.hint { lines.append("    try:  \(hint)") }
                return lines
            }
        }
    }

    private func line(_ hook: HookStatus) -> String {
        let success = hook.lastSuccess.map { "last success \(age($0.timestamp.milliseconds)) ago" } ?? "no success yet"
        let error = hook.lastError.map { "; \($0)" } ?? ""
        return
            "\(hook.name) (\(hook.type))  \(hook.delivered) delivered, \(hook.failed) failed, \(hook.lag) waiting, \(success)\(error)"
    }

    private var disk: String {
        let disk = status.disk
        var parts = ["\(size(disk.freeBytes)) free of \(size(disk.sizeBytes))", "log \(size(disk.logBytes))"]
        if let days = disk.daysLeft {
            parts.append("\(days < 1 ? "less than 1" : "\(Int(min(days, 36_500)))") days left")
        }
        if let bytes = disk.writtenBytesPerEvent { parts.append("\(size(Int64(bytes))) written per event") }
        if let days = disk.cardDaysLeft { parts.append("a new card lasts \(years(days))") }
        return parts.joined(separator: ", ")
    }

    private func years(_ days: Double) -> String {
        switch days {
        case ..<60: "\(Int(days)) days"
        case ..<730: "\(Int(days / 30.4)) months"
        case ..<36_500: "\(Int(days / 365)) years"
        default: "over 100 years"
        }
    }

    private var uptime: String { age(status.started.timestamp.milliseconds) }

    private func age(_ milliseconds: Int64) -> String {
        let seconds = max(0, (status.time.timestamp.milliseconds - milliseconds) / 1000)
        switch seconds {
        case ..<120: return "\(seconds) s"
        case ..<7200: return "\(seconds / 60) min"
        case ..<172_800: return "\(seconds / 3600) h"
        default: return "\(seconds / 86_400) d"
        }
    }

    private func size(_ bytes: Int64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(bytes)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(bytes) B" : String(format: "%.1f ", value) + units[unit]
    }
}
