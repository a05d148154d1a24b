// The whole line under faults, seed by seed: `FOREBAY_SEEDS=1000` for the long form, `FOREBAY_SEED=n` for one seed.
import Glibc
import Testing

@Suite("Simulation", .serialized, .timeLimit(.minutes(10)))
struct SimulationTests {
    private static let seedsByDefault: UInt64 = 60

    private static func number(_ name: String) -> UInt64? {
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }

    @Test("keeps every promise under power cuts, full disks, failing disks and wrong clocks")
    func promises() throws {
        let one = SimulationTests.number("FOREBAY_SEED")
        let count = max(1, SimulationTests.number("FOREBAY_SEEDS") ?? SimulationTests.seedsByDefault)
        let verdict = Campaign.run(one.map { $0...$0 } ?? 1...count)
        for failure in verdict.failures.prefix(5) {
            Issue.record("seed \(failure.seed): \(failure.words)\nrepeat it with: make simulate SEED=\(failure.seed)")
        }
        print(verdict.json)
        let missed = verdict.faults.missed
        #expect(missed.isEmpty, "fewer faults were injected than planned")
        let isGood = verdict.isGood
        #expect(isGood)
    }

    @Test("runs of the same seed are the same", arguments: 1...4)
    func repeats(seed: UInt64) {
        let first = Campaign.report(seed)
        let second = Campaign.report(seed)
        #expect(first.trace == second.trace)
        #expect(first.events == second.events)
    }

    @Test("the planted bug would be noticed within a few seeds", arguments: PlantedBug.allCases)
    func notices(bug: PlantedBug) {
        let verdict = Campaign.run(1...60, bug: bug)
        print("planted \(bug.rawValue): \(verdict.failures.count) of \(verdict.seeds) seeds are red")
        #expect(!verdict.failures.isEmpty)
    }
}
