// The UDP input: datagrams by the hundred from one socket, the kernel's drops counted to the datagram.
internal import CPlatform
internal import EventModel
internal import Glibc
internal import Platform

/// One bound socket. Owned by its thread from the first `step()`.
///
/// While the log takes nothing, datagrams stay where they are: in the slots of the last call and in the kernel's receive
/// buffer; what overflows there is counted as received and dropped. Hot path: one `recvmmsg` for up to 256 datagrams, no
/// allocation.
package final class UDPInput: InputAdapter {
    private static let backoffFirst = Duration.milliseconds(500)
    private static let backoffLongest = Duration.seconds(30)
    /// How often the kernel is asked for drops behind the last datagram: with these the counters are exact at rest.
    private static let dropCheckInterval = Duration.milliseconds(100)
    private static let detailsInterval = Duration.seconds(1)

    private let settings: UDPInputSettings
    private let pipeline: IngestPipeline
    private let state: InputStateBox
    private let clock: any Clock
    private let receiver: OpaquePointer
    private let senders: SenderTexts
    private var pace: ArrivalPace
    private var backoff: Backoff

    private var socket: Int32?
    private var retryAt: MonotonicInstant
    /// Slots of the last call that the pipeline has not been given yet: `next..<end`.
    private var next = 0
    private var end = 0
    private var receivedAt = Timestamp(milliseconds: 0)
    private var drops = DropCounter()
    private var nextDropCheck = MonotonicInstant(nanoseconds: 0)
    private var nextDetails = MonotonicInstant(nanoseconds: 0)
    private var details: [String: String] = [:]

    package init(
        settings: UDPInputSettings,
        pipeline: IngestPipeline,
        state: InputStateBox,
        environment: InputEnvironment
    ) {
        guard let receiver = forebay_udp_receiver_create() else {
            preconditionFailure("no memory for the slots of a UDP input")
        }
        self.receiver = receiver
        self.settings = settings
        self.pipeline = pipeline
        self.state = state
        clock = environment.clock
        senders = SenderTexts(hashSeed: environment.seed)
        pace = ArrivalPace(commitInterval: environment.commitInterval)
        backoff = Backoff(
            first: UDPInput.backoffFirst,
            longest: UDPInput.backoffLongest,
            seed: environment.seed
        )
        retryAt = environment.clock.monotonic()
    }

    deinit {
        if let socket { close(socket) }
        forebay_udp_receiver_destroy(receiver)
    }

    package func step() {
        let now = clock.monotonic()
        guard let socket else {
            if now >= retryAt { open(now: now) } else { inputNap(min(InputLimits.stepWaitMax, retryAt.since(now))) }
            pipeline.turn(now: clock.monotonic())
            return
        }
        if pipeline.isBlocked {
            inputNap(InputLimits.blockedNap)
        } else if next == end {
            guard receive(from: socket, now: now) else { return pipeline.turn(now: clock.monotonic()) }
        }
        process()
        let after = clock.monotonic()
        pipeline.turn(now: after)
        if after >= nextDropCheck { checkDrops(socket, now: after) }
        if after >= nextDetails { publishDetails(now: after) }
    }

    package func finish() {
        // What the kernel holds already was sent to us: take it in, within bounds of time.
        let deadline = clock.monotonic().advanced(by: InputLimits.finishMax)
        if let socket {
            var isEmpty = false
            while !isEmpty || next < end, !pipeline.isClosed, clock.monotonic() < deadline {
                if pipeline.isBlocked {
                    inputNap(InputLimits.blockedNap)
                    pipeline.turn(now: clock.monotonic())
                }
                if next == end { isEmpty = take(from: socket) <= 0 }
                process()
            }
            checkDrops(socket, now: clock.monotonic())
            close(socket)
            self.socket = nil
            if next < end { pipeline.countDropped(UInt64(end - next), .logStopped) }
            next = end
        }
        let isDurable = pipeline.settle(until: deadline, clock: clock)
        pipeline.finish()
        state.set(InputState(isUp: false, text: isDurable ? "stopped" : "stopped; the log did not confirm in time"))
    }

    // MARK: The socket

    private func open(now: MonotonicInstant) {
        let address = "\(settings.listen.host.contains(":") ? "[\(settings.listen.host)]" : settings.listen.host)"
        let bufferBytes = Int32(clamping: settings.receiveBufferBytes)
        let descriptor = forebay_udp_open(settings.listen.host, settings.listen.port, bufferBytes)
        guard descriptor >= 0 else {
            let reason = descriptor == -EINVAL ? "not an address in numbers" : systemErrorText(-descriptor)
            retryAt = now.advanced(by: backoff.next())
            state.set(InputState(isUp: false, text: "cannot listen on \(address):\(settings.listen.port): \(reason)"))
            return
        }
        socket = descriptor
        backoff.reset()
        drops = DropCounter()
        forebay_udp_forget_drops(receiver)
        let granted = max(0, forebay_udp_granted_buffer(descriptor))
        pace.begin(grantedBytes: Int(granted), now: now)
        details = [
            "listen": "\(address):\(max(0, forebay_udp_bound_port(descriptor)))",
            "receive_buffer": String(granted),
        ]
        // The kernel doubles what it grants, for its own bookkeeping.
        let wanted = settings.receiveBufferBytes * 2
        if Int(granted) < wanted { details["receive_buffer_wanted"] = String(wanted) }
        state.set(InputState(isUp: true, text: "listening on \(details["listen"] ?? address)", details: details))
    }

    /// Waits for datagrams where there are none, naps where they come densely, and takes in what there is. False where the
    /// socket failed, and is closed.
    private func receive(from socket: Int32, now: MonotonicInstant) -> Bool {
        var count = take(from: socket)
        if count == 0 {
            var timeout = InputLimits.stepWaitMax
            if let deadline = pipeline.deadline { timeout = min(timeout, max(.zero, deadline.since(now))) }
            var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            if poll(&descriptor, 1, pollMilliseconds(timeout)) > 0 { count = take(from: socket) }
        }
        guard count >= 0 else {
            checkDrops(socket, now: now)
            close(socket)
            self.socket = nil
            retryAt = now.advanced(by: backoff.next())
            state.set(InputState(isUp: false, text: "receiving failed: \(systemErrorText(-Int32(clamping: count)))"))
            return false
        }
        pace.note(count, now: now)
        if count > 0, count < Int(FOREBAY_UDP_SLOTS) {
            let rest = pace.nap
            if rest > .zero { inputNap(rest) }
        }
        return true
    }

    /// The number of datagrams now in the slots, or a negative errno.
    private func take(from socket: Int32) -> Int {
        let count = Int(forebay_udp_receive(receiver, socket))
        guard count > 0 else { return count }
        receivedAt = clock.now()
        next = 0
        end = min(count, Int(FOREBAY_UDP_SLOTS))
        var latest: UInt32 = 0
        if forebay_udp_noted_drops(receiver, &latest) != 0 { countDrops(latest) }
        return count
    }

    /// Gives the pipeline what is in the slots, until all is given or the log takes no more.
    private func process() {
        guard next < end, let datagrams = forebay_udp_datagrams(receiver) else { return }
        while next < end, !pipeline.isBlocked {
            let datagram = datagrams + next
            next += 1
            let payload = UnsafeRawBufferPointer(
                start: datagram.pointee.bytes,
                count: min(Int(datagram.pointee.length), InputLimits.datagramBytesMax)
            )
            let arrival = Arrival(receivedAt: receivedAt, from: senders.text(of: datagram))
            if datagram.pointee.truncated == 0 {
                pipeline.accept(payload, arrival)
            } else {
                pipeline.refuse(payload, .tooLarge, position: payload.count, arrival)
            }
        }
    }

    // MARK: Drops and details

    private func countDrops(_ latest: UInt32) {
        let new = drops.advance(to: latest)
        if new > 0 { pipeline.countDropped(new, .kernelBuffer) }
    }

    private func checkDrops(_ socket: Int32, now: MonotonicInstant) {
        nextDropCheck = now.advanced(by: UDPInput.dropCheckInterval)
        var latest: UInt32 = 0
        if forebay_udp_socket_drops(socket, &latest) == 0 { countDrops(latest) }
    }

    private func publishDetails(now: MonotonicInstant) {
        nextDetails = now.advanced(by: UDPInput.detailsInterval)
        if next == end { forebay_udp_release_overflow(receiver) }
        guard socket != nil, drops.total > 0, details["kernel_drops"] != String(drops.total) else { return }
        details["kernel_drops"] = String(drops.total)
        state.set(InputState(isUp: true, text: "listening on \(details["listen"] ?? "")", details: details))
    }
}

extension UDPInput {
    package static let definition = InputDefinition(
        name: UDPInputSettings.typeName,
        summary: "takes in datagrams and counts what the kernel dropped",
        sharesThread: false
    ) { endpoints, environment throws(InputDefinitionError) in
        guard endpoints.count == 1, let settings = endpoints[0].settings as? UDPInputSettings else {
            preconditionFailure("a UDP adapter is made for one endpoint with UDP settings")
        }
        return UDPInput(
            settings: settings,
            pipeline: endpoints[0].pipeline,
            state: endpoints[0].state,
            environment: environment
        )
    }
}
