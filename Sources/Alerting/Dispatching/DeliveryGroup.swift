// Which alerts go out together.
internal import CommitLog
internal import Rules

/// Collects records in offset order until one comes that belongs into the next delivery.
///
/// One rule, one state, each alert at most once: a receiver never has to guess which of two states is the newer.
struct DeliveryGroup {
    /// What is to be done with a record.
    enum Taking {
        case tell
        /// It is not told, because it was over before the receiver could be.
        case collapse
        /// It is none of this hook's, or is told another time.
        case pass
    }

    private let countMax: Int
    private(set) var offsets: [Offset] = []
    /// Edges that are not told, because they were over before the receiver could be.
    private(set) var collapsed: UInt64 = 0
    /// The record that was offered last is not part of it, and nothing after it will be.
    private(set) var isClosed = false
    private var alert: String?
    private var state: AlertState?
    private var fingerprints: Set<String> = []

    init(countMax: Int) {
        self.countMax = countMax
    }

    /// Records that are no alerts are stepped over; so are edges that `decide` does not want to be told.
    mutating func take(_ record: Record, _ decide: (AlertRecord, Offset) -> Taking) {
        guard let value = record.value, let edge = AlertRecord(json: value) else { return }
        // What is decided of an alert may rest on its edge before: that one is told first.
        guard !fingerprints.contains(edge.fingerprint) else {
            isClosed = true
            return
        }
        switch decide(edge, record.offset) {
        case .tell: break
        case .collapse:
            collapsed += 1
            return
        case .pass: return
        }
        let isFitting = alert == nil || (alert == edge.alert && state == edge.state)
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
