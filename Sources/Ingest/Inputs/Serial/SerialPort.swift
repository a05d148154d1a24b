// One serial port: opened, set up, read line by line, lost, and opened again.
internal import CPlatform
internal import EventModel
internal import Glibc
internal import Platform

/// One port of `SerialInputs`, with its pipeline. Owned by that adapter's thread.
///
/// A line that holds a NUL had a byte with a parity or framing error, or a break: the driver marks them so. It is refused
/// as `framing`, as is a line over the limit and the beginning of one that an unplugged cable cut off.
final class SerialPort {
    private static let backoffFirst = Duration.seconds(1)
    private static let backoffLongest = Duration.seconds(5)
    private static let detailsInterval = Duration.seconds(1)

    let settings: SerialInputSettings
    let pipeline: IngestPipeline
    private let state: InputStateBox
    private let path: UnsafeMutableRawBufferPointer
    private var framer: LineFramer
    private var backoff: Backoff

    /// Nil while the port is absent or refused.
    private(set) var descriptor: Int32?
    /// When to try again while there is none.
    private(set) var retryAt: MonotonicInstant
    /// Lines in the framer that the pipeline had no room for.
    private(set) var hasPendingLines = false
    private var nextDetails = MonotonicInstant(nanoseconds: 0)
    private var errorMeter = SerialErrorMeter()
    private var published = InputState(isUp: false, text: "starting")

    init(
        _ settings: SerialInputSettings,
        pipeline: IngestPipeline,
        state: InputStateBox,
        now: MonotonicInstant,
        seed: UInt64
    ) {
        self.settings = settings
        self.pipeline = pipeline
        self.state = state
        path = .allocate(byteCount: max(1, settings.port.utf8.count), alignment: 1)
        path.copyBytes(from: settings.port.utf8)
        framer = LineFramer(lineBytesMax: max(1, settings.lineBytesMax))
        backoff = Backoff(first: SerialPort.backoffFirst, longest: SerialPort.backoffLongest, seed: seed)
        retryAt = now
    }

    deinit {
        if let descriptor { close(descriptor) }
        path.deallocate()
    }

    // MARK: Opening and losing

    /// Opens and sets up the port; where that fails, says why and when to try again.
    func open(now: MonotonicInstant) {
        let opened = forebay_serial_open(settings.port)
        guard opened >= 0 else { return fail(SerialPort.reason(-opened), now: now) }
        var wanted = SerialLine(settings).forDriver
        var effective = forebay_serial_settings()
        let code = forebay_serial_configure(opened, &wanted, &effective)
        guard code == 0 else {
            close(opened)
            return fail("the driver refuses \(SerialLine(settings).text): \(systemErrorText(-code))", now: now)
        }
        descriptor = opened
        backoff.reset()
        errorMeter = SerialErrorMeter()
        _ = countErrors()
        let line = SerialLine(effective)
        let refused = line.refused(of: SerialLine(settings))
        var text = "open: \(settings.port) at \(line.text)"
        if !refused.isEmpty { text += "; the driver refused \(refused.joined(separator: ", "))" }
        var details = ["port": settings.port, "line": line.text, "baud": String(line.baud)]
        if !refused.isEmpty { details["refused"] = refused.joined(separator: ", ") }
        publish(InputState(isUp: true, text: text, details: details))
    }

    private func fail(_ reason: String, now: MonotonicInstant) {
        retryAt = now.advanced(by: backoff.next())
        publish(InputState(isUp: false, text: "\(settings.port): \(reason)", details: ["port": settings.port]))
    }

    private func lose(_ reason: String, receivedAt: Timestamp, now: MonotonicInstant) {
        refusePartial(receivedAt)
        shut()
        fail(reason, now: now)
    }

    /// The end of a line that has begun will not come.
    private func refusePartial(_ receivedAt: Timestamp) {
        let partial = framer.partial
        if !partial.isEmpty {
            pipeline.refuse(partial, .framing, position: partial.count, arrival(receivedAt))
        }
        _ = framer.discardPartial()
    }

    private func shut() {
        _ = countErrors()
        if let descriptor { close(descriptor) }
        descriptor = nil
    }

    private static func reason(_ code: Int32) -> String {
        switch code {
        case ENOENT, ENXIO, ENODEV: "not there (is the device plugged in?)"
        case EACCES: "permission denied (is this user in group dialout?)"
        case EBUSY: "in use by another program"
        case ENOTTY: "not a serial port"
        default: systemErrorText(code)
        }
    }

    // MARK: Reading

    /// Reads once and gives the pipeline the lines. Only where `hasPendingLines` is false.
    func takeIn(receivedAt: Timestamp, now: MonotonicInstant) {
        guard let descriptor else { return }
        let count = framer.withFreeSpace { read(descriptor, $0.baseAddress, $0.count) }
        // Taken before anything else is called.
        let code = errno
        if count > 0 {
            framer.commit(count)
            giveLines(receivedAt: receivedAt)
        } else if count == 0 {
            lose("unplugged", receivedAt: receivedAt, now: now)
        } else if code != EAGAIN && code != EINTR {
            let isGone = code == EIO || code == ENODEV || code == ENXIO
            lose(isGone ? "unplugged" : systemErrorText(code), receivedAt: receivedAt, now: now)
        }
    }

    /// Gives the pipeline lines until all are given or it takes no more.
    func giveLines(receivedAt: Timestamp) {
        while !pipeline.isBlocked {
            guard let frame = framer.nextLine() else {
                hasPendingLines = false
                return
            }
            let arrival = arrival(receivedAt)
            switch frame {
            case .line(let range):
                let bytes = framer.bytes(range)
                if let damaged = LineFrame.damage(in: bytes) {
                    pipeline.refuse(bytes, .framing, position: damaged, arrival)
                } else {
                    pipeline.accept(bytes, arrival)
                }
            case .tooLong(let range):
                pipeline.refuse(framer.bytes(range), .framing, position: range.count, arrival)
            }
        }
        hasPendingLines = true
    }

    private func arrival(_ receivedAt: Timestamp) -> Arrival {
        let bytes = UnsafeRawBufferPointer(path).prefix(settings.port.utf8.count)
        return Arrival(receivedAt: receivedAt, from: UnsafeRawBufferPointer(rebasing: bytes))
    }

    // MARK: State

    /// Enters in topic `gaps` what the driver has counted since the last look. What it counts are characters, not payloads,
    /// so they are in no counter of those. Nil where the driver counts nothing, as pseudo-terminals do.
    private func countErrors() -> forebay_serial_errors? {
        guard let descriptor else { return nil }
        var errors = forebay_serial_errors()
        guard forebay_serial_errors(descriptor, &errors) == 0 else { return nil }
        let counts = SerialErrorCounts(framing: errors.frame, parity: errors.parity, overrun: errors.overrun)
        let new = errorMeter.advance(to: counts)
        pipeline.noteGap(.serialFraming, UInt64(new.framing))
        pipeline.noteGap(.serialParity, UInt64(new.parity))
        pipeline.noteGap(.serialOverrun, UInt64(new.overrun))
        return errors
    }

    /// Shows what the driver counted, once a second at most.
    func publishErrors(now: MonotonicInstant) {
        guard descriptor != nil, now >= nextDetails else { return }
        nextDetails = now.advanced(by: SerialPort.detailsInterval)
        guard let errors = countErrors() else { return }
        var state = published
        for (name, count) in [
            ("frame_errors", errors.frame), ("parity_errors", errors.parity), ("overruns", errors.overrun),
            ("breaks", errors.breaks),
        ] where count > 0 {
            state.details[name] = String(count)
        }
        publish(state)
    }

    private func publish(_ new: InputState) {
        guard new != published else { return }
        published = new
        state.set(new)
    }

    /// Takes in what the driver still holds, settles the pipeline, and closes.
    func finish(clock: any Clock) {
        let deadline = clock.monotonic().advanced(by: InputLimits.finishMax)
        let receivedAt = clock.now()
        // The terminal's buffer holds 4 KiB: a few reads empty it, and a device that goes on sending must not hold us.
        for _ in 0..<4 where descriptor != nil && !hasPendingLines {
            takeIn(receivedAt: receivedAt, now: clock.monotonic())
        }
        while hasPendingLines, !pipeline.isClosed, clock.monotonic() < deadline {
            if pipeline.isBlocked {
                inputNap(InputLimits.blockedNap)
                pipeline.turn(now: clock.monotonic())
            }
            giveLines(receivedAt: receivedAt)
        }
        if hasPendingLines { dropPendingLines() }
        refusePartial(receivedAt)
        _ = countErrors()
        let isDurable = pipeline.settle(until: deadline, clock: clock)
        pipeline.finish()
        shut()
        publish(InputState(isUp: false, text: isDurable ? "stopped" : "stopped; the log did not confirm in time"))
    }

    private func dropPendingLines() {
        var count: UInt64 = 0
        while framer.nextLine() != nil { count += 1 }
        hasPendingLines = false
        pipeline.countDropped(count, .logStopped)
    }
}
