// Tells hooks of an alert that is in no log, because the log takes nothing.
package import AsyncHTTPClient
package import Logging
internal import Platform

package enum HookAnnouncement {
    /// Delivers `record` to every hook, none of which needs to run: until each has it or has refused it, or the task is
    /// cancelled. Repeated by every start that has the same to say.
    ///
    /// - `seed`: of the jitter.
    package static func deliver(
        _ record: AlertRecord,
        to hooks: [HookSettings],
        origin: AlertOrigin,
        client: HTTPClient,
        logger: Logger,
        seed: UInt64
    ) async {
        await withTaskGroup(of: Void.self) { group in
            for settings in hooks {
                guard let made = HookRegistry.make(settings, client: client) else { continue }
                group.addTask {
                    await deliver(record, settings.name, made.hook, origin: origin, logger: logger, seed: seed)
                }
            }
        }
    }

    private static func deliver(
        _ record: AlertRecord,
        _ name: String,
        _ hook: any Hook,
        origin: AlertOrigin,
        logger: Logger,
        seed: UInt64
    ) async {
        let policy = HookRetryPolicy()
        var pauses = Backoff(first: policy.first, longest: policy.longest, seed: seed)
        let payload: HookPayload
        do {
            let body = try WebhookBody([(record, nil)], receiver: name, origin: origin).encoded()
            payload = HookPayload(body: body, idempotencyKey: "\(name):\(record.alert)-\(record.at.milliseconds)")
        } catch {
            logger.error("no JSON can be made of an alert", metadata: ["hook": "\(name)", "error": "\(error)"])
            return
        }
        while !Task.isCancelled {
            let outcome = await hook.deliver(payload)
            if outcome.verdict == .delivered { return }
            let error = outcome.error ?? "refused"
            logger.error(
                "alert not delivered",
                metadata: ["hook": "\(name)", "alert": "\(record.alert)", "error": "\(error)"]
            )
            guard outcome.verdict == .retry else { return }
            do { try await Task.sleep(for: pauses.next()) } catch { return }
        }
    }
}
