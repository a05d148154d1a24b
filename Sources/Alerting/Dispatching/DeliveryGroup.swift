// Which alerts go out together.
internal import CommitLog
internal import Rules

/// Collects records in offset order until one comes that belongs into the next delivery.
///
/// One rule, one state, each alert at most once: a receiver never has to guess which of two states is the newer.
struct DeliveryGroup {
    private let hook: String
    private let countMax: Int
    private(set) var offsets: [Offset] = []
    /// Edges that are not told, because they were over before the receiver could be.
    private(set) var collapsed: UInt64 = 0
    /// The record that was offered last is not part of it, and nothing after it will be.
    private(set) var isClosed = false
    private var alert: String?
    private var state: AlertState?
    private var fingerprints: Set<String> = []

    init(hook: String, countMax: Int) {
        self.hook = hook
        self.countMax = countMax
    }

    /// Records for other hooks, and those that are no alerts, are stepped over; so are edges for which `isCollapsed` says
    /// that the one which ended them is told in their place.
    mutating func take(_ record: Record, _ isCollapsed: (AlertRecord, Offset) -> Bool) {
        guard let value = record.value, let edge = AlertRecord(json: value), edge.goes(to: hook) else { return }
        if isCollapsed(edge, record.offset) {
            collapsed += 1
            return
        }
        let isFitting =
            alert == nil || (alert == edge.alert && state == edge.state && !fingerprints.contains(edge.fingerprint))
        guard isFitting, offsets.count < countMax else {
            isClosed = true
            return
        }
        alert = edge.alert
        state = edge.state
        fingerprints.insert(edge.fingerprint)
        offsets.append(record.offset)
    }
}
