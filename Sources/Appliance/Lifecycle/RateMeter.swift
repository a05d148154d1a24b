// How many payloads a second each input receives, over the last minute.
internal import Ingest
internal import Platform
internal import Synchronization

/// Fed with counters every few seconds by one task; read by anybody.
final class RateMeter: Sendable {
    private struct Sample {
        var at: MonotonicInstant
        var received: UInt64
    }

    /// Of the last minute, by input; the oldest first.
    private let samples = Mutex<[String: [Sample]]>([:])

    func sample(_ views: [InputView], at now: MonotonicInstant) {
        samples.withLock { samples in
            var fresh: [String: [Sample]] = [:]
            for view in views {
                let name = view.configuration.name
                let before = samples[name, default: []].filter { now.since($0.at) <= RateMeter.window }
                fresh[name] = before + [Sample(at: now, received: view.counts.received)]
            }
            samples = fresh
        }
    }

    /// Payloads per second; 0 where there are no two samples yet.
    func rate(of input: String) -> Double {
        samples.withLock { samples in
            guard let first = samples[input]?.first, let last = samples[input]?.last, last.at > first.at,
                last.received > first.received
            else { return 0 }
            return Double(last.received - first.received) / (last.at.since(first.at) / .seconds(1))
        }
    }

    private static let window = Duration.seconds(60)
}
