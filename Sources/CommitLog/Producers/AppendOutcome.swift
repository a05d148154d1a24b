// What became of a batch whose producer numbers its batches, or of any other.

/// The log writer's verdict on one batch. All but `appended` left it out of the commit.
package enum AppendOutcome: Hashable, Sendable {
    /// Stored; the offset of its first record.
    case appended(Offset)
    /// The same batch was stored before: the offset that it has there. As good as appended.
    case duplicate(Offset)
    /// A batch before it is missing, or it is an older one than can be recognised (OUT_OF_ORDER_SEQUENCE_NUMBER).
    case outOfOrderSequence
    /// Another producer has taken over the id with a newer epoch (INVALID_PRODUCER_EPOCH).
    case fencedEpoch

    static let unknown: Int64 = -1
    private static let outOfOrderCode: Int64 = -2
    private static let fencedCode: Int64 = -3
    /// A duplicate of offset 0; that of offset n is n less.
    private static let duplicateCode: Int64 = -4

    /// In one number, for an atomic: appended offsets as they are, everything else below 0.
    var code: Int64 {
        switch self {
        case .appended(let offset): offset.value
        case .duplicate(let offset): AppendOutcome.duplicateCode &- offset.value
        case .outOfOrderSequence: AppendOutcome.outOfOrderCode
        case .fencedEpoch: AppendOutcome.fencedCode
        }
    }

    /// nil where nothing is known yet.
    init?(code: Int64) {
        switch code {
        case 0...: self = .appended(Offset(code))
        case AppendOutcome.unknown: return nil
        case AppendOutcome.outOfOrderCode: self = .outOfOrderSequence
        case AppendOutcome.fencedCode: self = .fencedEpoch
        default: self = .duplicate(Offset(AppendOutcome.duplicateCode &- code))
        }
    }
}
