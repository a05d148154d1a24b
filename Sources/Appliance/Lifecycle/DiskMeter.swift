// How long the disk lasts: until it is full, at the growth of the last day, and until it is worn, at what is written to it.
package import Platform
internal import Synchronization

/// Fed every few seconds by one task; read by anybody.
package final class DiskMeter: Sendable {
    /// What the kernel says at one moment.
    package struct Sample {
        package var at: MonotonicInstant
        /// Bytes free on the file system.
        package var free: Int64
        /// Bytes written to the device since boot; nil where nobody knows.
        package var deviceWritten: Int64?

        package init(at: MonotonicInstant, free: Int64, deviceWritten: Int64?) {
            self.at = at
            self.free = free
            self.deviceWritten = deviceWritten
        }
    }

    /// Of the last day, ten minutes apart.
    private let samples = Mutex<[Sample]>([])

    package init() {}

    package func add(_ sample: Sample) {
        samples.withLock { samples in
            if let last = samples.last, sample.at.since(last.at) < DiskMeter.interval { return }
            samples.append(sample)
            samples.removeAll { sample.at.since($0.at) > DiskMeter.window }
        }
    }

    /// Until the file system is full; nil where space does not become less, or less than an hour was seen.
    package func daysLeft(_ now: Sample) -> Double? {
        guard let (first, days) = past(now), first.free > now.free else { return nil }
        return Double(now.free) / Double(first.free - now.free) * days
    }

    /// What the device is given in a day; nil where less than an hour was seen, or the kernel does not say.
    package func deviceBytesPerDay(_ now: Sample) -> Double? {
        guard let (first, days) = past(now), let written = now.deviceWritten, let before = first.deviceWritten,
            written >= before
        else { return nil }
        return Double(written - before) / days
    }

    /// The oldest sample of the last day, and how many days ago it was taken.
    private func past(_ now: Sample) -> (Sample, days: Double)? {
        guard let first = samples.withLock({ $0.first }) else { return nil }
        let seen = now.at.since(first.at)
        return seen < DiskMeter.seenMin ? nil : (first, seen / DiskMeter.window)
    }

    private static let interval = Duration.seconds(600)
    private static let window = Duration.days(1)
    private static let seenMin = Duration.seconds(3600)
}
