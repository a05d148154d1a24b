// How many payloads a second each input receives, over the last few seconds.
internal import Ingest
internal import Platform
internal import Synchronization

/// Fed with counters every few seconds by one task; read by anybody.
final class RateMeter: Sendable {
    private struct Sample {
        var at: MonotonicInstant
        var received: UInt64
        var rate: Double
    }

    private let samples = Mutex<[String: Sample]>([:])

    func sample(_ views: [InputView], at now: MonotonicInstant) {
        samples.withLock { samples in
            var fresh: [String: Sample] = [:]
            for view in views {
                let received = view.counts.received
                var rate = 0.0
                if let last = samples[view.configuration.name], received >= last.received {
                    let seconds = Double(now.since(last.at).wholeNanoseconds) / 1e9
                    if seconds > 0 { rate = Double(received - last.received) / seconds }
                }
                fresh[view.configuration.name] = Sample(at: now, received: received, rate: rate)
            }
            samples = fresh
        }
    }

    /// Payloads per second between the last two samples.
    func rate(of input: String) -> Double {
        samples.withLock { $0[input]?.rate ?? 0 }
    }
}
