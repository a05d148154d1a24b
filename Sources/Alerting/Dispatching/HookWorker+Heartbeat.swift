// The hook that tells somebody outside that all is well here, and is missed when it is not.
internal import Platform

/// How the parts of the daemon are that readings and alerts go through.
package struct HookPulse: Hashable, Sendable {
    /// Grows while the log is written and its records can be read.
    package var progress: Int64
    /// What stands still, in words; nil where nothing does.
    package var problem: String?

    package init(progress: Int64, problem: String? = nil) {
        self.progress = progress
        self.problem = problem
    }
}

extension HookWorker {
    /// Calls the hook at every `interval` at which everything moves; until the task is cancelled.
    ///
    /// A call that fails is not repeated: the next one says the same, and its absence is what the receiver listens for.
    func beat(every interval: Duration) async {
        var last = around.pulse().progress
        var moved = around.clock.monotonic()
        while true {
            do { try await Task.sleep(for: interval) } catch { return }
            let pulse = around.pulse()
            let now = around.clock.monotonic()
            if pulse.progress != last { moved = now }
            last = pulse.progress
            let stillness = now.since(moved)
            var problem = pulse.problem
            if problem == nil, stillness >= AlertingLimits.stillMax {
                problem = "nothing was written for \(AlertSummary.words(stillness))"
            }
            if let problem {
                noteFailure("no heartbeat is sent: \(problem)") { _ in }
                continue
            }
            let key = "\(settings.name):beat-\(around.clock.now().milliseconds)"
            let outcome = await hook.deliver(payload([], key: key))
            if Task.isCancelled { return }
            if outcome.verdict == .delivered {
                noteSuccess()
            } else {
                noteFailure(outcome)
            }
        }
    }
}
