// What a hook tells later, again, or never: held, repeated and escalated alerts, remembered in its ledger.
internal import CommitLog
internal import Platform
internal import Rules

extension HookWorker {
    // MARK: Reading

    /// What is to be done with the next record. Holding and passing over is noted in the ledger, which has to be stored before
    /// the cursor is.
    func decide(_ edge: AlertRecord, _ offset: Offset) -> DeliveryGroup.Taking {
        let entry = ledger[edge.fingerprint]
        // Read once more, after a crash: what became of it stands in the ledger.
        if let entry, offset.value < entry.offset { return .pass }
        switch edge.state {
        case .pending: return .pass
        case .firing:
            if let entry, entry.offset == offset.value, entry.state != .held { return .pass }
            return decideFiring(edge, offset)
        case .resolved:
            guard var entry else { return edge.goes(to: settings.name) ? .tell : .pass }
            switch entry.state {
            case .told: return .tell
            case .over: return .pass
            case .held:
                entry.state = .over
                entry.end = offset.value
                ledger.put(entry)
                state.change { $0.held &+= 1 }
                return .pass
            }
        }
    }

    private func decideFiring(_ edge: AlertRecord, _ offset: Offset) -> DeliveryGroup.Taking {
        let now = around.clock.now()
        let since = firingSince(edge, now)
        switch policies.role(of: settings.name, for: edge) {
        case .none: return .pass
        case .escalation: break
        case .direct:
            guard case .hold = verdict(edge, since: since, now) else {
                guard isOver(edge, offset) else { return .tell }
                ledger.remove(edge.fingerprint)
                return .collapse
            }
        }
        ledger.put(
            HookLedger.Entry(
                fingerprint: edge.fingerprint,
                alert: edge.alert,
                offset: offset.value,
                state: .held,
                since: since.milliseconds
            )
        )
        return .pass
    }

    private func verdict(_ record: AlertRecord, since: Timestamp, _ now: Timestamp) -> PolicyVerdict {
        policies.verdict(
            record,
            firingFor: now.since(since),
            at: now,
            operations: around.operations,
            book: around.book
        )
    }

    /// By this box's clock, where that and the record's can be believed; else from now on.
    private func firingSince(_ record: AlertRecord, _ now: Timestamp) -> Timestamp {
        HookAlert.age(of: record, at: around.clock) == nil ? now : min(now, record.firedAt)
    }

    // MARK: What is due

    /// Makes the firing alerts of one rule that nothing holds any more the delivery in work; false where there are none.
    ///
    /// Only where everything in topic `alerts` was looked at: then what is held still fires.
    func takeHeld() throws(LogError) -> Bool {
        let end = around.log.snapshot().highWatermark(of: around.alerts)
        guard !ledger.isEmpty, cursor.position >= end else { return false }
        let now = around.clock.now()
        var offsets: [Offset] = []
        var alert: String?
        for entry in ledger.entries(.held) where offsets.count < hook.alertsPerDeliveryMax {
            guard alert ?? entry.alert == entry.alert, try mayTell(entry, now) else { continue }
            alert = entry.alert
            offsets.append(Offset(entry.offset))
        }
        try storeLedger()
        guard !offsets.isEmpty else { return false }
        let taken = HookCursor(position: cursor.position, delivery: offsets)
        try store(taken)
        cursor = taken
        publishPlace()
        return true
    }

    private func mayTell(_ entry: HookLedger.Entry, _ now: Timestamp) throws(LogError) -> Bool {
        guard let record = try record(of: entry) else {
            ledger.remove(entry.fingerprint)
            return false
        }
        var entry = entry
        // The clock was set back: waiting begins anew.
        entry.since = min(entry.since, now.milliseconds)
        ledger.put(entry)
        let since = Timestamp(milliseconds: entry.since)
        switch policies.role(of: settings.name, for: record) {
        case .none:
            // By the rules of today the alert is none of this hook's.
            ledger.remove(entry.fingerprint)
            return false
        case .escalation(let after):
            guard now.since(since) >= after, around.operations.acknowledgement(of: record) == nil else { return false }
        case .direct: break
        }
        return verdict(record, since: since, now) == .tell
    }

    /// The firing as it is stored; nil where retention took it.
    private func record(of entry: HookLedger.Entry) throws(LogError) -> AlertRecord? {
        if let known = around.book.entry(entry.fingerprint), known.offset.value == entry.offset { return known.record }
        return try read([Offset(entry.offset)]).first?.record
    }

    /// Notes what became of the delivery in work. `alerts`: those of it that there still were.
    func settle(_ alerts: [StoredAlert]) {
        let now = around.clock.now()
        for alert in alerts {
            let record = alert.record
            let known = ledger[record.fingerprint]
            guard known.map({ $0.offset <= alert.offset }) ?? true else { continue }
            guard record.state == .firing, isRemembered(record) else {
                ledger.remove(record.fingerprint)
                continue
            }
            ledger.put(
                HookLedger.Entry(
                    fingerprint: record.fingerprint,
                    alert: record.alert,
                    offset: alert.offset,
                    state: .told,
                    since: known?.since ?? firingSince(record, now).milliseconds,
                    told: now.milliseconds
                )
            )
        }
        let found = Set(alerts.map(\.offset))
        let gone = Set(cursor.delivery.map(\.value)).subtracting(found)
        guard !gone.isEmpty else { return }
        for entry in ledger.entries(.held) where gone.contains(entry.offset) { ledger.remove(entry.fingerprint) }
    }

    /// Whether there is more to an alert than its end, once it was told.
    private func isRemembered(_ record: AlertRecord) -> Bool {
        switch policies.role(of: settings.name, for: record) {
        case .none: false
        case .direct: repeatInterval(of: record.alert) != nil
        case .escalation: true
        }
    }

    /// nil also for hooks that tell what fires again and again by themselves.
    private func repeatInterval(of alert: String) -> Duration? {
        hook.resendInterval == nil ? policies.repeatInterval(of: alert) : nil
    }

    /// An alert on its way for the first time.
    func hookAlert(_ alert: StoredAlert) -> HookAlert {
        var edge = HookAlert(alert.record, offset: alert.offset, at: around.clock)
        guard alert.record.state == .firing, let entry = ledger[alert.record.fingerprint],
            case .escalation = policies.role(of: settings.name, for: alert.record)
        else { return edge }
        let age = around.clock.now().since(Timestamp(milliseconds: entry.since))
        edge.record.summary = "NOT ACKNOWLEDGED for \(AlertSummary.words(age)): \(edge.record.summary)"
        edge.delayed = nil
        return edge
    }

    // MARK: Repeating

    /// Tells again what fires, was told so long ago that it is due, is not acknowledged and not held. The first failure ends
    /// it until its pause is over.
    ///
    /// A repeat is named by hook, offset and count, so that one that a crash has cut off is the same once more.
    func tellAgain() async throws {
        if let pause = repeatPause, around.clock.monotonic() < pause { return }
        repeatPause = nil
        for group in try dueRepeats() {
            guard !Task.isCancelled else { return }
            let names = group.map { "\($0.entry.offset)+\($0.entry.count + 1)" }
            let key = "\(settings.name):" + names.joined(separator: ",")
            let alerts = group.map { repeated($0.entry, $0.record) }
            let now = around.clock.now()
            let outcome = await hook.deliver(payload(alerts, key: key))
            switch outcome.verdict {
            case .delivered: noteSuccess()
            case .refused:
                bury(group.map { StoredAlert(record: $0.record, offset: $0.entry.offset) }, key: key, outcome)
            case .retry:
                if Task.isCancelled { return }
                noteFailure(outcome)
                let wanted = outcome.retryAfter?.pause(at: around.clock.now()) ?? .zero
                repeatPause = around.clock.monotonic().advanced(by: max(backoff.next(), wanted))
                return
            }
            for (entry, _) in group {
                var told = entry
                told.told = now.milliseconds
                told.count += 1
                ledger.put(told)
            }
            try storeLedger()
        }
    }

    private typealias Repeat = (entry: HookLedger.Entry, record: AlertRecord)

    /// Of one rule each, as many as the receiver takes at once.
    private func dueRepeats() throws(LogError) -> [[Repeat]] {
        let now = around.clock.now()
        var groups: [[Repeat]] = []
        for var entry in ledger.entries(.told) where !policies.escalates(entry.alert, to: settings.name) {
            guard let interval = repeatInterval(of: entry.alert) else {
                ledger.remove(entry.fingerprint)
                continue
            }
            entry.since = min(entry.since, now.milliseconds)
            entry.told = min(entry.told, now.milliseconds)
            ledger.put(entry)
            guard now.since(Timestamp(milliseconds: entry.told)) >= interval, let record = try record(of: entry),
                around.operations.acknowledgement(of: record) == nil,
                verdict(record, since: Timestamp(milliseconds: entry.since), now) == .tell
            else { continue }
            let place = groups.firstIndex { group in
                group[0].entry.alert == entry.alert && group.count < hook.alertsPerDeliveryMax
            }
            if let place { groups[place].append((entry, record)) } else { groups.append([(entry, record)]) }
        }
        try storeLedger()
        return groups
    }

    private func repeated(_ entry: HookLedger.Entry, _ record: AlertRecord) -> HookAlert {
        var alert = HookAlert(record, offset: entry.offset, at: around.clock)
        let age = around.clock.now().since(Timestamp(milliseconds: entry.since))
        alert.record.summary = "STILL FIRING after \(AlertSummary.words(age)): \(record.summary)"
        alert.delayed = nil
        alert.repeated = entry.count + 1
        return alert
    }

    // MARK: The ledger

    /// Durable on return; writes nothing where nothing has changed. After an error the cursor has to be opened again, which
    /// stores both.
    func storeLedger() throws(LogError) {
        guard ledger.isChanged else { return }
        do { try ledgerFile.store(ledger) } catch {
            cursorFile = nil
            throw LogError(.disk, "the hook's ledger cannot be stored: \(error)")
        }
        ledger.noteStored()
    }

    /// Forgets what was passed over, once the cursor is stored behind it.
    func sweepLedger() throws(LogError) {
        guard !ledger.entries(.over).isEmpty else { return }
        try store(cursor)
        ledger.sweep(before: cursor.position.value)
        try storeLedger()
    }

    /// Whether the delivery in work is one of alerts that were held.
    var isReleasing: Bool {
        guard let first = cursor.delivery.first else { return false }
        return ledger.entries(.held).contains { $0.offset == first.value }
    }

    /// Whether it is known to have been told nothing of this firing.
    func isHeld(_ entry: AlertEntry) -> Bool {
        guard let known = ledger[entry.record.fingerprint], known.offset == entry.offset.value else { return false }
        return known.state != .told
    }

    /// Whether it was told of this firing, as far as it remembers.
    func isTold(_ entry: AlertEntry) -> Bool {
        if let known = ledger[entry.record.fingerprint], known.offset == entry.offset.value {
            return known.state == .told
        }
        return policies.role(of: settings.name, for: entry.record) == .direct
    }

    // MARK: Waking

    /// The words of the rules in force from now on.
    func apply(_ policies: AlertPolicies) {
        self.policies = policies
    }

    /// Has `wake` called in a moment, while there is something in the ledger.
    func arm(_ wake: AsyncStream<Void>.Continuation) {
        guard !ledger.isEmpty, timer == nil, !isStopping else { return }
        timer = Task {
            try? await Task.sleep(for: AlertingLimits.policyInterval)
            timer = nil
            wake.yield()
        }
    }

    /// To be called when `run` has ended.
    func disarm() async {
        timer?.cancel()
        await timer?.value
    }
}
