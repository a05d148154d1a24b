// What is wrong with a box, and what is not: one finding for each thing at each observation.
internal import Platform

extension BoxWatch {
    /// What is remembered of an input from one observation to the next.
    struct InputTrack: Sendable {
        /// The longest pauses between payloads, by the hour in which they ended; of a day before the last payload.
        private var pauses: [(hour: Int64, longest: Duration)] = []
        private var pauseCount = 0
        fileprivate var received: UInt64 = 0
        fileprivate var drops: UInt64 = 0
        /// Of `drops`, those before the alert fired.
        fileprivate var dropsBefore: UInt64 = 0
        private var isUp = false
        private var lastPayload: MonotonicInstant?
        /// Since when it could have sent something and has not: its last payload, or its connection.
        fileprivate private(set) var quietSince: MonotonicInstant?
        /// A payload has come since the observation before.
        fileprivate private(set) var hasCome = false

        /// The longest pause lately; nil before there were enough of them to tell.
        fileprivate var usual: Duration? {
            pauseCount < AlertingLimits.pausesMin ? nil : pauses.map(\.longest).max()
        }

        fileprivate mutating func take(_ input: BoxObservation.Input, at now: MonotonicInstant) {
            hasCome = input.received > received
            received = input.received
            if hasCome {
                if let lastPayload { note(now.since(lastPayload), at: now) }
                lastPayload = now
            }
            if hasCome || !isUp { quietSince = input.isUp ? now : nil }
            isUp = input.isUp
        }

        private mutating func note(_ pause: Duration, at now: MonotonicInstant) {
            let hour = now.nanoseconds / 3_600_000_000_000
            pauseCount = min(pauseCount + 1, AlertingLimits.pausesMin)
            pauses.removeAll { $0.hour <= hour - 24 }
            if let last = pauses.indices.last, pauses[last].hour == hour {
                pauses[last].longest = max(pauses[last].longest, pause)
            } else {
                pauses.append((hour, pause))
            }
        }
    }

    mutating func findings(_ now: BoxObservation) -> [Finding] {
        let names = Set(now.inputs.map(\.name))
        inputs = inputs.filter { names.contains($0.key) }
        var findings: [Finding] = []
        for input in now.inputs {
            var track = inputs[input.name] ?? InputTrack()
            track.take(input, at: now.monotonic)
            findings.append(stall(input, track, now))
            findings.append(drops(input, &track))
            inputs[input.name] = track
        }
        for hook in now.hooks { findings.append(delivery(hook, now)) }
        findings.append(space(now.disk))
        findings.append(clock(now))
        return findings
    }

    // MARK: Inputs

    private func stall(_ input: BoxObservation.Input, _ track: InputTrack, _ now: BoxObservation) -> Finding {
        let metric = "input_stalled.\(input.name)"
        let fired = firing(metric)
        var finding = Finding(alert: .inputStalled, metric: metric, verdict: .right(for: .zero), unit: "s")
        if let fired, fired.watch == .absent {
            finding.verdict = track.hasCome ? .right(for: .zero) : .unknown
            finding.words = "input \(input.name): payloads come again"
            return finding
        }
        guard input.isUp else {
            finding.verdict = .wrong(for: holding.notConnected)
            finding.value = BoxWatch.seconds(holding.notConnected)
            finding.threshold = finding.value
            finding.condition = "not connected for \(AlertSummary.words(holding.notConnected))"
            finding.words = "input \(input.name) is \(finding.condition): \(input.text)"
            return finding
        }
        if fired != nil {
            finding.verdict = .right(for: holding.connected)
            finding.words = "input \(input.name) is connected again"
            return finding
        }
        guard let usual = track.usual, let since = track.quietSince else { return finding }
        let silence = now.monotonic.since(since)
        let longest = max(holding.silence, usual * AlertingLimits.pausesFactor)
        guard silence >= longest else { return finding }
        finding.verdict = .wrong(for: .zero)
        finding.value = BoxWatch.seconds(silence)
        finding.threshold = BoxWatch.seconds(longest)
        finding.condition = "no payload for \(AlertSummary.words(longest))"
        let words = usual < .seconds(1) ? "1 s" : AlertSummary.words(usual)
        finding.words =
            "input \(input.name): no payload for \(AlertSummary.words(silence)), where pauses were of \(words) at most"
        finding.wrongFor = silence
        finding.watch = .absent
        return finding
    }

    private func drops(_ input: BoxObservation.Input, _ track: inout InputTrack) -> Finding {
        let metric = "kernel_drops.\(input.name)"
        let fresh = input.kernelDrops - min(input.kernelDrops, track.drops)
        if fresh > 0, firing(metric) == nil { track.dropsBefore = track.drops }
        track.drops = input.kernelDrops
        let count = input.kernelDrops - min(input.kernelDrops, track.dropsBefore)
        let quiet = AlertSummary.words(holding.noDrops)
        return Finding(
            alert: .kernelDrops,
            metric: metric,
            verdict: fresh > 0 ? .wrong(for: .zero) : .right(for: holding.noDrops),
            value: Double(count),
            condition: "\(metric) > 0",
            words: fresh > 0
                ? "input \(input.name): its receive buffer was full, and the kernel dropped \(fresh) datagrams"
                : "input \(input.name): no datagram was dropped for \(quiet); \(count) were before"
        )
    }

    // MARK: The box

    private func delivery(_ hook: BoxObservation.Hook, _ now: BoxObservation) -> Finding {
        var finding = Finding(
            alert: .hookFailing,
            metric: "hook_failing.\(hook.name)",
            verdict: .unknown,
            unit: "s",
            threshold: BoxWatch.seconds(holding.failing),
            condition: "no success for \(AlertSummary.words(holding.failing))",
            // Its own receiver is the one that cannot be told.
            notify: now.hooks.map(\.name).filter { $0 != hook.name }
        )
        switch hook.delivery {
        case .untried: break
        case .working:
            finding.verdict = .right(for: .zero)
            finding.words = "hook \(hook.name) delivers again"
        case .failing(let since, let error):
            let time = now.monotonic.since(since)
            guard time >= holding.failing else { break }
            finding.verdict = .wrong(for: .zero)
            finding.value = BoxWatch.seconds(time)
            finding.wrongFor = time
            finding.words = "hook \(hook.name) has not delivered for \(AlertSummary.words(time)): \(error)"
        }
        return finding
    }

    private func space(_ disk: BoxObservation.Disk?) -> Finding {
        var finding = Finding(alert: .diskSpaceLow, metric: "disk_free", verdict: .unknown, unit: "B")
        guard let disk else { return finding }
        finding.value = Double(disk.free)
        finding.threshold = Double(disk.keepFree)
        finding.condition = disk.isFull ? "the disk is full" : "disk_free < \(disk.keepFree) B"
        if disk.isFull {
            finding.verdict = .wrong(for: holding.fullDisk)
            finding.words = "the disk is full: nothing new is acknowledged until there is room"
        } else if disk.free < disk.keepFree {
            finding.verdict = .wrong(for: holding.lowSpace)
            finding.words =
                "\(disk.free >> 20) MiB are free, \(disk.keepFree >> 20) MiB shall be, and retention finds nothing to remove"
        } else {
            finding.verdict = .right(for: holding.enoughSpace)
            finding.words = "\(disk.free >> 20) MiB are free again"
        }
        return finding
    }

    /// A clock that has just been set is none that steps: only what was synchronised before and after counts.
    private mutating func clock(_ now: BoxObservation) -> Finding {
        var finding = Finding(alert: .clockUnsynchronised, metric: "clock_unsynchronised", verdict: .unknown, unit: "s")
        guard now.clock == .synchronised else {
            wallOffset = nil
            finding.verdict = .wrong(for: holding.unsynchronised)
            finding.value = BoxWatch.seconds(holding.unsynchronised)
            finding.threshold = finding.value
            finding.condition = "not synchronised for \(AlertSummary.words(holding.unsynchronised))"
            finding.words = "the clock is \(finding.condition): events are marked `unsynced`"
            return finding
        }
        let offset = now.wall.milliseconds &- now.monotonic.nanoseconds / 1_000_000
        let moved = wallOffset.map { offset &- $0 } ?? 0
        wallOffset = offset
        let limit = AlertingLimits.clockStepMin
        guard now.watchesSteps, moved.magnitude >= UInt64(limit.wholeMilliseconds) else {
            finding.verdict = .right(for: holding.steady)
            finding.words = "the clock has been synchronised and steady for \(AlertSummary.words(holding.steady))"
            return finding
        }
        finding.verdict = .wrong(for: .zero)
        finding.value = Double(moved) / 1000
        finding.threshold = BoxWatch.seconds(limit)
        finding.condition = "a step of \(AlertSummary.words(limit))"
        let distance = AlertSummary.words(.milliseconds(Int64(clamping: moved.magnitude)))
        finding.words = "the clock was moved \(moved < 0 ? "back" : "forward") by \(distance)"
        return finding
    }

    private static func seconds(_ duration: Duration) -> Double { Double(duration.wholeMilliseconds) / 1000 }
}
