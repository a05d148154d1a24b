// The alert that `hooks test` sends: marked, so that nobody is woken by mistake twice.
internal import EventModel
internal import Platform
internal import Rules

enum TestAlert {
    /// Sent now by `clock`, which also makes each test a delivery of its own.
    static func payload(hook: String, clock: any Clock, origin: AlertOrigin) -> HookPayload {
        let at = clock.now()
        var record = AlertRecord(
            alert: "ForebayTest",
            state: .firing,
            device: "forebay",
            name: "Test of hook \(hook)",
            box: origin.box,
            metric: "test",
            value: 1,
            threshold: 0,
            condition: "test > 0",
            peak: 1,
            severity: "info",
            labels: ["test": "true"],
            at: at,
            breachedAt: at,
            firedAt: at,
            lastSeen: at,
            fingerprint: AlertFingerprint.of(alert: "ForebayTest", device: "forebay", metric: "test"),
            cause: AlertCause(topic: "alerts", partition: 0, offset: -1)
        )
        record.summary = "TEST of hook \(hook) from \(origin.box): nothing is wrong"
        return HookPayload(
            alerts: [HookAlert(record, offset: nil, at: clock)],
            receiver: hook,
            origin: origin,
            idempotencyKey: "\(hook):test-\(at.milliseconds)"
        )
    }
}
