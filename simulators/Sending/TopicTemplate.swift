// MQTT topics of the fleet, made once.

/// The topic of every device and metric, as C wants them: UTF-8 with a zero at the end.
struct TopicTable {
    private let topics: [[CChar]]

    /// Fills in `{device}`, `{metric}` and `{line}` of `template`.
    init(template: String, fleet: [Device]) {
        topics = fleet.flatMap { device in
            [device.kind.first, device.kind.second ?? device.kind.first].map { metric in
                Self.filled(template, device: device, metric: metric)
            }
        }
    }

    private static func filled(_ template: String, device: Device, metric: Metric) -> [CChar] {
        let values = [
            ("{device}", String(decoding: device.name, as: UTF8.self)),
            ("{metric}", "\(metric.name)"),
            ("{line}", String(decoding: [device.line], as: UTF8.self)),
        ]
        var text = template
        for (name, value) in values {
            text = text.split(separator: name, omittingEmptySubsequences: false).joined(separator: value)
        }
        return Array(text.utf8CString)
    }

    /// The topic of one device; `metric` is 0 or 1.
    func topic(device: Int, metric: Int) -> [CChar] {
        topics[device * 2 + metric]
    }

    /// Whether `template` is a topic that can be published to once it is filled in.
    static func isValid(_ template: String) -> Bool {
        let names = ["{device}", "{metric}", "{line}"]
        let rest = names.reduce(template) { $0.split(separator: $1, omittingEmptySubsequences: false).joined() }
        return !template.isEmpty && template.utf8.count <= 1024 && !rest.contains { "#+{}\0".contains($0) }
    }
}
