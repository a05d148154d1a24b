// The real daemon on a disk that fails and on a box whose power goes, at every file call of a short script.
import Foundation
import Platform
import Testing

extension EndToEndTests {
    @Suite("Faulty disk")
    struct DiskFaultTests {
        /// After a cut the process is gone by the shim's own hand.
        private static let judgeCut: @Sendable (Fault, DiskScript.Run) -> [String] = { _, run in
            run.status == SIGKILL ? [] : ["ended with \(run.status.map { "\($0)" } ?? "nothing"): \(run.output)"]
        }

        /// After a failed call the daemon has gone on to its ordinary end, or has ended with the code and the words
        /// that are documented; never by a trap, never later than that.
        private static let judgeFailure: @Sendable (Fault, DiskScript.Run) -> [String] = { fault, run in
            guard let status = run.status else { return ["hangs: \(run.output)"] }
            guard case .failure(_, let failure, let lasting) = fault, let call = run.disk.fault else { return [] }
            var findings: [String] = []
            if ![0, 73, 74, 77].contains(status) { findings.append("exit \(status): \(run.output)") }
            let isLog = call.name.hasSuffix(".log") || call.name.hasSuffix("partition.journal")
            if call.kind == "sync", isLog, status != 74 {
                findings.append("a failed sync, and exit \(status): \(run.output)")
            }
            if status != 0, failure == .short || failure == .interrupted {
                findings.append("the rest, or the same again, would have done, and exit \(status): \(run.output)")
            } else if status != 0 {
                let file = call.name.split(separator: "/").last.map(String.init) ?? ""
                let text = DiskFaultTests.text(failure)
                let isRegistry = call.name.hasPrefix("registry.sqlite")
                // Best effort: what failed with it is named instead.
                if call.name == "disk-failures" { return findings }
                // Where everything fails from then on, a later call may be what ended it.
                if !lasting, !run.output.contains(isRegistry ? "registry.sqlite" : file) {
                    findings.append("exit \(status) does not name \(call.name): \(run.output)")
                }
                if !isRegistry, !run.output.contains(text) {
                    findings.append("exit \(status) does not say \(text): \(run.output)")
                }
            }
            return findings
        }

        private static func text(_ failure: Failure) -> String {
            switch failure {
            case .noSpace: systemErrorText(ENOSPC)
            case .tooManyFiles: systemErrorText(EMFILE)
            default: systemErrorText(EIO)
            }
        }

        @Test("a power cut at any file call loses nothing that was seen", arguments: DiskScript.Beginning.allCases)
        func powerCut(_ beginning: DiskScript.Beginning) async throws {
            let sweep = DiskSweep(name: "power cut, \(beginning)", beginning: beginning, sample: 30)
            let verdict = try await sweep.run(plan: DiskSweep.cuts, judge: DiskFaultTests.judgeCut)
            #expect(verdict.injected == verdict.planned)
            #expect(verdict.verified == verdict.acknowledged)
            #expect(verdict.findings.isEmpty, "\(verdict.findings.joined(separator: "\n"))")
        }

        @Test("a file call that fails is survived, or ended with its name", arguments: DiskScript.Beginning.allCases)
        func failingCall(_ beginning: DiskScript.Beginning) async throws {
            let sweep = DiskSweep(name: "failing call, \(beginning)", beginning: beginning, sample: 20)
            let verdict = try await sweep.run(plan: DiskSweep.failures, judge: DiskFaultTests.judgeFailure)
            #expect(verdict.injected == verdict.planned)
            #expect(verdict.verified == verdict.acknowledged)
            #expect(verdict.findings.isEmpty, "\(verdict.findings.joined(separator: "\n"))")
        }

        @Test("a stop on a disk that stays full ends, and says how many payloads were not stored")
        func stopWhileFull() async throws {
            try await Workbench.use { bench in
                let script = try await DiskScript(bench, .first)
                let counted = try await script.run("")
                #expect(counted.status == 0 && !counted.output.contains("log_stopped"), "\(counted.output)")
                let first = try #require(
                    counted.disk.calls.firstIndex { $0.kind == "write" && $0.name.contains("readings-0/0") }
                )
                let fault = Fault.failure(at: first + 1, .noSpace, lasting: true)
                let run = try await script.run("\(fault) seed=1")
                #expect(run.status == 0, "\(run.output)")
                // All ten datagrams: while the input is held, nobody looks at the one that is no JSON either.
                #expect(
                    run.output.contains("(log_stopped), not durable when the log stopped: input lan: 10\n"),
                    "\(run.output)"
                )
                let lied = try await script.run("\(fault) lie=\(Lie.space.rawValue) seed=1")
                #expect(lied.status == 0 && !lied.output.contains("log_stopped"), "the bug is not planted")
            }
        }

        @Test("a registry that the disk does not let be opened is the disk's failure", arguments: [false, true])
        func registryOpen(lasting: Bool) async throws {
            try await Workbench.use { bench in
                let script = try await DiskScript(bench, .later)
                let calls = try await script.run("").disk.calls
                let opens = calls.indices.filter { calls[$0].kind == "open" && calls[$0].name == "registry.sqlite" }
                try #require(!opens.isEmpty)
                var failed = 0
                for index in opens {
                    let fault = Fault.failure(at: index + 1, .inputOutput, lasting: lasting)
                    let run = try await script.run("\(fault) seed=1")
                    #expect(run.status == 74 || (run.status == 0 && !lasting), "\(run.output)")
                    #expect(!run.output.contains("readonly"), "\(run.output)")
                    if run.status == 74 {
                        failed += 1
                        #expect(run.output.contains("registry.sqlite"), "\(run.output)")
                    }
                }
                #expect(failed > 0)
            }
        }

        @Test("an acknowledgement before the sync would be found")
        func plantedLie() async throws {
            let sweep = DiskSweep(name: "planted: no sync", beginning: .later, lie: .sync, sample: 4)
            let verdict = try await sweep.run(plan: DiskFaultTests.lateCuts, judge: { _, _ in [] })
            #expect(verdict.findings.contains { $0.contains("was seen") })
        }

        @Test("directories that are not synced would be found")
        func plantedDirectoryLie() async throws {
            let sweep = DiskSweep(name: "planted: no directory sync", beginning: .first, lie: .directory, sample: 4)
            let verdict = try await sweep.run(plan: DiskFaultTests.lateCuts, judge: { _, _ in [] })
            #expect(verdict.findings.contains { $0.contains("was seen") })
        }

        @Test("a sync that is tried again after it failed would be found")
        func plantedRetry() async throws {
            let sweep = DiskSweep(name: "planted: sync tried again", beginning: .later, lie: .retry, sample: 4)
            let verdict = try await sweep.run(
                plan: { calls in
                    DiskFaultTests.commits(calls).map { Fault.failure(at: $0 + 1, .clean, lasting: false) }
                },
                judge: DiskFaultTests.judgeFailure
            )
            #expect(verdict.findings.contains { $0.contains("was seen") || $0.contains("a failed sync, and exit 0") })
        }

        @Test("rules that are durably ahead of their alerts would be found")
        func plantedCursor() async throws {
            try await Workbench.use { bench in
                let script = try await DiskScript(bench, .first)
                for (lie, isFound) in [("", false), (" lie=\(Lie.alerts)", true)] {
                    // The script goes to its end, and then the power.
                    let run = try await script.run("end=\(Loss.all.rawValue) seed=1\(lie)")
                    #expect(run.status == 0 && run.seen["alerts"]?.isEmpty == false, "\(run.output)")
                    let (_, findings) = try await script.verify(run.seen)
                    #expect(findings.contains { $0.contains("0 alerts fired") } == isFound, "\(findings)")
                }
            }
        }

        /// Cuts that lose all, when there is something to lose.
        private static func lateCuts(_ calls: [DiskReport.Call]) -> [Fault] {
            commits(calls).dropFirst(3).map { Fault.cut(at: $0 + 1, .all) }
        }

        /// The syncs that make readings durable.
        private static func commits(_ calls: [DiskReport.Call]) -> [Int] {
            calls.indices.filter {
                calls[$0].kind == "sync" && calls[$0].count > 0 && calls[$0].name.contains("readings-0/")
                    && calls[$0].name.hasSuffix(".log")
            }
        }
    }
}
