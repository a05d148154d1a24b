// Sending dead letters again, because somebody asked for it.
internal import CommitLog
internal import Platform

/// What became of a hook's dead letters.
package struct DeadLetterResend: Hashable, Sendable {
    /// That reached the receiver now, and are no dead letters any more.
    package var delivered = 0
    /// That are left.
    package var left = 0
    /// Why they are.
    package var error: String?
}

extension HookWorker {
    /// The hook's dead letters, oldest first, as JSON.
    func deadLetters() throws -> [[UInt8]] {
        try letters.lines().filter { DeadLetter(json: $0) != nil }
    }

    /// One attempt for each, oldest first, with its own key, until one fails that may work later. Waits in line with the
    /// hook's other deliveries; whoever asks meanwhile gets the same answer.
    func resendDeadLetters() async -> DeadLetterResend {
        if let resending { return await resending.value }
        guard !isStopping else { return DeadLetterResend(error: "the hook is being stopped") }
        let task = Task { await resendAll() }
        resending = task
        let result = await task.value
        resending = nil
        return result
    }

    /// Gives up a resend that is on its way; there will be no other.
    func stopResending() async {
        isStopping = true
        resending?.cancel()
        _ = await resending?.value
    }

    private func resendAll() async -> DeadLetterResend {
        var result = DeadLetterResend()
        do {
            let lines = try letters.lines()
            result.left = lines.count
            guard !isDelivering else {
                result.error = "a delivery is on its way and comes first; \(state.lastError ?? "try again in a moment")"
                return result
            }
            var gone: Set<[UInt8]> = []
            var told: [String: Int64] = [:]
            for line in lines {
                guard let letter = DeadLetter(json: line) else {
                    result.error = "a line of the file is no dead letter"
                    continue
                }
                let outcome = await deliver(letter)
                if outcome.verdict == .delivered {
                    gone.insert(line)
                    for alert in letter.alerts { told[alert.fingerprint] = letter.offsets.last ?? -1 }
                    noteSuccess()
                } else {
                    result.error = outcome.error
                }
                if outcome.verdict == .retry || Task.isCancelled { break }
            }
            if let outcome = await tellNewer(than: told) { result.error = outcome.error }
            try letters.remove(gone)
            result.delivered = gone.count
            result.left -= gone.count
        } catch {
            result.error = String(describing: error)
        }
        return result
    }

    private func deliver(_ letter: DeadLetter) async -> HookOutcome {
        // Of another type of hook, a letter may hold more than this one takes at once.
        let size = hook.alertsPerDeliveryMax
        var outcome = HookOutcome.delivered(status: 0)
        for start in stride(from: 0, to: letter.alerts.count, by: size) {
            let part = letter.alerts[start..<min(start + size, letter.alerts.count)]
            let key = letter.alerts.count <= size ? letter.key : "\(letter.key)/\(start)"
            let offsets = letter.offsets.count == letter.alerts.count ? letter.offsets.map { Optional($0) } : nil
            let alerts = zip(part.indices, part).map { index, record in
                HookAlert(record, offset: offsets?[index], at: around.clock)
            }
            outcome = await hook.deliver(payload(alerts, key: key))
            guard outcome.verdict == .delivered else { break }
        }
        return outcome
    }

    /// A receiver that was told an old edge only now has to hear of the one that stands, which it was told before: else an
    /// alert that is over would fire there for ever.
    ///
    /// - Returns: the first attempt that failed; nil where there was none.
    private func tellNewer(than told: [String: Int64]) async -> HookOutcome? {
        for (fingerprint, offset) in told.sorted(by: { $0.value < $1.value }) {
            guard let entry = around.book.entry(fingerprint), entry.offset.value > offset,
                entry.offset < settledEnd, entry.record.goes(to: settings.name), !isHeld(entry)
            else { continue }
            let alert = HookAlert(entry.record, offset: entry.offset.value, at: around.clock)
            let key = "\(settings.name):\(entry.offset):again-\(around.clock.now().milliseconds)"
            let outcome = await hook.deliver(payload([alert], key: key))
            guard outcome.verdict == .delivered else { return outcome }
        }
        return nil
    }
}
