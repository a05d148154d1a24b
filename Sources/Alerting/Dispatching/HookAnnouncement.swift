// Tells hooks of an alert that is in no log, because the log takes nothing.
package import Logging
package import Platform

package enum HookAnnouncement {
    /// Delivers `record` to every hook, none of which needs to run: until each has it or has refused it, or the task is
    /// cancelled. Repeated by every start that has the same to say.
    ///
    /// - `seed`: of the jitter.
    /// - `clock`: says how late an attempt is.
    package static func deliver(
        _ record: AlertRecord,
        to hooks: [HookSettings],
        origin: AlertOrigin,
        http: HookHTTP,
        clock: any Platform.Clock,
        logger: Logger,
        seed: UInt64
    ) async {
        await withTaskGroup(of: Void.self) { group in
            for settings in hooks {
                guard let made = HookRegistry.make(settings, http: http, origin: origin) else { continue }
                group.addTask {
                    if made.hook.beatInterval == nil {
                        await deliver(
                            record,
                            settings.name,
                            made.hook,
                            origin: origin,
                            clock: clock,
                            logger: logger,
                            seed: seed
                        )
                    }
                    await made.close()
                }
            }
        }
    }

    private static func deliver(
        _ record: AlertRecord,
        _ name: String,
        _ hook: any Hook,
        origin: AlertOrigin,
        clock: any Platform.Clock,
        logger: Logger,
        seed: UInt64
    ) async {
        let policy = HookRetryPolicy()
        var pauses = Backoff(first: policy.first, longest: policy.longest, seed: seed)
        while !Task.isCancelled {
            let payload = HookPayload(
                alerts: [HookAlert(record, offset: nil, at: clock)],
                receiver: name,
                origin: origin,
                idempotencyKey: "\(name):\(record.alert)-\(record.at.milliseconds)"
            )
            let outcome = await hook.deliver(payload)
            if outcome.verdict == .delivered { return }
            let error = outcome.error ?? "refused"
            logger.error(
                "alert not delivered",
                metadata: ["hook": "\(name)", "alert": "\(record.alert)", "error": "\(error)"]
            )
            guard outcome.verdict == .retry else { return }
            let wanted = outcome.retryAfter?.pause(at: clock.now()) ?? .zero
            do { try await Task.sleep(for: max(pauses.next(), wanted)) } catch { return }
        }
    }
}
