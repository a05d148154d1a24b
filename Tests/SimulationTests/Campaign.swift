// Many seeds on two threads, and what they came to: one line of JSON.
import Platform

struct Verdict {
    var seeds = 0
    var events = 0
    var crashes = 0
    var acknowledged = 0
    var verified = 0
    var faults = FaultCounts()
    /// Of all seeds together: equal in every process that runs the same ones.
    var trace: UInt64 = 0
    /// The first violations, by seed.
    var failures: [(seed: UInt64, words: String)] = []

    mutating func add(_ report: SeedReport, of seed: UInt64) {
        seeds += 1
        events += report.events
        crashes += report.crashes
        acknowledged += report.acknowledged
        verified += report.verified
        faults.add(report.faults)
        trace ^= report.trace
        if let violation = report.violation { failures.append((seed, violation + "\n" + report.traceTail)) }
    }

    /// Whether every promise held, and as many faults struck as were planned.
    var isGood: Bool { failures.isEmpty && faults.missed.isEmpty }

    var json: String {
        let injected = Fault.allCases.map { "\"\($0)\":\(faults.injected[$0.rawValue])" }.joined(separator: ",")
        let planned = Fault.allCases.map { "\"\($0)\":\(faults.planned[$0.rawValue])" }.joined(separator: ",")
        let effects = CrashEffect.allCases.map { "\"\($0)\":\(faults.effects[$0.rawValue])" }.joined(separator: ",")
        return "{\"simulation\":\"\(isGood ? "passed" : "failed")\",\"seeds\":\(seeds),\"events\":\(events),"
            + "\"crashes\":\(crashes),\"faults\":{\(injected)},\"planned\":{\(planned)},\"crash_effects\":{\(effects)},"
            + "\"acknowledged\":\(acknowledged),\"verified\":\(verified),\"failed_seeds\":\(failures.count),"
            + "\"trace\":\"\(String(trace, radix: 16))\"}"
    }
}

enum Campaign {
    private static let workers = 2

    /// Runs the seeds, each on one of two threads.
    static func run(_ seeds: ClosedRange<UInt64>, bug: PlantedBug? = nil) -> Verdict {
        struct Work {
            var next: UInt64
            var reports: [(seed: UInt64, report: SeedReport)] = []
        }
        let work = Condition(Work(next: seeds.lowerBound))
        let threads = (0..<workers).map { index in
            PlatformThread(name: "simulation-\(index)") {
                while true {
                    let seed = work.withLock { work -> UInt64? in
                        guard work.next <= seeds.upperBound else { return nil }
                        work.next += 1
                        return work.next - 1
                    }
                    guard let seed else { return }
                    let report = Campaign.report(seed, bug)
                    work.withLock { $0.reports.append((seed, report)) }
                }
            }
        }
        for thread in threads { thread.join() }
        var verdict = Verdict()
        for (seed, report) in work.withLock({ $0.reports }).sorted(by: { $0.seed < $1.seed }) {
            verdict.add(report, of: seed)
        }
        return verdict
    }

    static func report(_ seed: UInt64, _ bug: PlantedBug? = nil) -> SeedReport {
        do { return try Simulation(seed: seed, bug: bug).run() } catch {
            var report = SeedReport()
            report.violation = "\(error)"
            return report
        }
    }
}
