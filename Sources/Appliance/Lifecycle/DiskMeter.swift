// How long the disk lasts at the growth of the last day.
internal import Platform
internal import Synchronization

/// Fed with the free space every few seconds by one task; read by anybody.
final class DiskMeter: Sendable {
    private struct Sample {
        var at: MonotonicInstant
        var free: Int64
    }

    /// Of the last day, ten minutes apart.
    private let samples = Mutex<[Sample]>([])

    func sample(free: Int64, at now: MonotonicInstant) {
        samples.withLock { samples in
            if let last = samples.last, now.since(last.at) < DiskMeter.interval { return }
            samples.append(Sample(at: now, free: free))
            samples.removeAll { now.since($0.at) > DiskMeter.window }
        }
    }

    /// Nil where space does not become less, or less than an hour was seen.
    func daysLeft(free: Int64, at now: MonotonicInstant) -> Double? {
        guard let first = samples.withLock({ $0.first }), first.free > free else { return nil }
        let seen = now.since(first.at)
        guard seen >= DiskMeter.seenMin else { return nil }
        return Double(free) / Double(first.free - free) * (seen / DiskMeter.window)
    }

    private static let interval = Duration.seconds(600)
    private static let window = Duration.days(1)
    private static let seenMin = Duration.seconds(3600)
}
