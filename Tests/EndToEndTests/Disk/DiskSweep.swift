// Every fault of a plan, one run of the script each, in a few lanes side by side.
import Foundation
import Platform
import Testing

/// A sweep over the file calls of the script.
struct DiskSweep {
    let name: String
    let beginning: DiskScript.Beginning
    var lie: Lie?
    /// How many faults of the plan are made, evenly over the calls from a place that the seed chooses; all of them under
    /// `make crash`.
    let sample: Int

    /// A run takes its time in waiting, not in computing.
    private static let lanes = 4
    /// Two runs differ in a few calls; one that was over before its fault is repeated with the fault a little earlier.
    private static let attempts = 40

    static let isComplete = ProcessInfo.processInfo.environment["FOREBAY_ROUNDS"] != nil

    /// Power cuts before or in the middle of everything that changes or syncs something, in every loss mode.
    static func cuts(_ calls: [DiskReport.Call]) -> [Fault] {
        calls.indices.filter { calls[$0].kind != "open" && calls[$0].kind != "close" }.flatMap { index in
            Loss.allCases.map { Fault.cut(at: index + 1, $0) }
        }
    }

    /// Every call, failed in every way that its kind can fail in, once and for good.
    static func failures(_ calls: [DiskReport.Call]) -> [Fault] {
        calls.indices.flatMap { index in
            Failure.allCases.filter { $0.applies(to: calls[index].kind) }.flatMap { failure in
                (failure.canLast ? [false, true] : [false]).map {
                    Fault.failure(at: index + 1, failure, lasting: $0)
                }
            }
        }
    }

    func run(
        plan: ([DiskReport.Call]) -> [Fault],
        judge: @escaping @Sendable (Fault, DiskScript.Run) -> [String]
    ) async throws -> SweepVerdict {
        var random = TestRandom()
        var verdict = SweepVerdict(sweep: name, seed: random.seed)
        let benches = try (0..<DiskSweep.lanes).map { _ in try Workbench() }
        defer { for bench in benches { bench.close() } }
        var scripts: [DiskScript] = []
        for bench in benches { scripts.append(try await DiskScript(bench, beginning)) }
        let counted = try await scripts[0].run("")
        try #require(counted.status == 0, "\(counted.output)")
        var faults = plan(counted.disk.calls)
        if !DiskSweep.isComplete, faults.count > sample {
            let first = Int.random(in: 0..<faults.count / sample, using: &random)
            faults = (0..<sample).map { faults[first + $0 * faults.count / sample] }
        }
        faults.shuffle(using: &random)
        verdict.planned = faults.count
        let seed = random.seed
        let queue = FaultQueue(faults)
        try await withThrowingTaskGroup(of: SweepVerdict.self) { group in
            for script in scripts {
                group.addTask {
                    var sum = SweepVerdict(sweep: "", seed: seed)
                    while let fault = queue.next() {
                        sum.add(try await one(fault, script, seed: seed, judge: judge))
                    }
                    return sum
                }
            }
            for try await part in group { verdict.add(part) }
        }
        try verdict.report()
        return verdict
    }

    private func one(
        _ fault: Fault,
        _ script: DiskScript,
        seed: UInt64,
        judge: (Fault, DiskScript.Run) -> [String]
    ) async throws -> SweepVerdict {
        var verdict = SweepVerdict(sweep: "", seed: seed)
        for attempt in 0..<DiskSweep.attempts {
            let settings = "\(fault.earlier(by: attempt)) seed=\(seed)" + (lie.map { " lie=\($0.rawValue)" } ?? "")
            let run = try await script.run(settings)
            guard run.disk.fault != nil else { continue }
            verdict.injected = 1
            verdict.acknowledged = run.seen.values.reduce(0) { $0 + $1.count }
            let (verified, findings) = try await script.verify(run.seen)
            verdict.verified = verified
            verdict.findings = (judge(fault, run) + findings).map { finding in
                let call = run.disk.fault.map { "\($0.kind) \($0.name)" } ?? ""
                return "\(beginning.rawValue) \(settings) (\(call)): \(finding)"
            }
            break
        }
        return verdict
    }
}

/// What is still to be done, for several lanes.
final class FaultQueue: @unchecked Sendable {
    // Sendable: the lock guards the list.
    private let lock = NSLock()
    private var faults: [Fault]

    init(_ faults: [Fault]) { self.faults = faults }

    func next() -> Fault? { lock.withLock { faults.popLast() } }
}
