// The serial input: all ports of the box on one thread, each with its own pipeline.
internal import Glibc
internal import Platform

/// Any number of serial ports. Owned by its thread from the first `step()`.
///
/// An absent port is a state, not a failure: it is opened when its name appears (inotify) or its retry is due, whichever
/// comes first. While a port's pipeline takes nothing, its bytes stay with the driver; what overflows there is shown
/// as `overruns`.
package final class SerialInputs: InputAdapter {
    private let clock: any Clock
    private let ports: [SerialPort]
    /// One entry per port, then one for the watch.
    private var pollSet: [pollfd]
    /// Only while a port is absent.
    private var watch: PathWatch?
    private var mustRetry = true

    /// `endpoints`: their settings are `SerialInputSettings`.
    package init(_ endpoints: [InputEndpoint], environment: InputEnvironment) {
        clock = environment.clock
        let now = environment.clock.monotonic()
        ports = endpoints.enumerated().map { index, endpoint in
            guard let settings = endpoint.settings as? SerialInputSettings else {
                preconditionFailure("a serial adapter is made for endpoints with serial settings")
            }
            return SerialPort(
                settings,
                pipeline: endpoint.pipeline,
                state: endpoint.state,
                now: now,
                seed: environment.seed &+ UInt64(index)
            )
        }
        pollSet = Array(repeating: pollfd(fd: -1, events: 0, revents: 0), count: ports.count + 1)
    }

    package func step() {
        let now = clock.monotonic()
        openAbsentPorts(now: now)
        let timeout = prepare(now: now)
        poll(&pollSet, nfds_t(pollSet.count), pollMilliseconds(timeout))
        if pollSet[ports.count].revents != 0, let watch {
            watch.drain()
            mustRetry = true
        }
        let receivedAt = clock.now()
        let after = clock.monotonic()
        for (index, port) in ports.enumerated() {
            if port.hasPendingLines {
                port.giveLines(receivedAt: receivedAt)
            } else if pollSet[index].revents != 0 {
                port.takeIn(receivedAt: receivedAt, now: after)
            }
            port.pipeline.turn(now: after)
            port.publishErrors(now: after)
        }
    }

    package func finish() {
        for port in ports { port.finish(clock: clock) }
        watch = nil
    }

    /// Watches first and opens then, so that a port that appears in between is not missed.
    private func openAbsentPorts(now: MonotonicInstant) {
        guard ports.contains(where: { $0.descriptor == nil }) else {
            watch = nil
            return
        }
        if watch == nil {
            watch = PathWatch()
            mustRetry = true
        }
        for port in ports where port.descriptor == nil && (mustRetry || port.retryAt <= now) {
            watch?.add(port.settings.port)
            port.open(now: now)
        }
        mustRetry = false
    }

    /// Fills the poll set; how long to wait.
    private func prepare(now: MonotonicInstant) -> Duration {
        var timeout = InputLimits.stepWaitMax
        for (index, port) in ports.enumerated() {
            // A port that must not be read is left out: poll would report its hang-up without end.
            let isReadable = !port.hasPendingLines && !port.pipeline.isBlocked
            pollSet[index] = pollfd(fd: isReadable ? port.descriptor ?? -1 : -1, events: Int16(POLLIN), revents: 0)
            if !isReadable { timeout = min(timeout, InputLimits.blockedNap) }
            if let deadline = port.pipeline.deadline { timeout = min(timeout, deadline.since(now)) }
            if port.descriptor == nil { timeout = min(timeout, port.retryAt.since(now)) }
        }
        pollSet[ports.count] = pollfd(fd: watch?.descriptor ?? -1, events: Int16(POLLIN), revents: 0)
        return timeout
    }
}

extension SerialInputs {
    package static let definition = InputDefinition(
        name: SerialInputSettings.typeName,
        summary: "reads lines from serial ports, all on one thread",
        sharesThread: true
    ) { endpoints, environment throws(InputDefinitionError) in
        SerialInputs(endpoints, environment: environment)
    }
}
