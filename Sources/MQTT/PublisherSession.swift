// The publisher's thread: a connection, and what is on its way over it.
internal import CMosquitto
internal import Glibc
internal import Platform

/// Owned by its thread. Lifecycle: waiting (back-off) → connecting (on a thread of its own) → opening (CONNECT sent) → up →
/// lost → waiting. What is on its way when the connection is lost has failed; whoever wants it tries again.
final class PublisherSession: MosquittoReceiver {
    private enum Phase {
        case waiting(until: MonotonicInstant)
        case connecting(MosquittoConnection)
        case opening(MosquittoClient, since: MonotonicInstant)
        case up(MosquittoClient)
    }

    /// A request that was sent, with the identifiers that are not acknowledged.
    private struct Sent {
        var request: PublishRequest
        var open: Set<Int32>
    }

    /// How long a broker may take from connection to CONNACK: any sound one needs milliseconds, and TLS a second.
    private static let openingMax = Duration.seconds(10)
    /// Deadlines are looked at this often, and a stop is seen within it where nothing wakes the thread.
    private static let waitMax = Duration.milliseconds(200)
    /// For the last message before a stop.
    private static let farewellMax = Duration.seconds(2)
    /// Packets between two looks at everything else.
    private static let packetsPerStepMax = 256

    private let settings: MQTTConnectionSettings
    private let presence: MQTTPresence
    private let mailbox: PublisherMailbox
    private let disk: any Disk
    private let clock: any Clock
    private var phase: Phase
    private var versions: MQTTVersionChoice
    private var backoff: Backoff
    private var lostAt: MonotonicInstant
    /// Why there is no connection.
    private var trouble: String
    private var waiting: [PublishRequest] = []
    private var sent: [Sent] = []
    /// The last message before a stop; nil otherwise, and when it is acknowledged.
    private var farewell: Int32?

    init(
        _ settings: MQTTConnectionSettings,
        _ presence: MQTTPresence,
        _ mailbox: PublisherMailbox,
        disk: any Disk,
        clock: any Clock,
        seed: UInt64
    ) {
        self.settings = settings
        self.presence = presence
        self.mailbox = mailbox
        self.disk = disk
        self.clock = clock
        versions = MQTTVersionChoice(settings.protocolVersion)
        backoff = Backoff(first: settings.reconnectFirst, longest: settings.reconnectLongest, seed: seed)
        lostAt = clock.monotonic().advanced(by: .zero - settings.reconnectFirst)
        trouble = "connecting to \(settings.broker)"
        phase = .waiting(until: clock.monotonic())
    }

    func step() {
        waiting += mailbox.takeAll()
        let now = clock.monotonic()
        expire(now)
        switch phase {
        case .waiting(let until): rest(until: until, now)
        case .connecting(let connection): awaitConnection(connection)
        case .opening(let client, let since):
            if now.since(since) > PublisherSession.openingMax {
                versions.noteSilence()
                lose("it did not answer CONNECT within \(PublisherSession.openingMax.components.seconds) s")
            } else {
                serve(client)
            }
        case .up(let client):
            send(client)
            serve(client)
        }
    }

    /// Fails what is left, says farewell, and closes.
    func finish() {
        for request in waiting + mailbox.takeAll() { request.answer(.failed("stopped")) }
        for one in sent { one.request.answer(.failed("stopped")) }
        waiting = []
        sent = []
        guard case .up(let client) = phase else { return }
        farewell = try? client.publish(presence.will)
        let end = clock.monotonic().advanced(by: PublisherSession.farewellMax)
        while farewell != nil, case .up = phase, clock.monotonic() < end { serve(client) }
        client.disconnect()
        _ = client.write()
    }

    /// Answers those whose time is over, and forgets those that nobody waits for.
    private func expire(_ now: MonotonicInstant) {
        for request in waiting where request.deadline <= now {
            request.answer(.failed("\(settings.broker): not connected in time: \(trouble)"))
        }
        for one in sent where one.request.deadline <= now {
            one.request.answer(.failed("\(settings.broker) did not acknowledge in time"))
        }
        waiting.removeAll { $0.isAnswered }
        sent.removeAll { $0.request.isAnswered }
    }

    // MARK: Connecting

    /// Somebody who has something to say does not wait for the back-off: they have one of their own.
    private func rest(until: MonotonicInstant, _ now: MonotonicInstant) {
        let soonest = lostAt.advanced(by: settings.reconnectFirst)
        let due = waiting.isEmpty ? until : min(until, soonest)
        if now >= due { return connect() }
        var descriptor = pollfd(fd: mailbox.wakeDescriptor, events: Int16(POLLIN), revents: 0)
        poll(&descriptor, 1, PublisherSession.milliseconds(min(PublisherSession.waitMax, due.since(now))))
    }

    private func connect() {
        var password: String?
        do throws(DiskError) {
            if let file = settings.passwordFile { password = try disk.password(file) }
        } catch {
            return lose("no password: \(error)")
        }
        do throws(MosquittoError) {
            let client = try MosquittoClient(
                settings: settings,
                version: versions.next,
                password: password,
                will: presence.will
            )
            client.receiver = self
            phase = .connecting(MosquittoConnection(client))
        } catch {
            lose("\(error)")
        }
    }

    private func awaitConnection(_ connection: MosquittoConnection) {
        switch connection.wait(upTo: PublisherSession.waitMax) {
        case nil: return
        case .failed(let error): lose("cannot connect: \(error)")
        case .connected: phase = .opening(connection.client, since: clock.monotonic())
        }
    }

    private func lose(_ reason: String) {
        let now = clock.monotonic()
        trouble = reason
        let failure = MQTTPublishOutcome.failed("\(settings.broker): \(reason)")
        for request in waiting + sent.map(\.request) { request.answer(failure) }
        waiting = []
        sent = []
        lostAt = now
        phase = .waiting(until: now.advanced(by: backoff.next()))
    }

    // MARK: Connected

    private func send(_ client: MosquittoClient) {
        while !waiting.isEmpty {
            let request = waiting.removeFirst()
            guard !request.isAnswered else { continue }
            var open: Set<Int32> = []
            do throws(MosquittoError) {
                for message in request.messages { open.insert(try client.publish(message)) }
                sent.append(Sent(request: request, open: open))
            } catch {
                let words = "\(settings.broker): cannot be published: \(error)"
                let isFinal = PublisherSession.finalErrors.contains(error.code)
                request.answer(isFinal ? .refused(code: Int(error.code), words) : .failed(words))
            }
        }
    }

    private func serve(_ client: MosquittoClient) {
        if client.wantsWrite, let error = client.write() { return end(error) }
        if let error = client.keepAlive() { return end(error) }
        var events = Int16(POLLIN)
        if client.wantsWrite { events |= Int16(POLLOUT) }
        var descriptors = [
            pollfd(fd: client.socket, events: events, revents: 0),
            pollfd(fd: mailbox.wakeDescriptor, events: Int16(POLLIN), revents: 0),
        ]
        poll(&descriptors, 2, PublisherSession.milliseconds(PublisherSession.waitMax))
        for _ in 0..<PublisherSession.packetsPerStepMax {
            switch client.read() {
            case .more: continue
            case .drained: return
            case .failed(let error): return end(error)
            }
        }
    }

    private func end(_ error: MosquittoError) {
        if case .opening = phase { versions.noteRefusal(error) }
        lose("\(error)")
    }

    // MARK: What the broker says

    func connected(sessionPresent: Bool, serverKeepAlive: Duration?) {
        guard case .opening(let client, _) = phase else { return }
        versions.noteSuccess(client.version)
        backoff.reset()
        phase = .up(client)
        // Whether the broker takes it is seen by what is asked of it next.
        _ = try? client.publish(presence.birth)
    }

    func published(identifier: Int32, reason: Int32) {
        if identifier == farewell { farewell = nil }
        guard let index = sent.firstIndex(where: { $0.open.contains(identifier) }) else { return }
        if reason >= 128 {
            let words = "\(settings.broker) refused: \(MosquittoError(reason: reason).description)"
            let isFinal = PublisherSession.finalReasons.contains(reason)
            sent[index].request.answer(isFinal ? .refused(code: Int(reason), words) : .failed(words))
        } else {
            sent[index].open.remove(identifier)
            if sent[index].open.isEmpty { sent[index].request.answer(.acknowledged) }
        }
        if sent[index].request.isAnswered { sent.remove(at: index) }
    }

    func received(_ message: MosquittoMessage) {}
    func subscribed(identifier: Int32, granted: [Int32]) {}
    func unsubscribed(identifier: Int32) {}

    /// MQTT 5, section 3.4.2.1: what is wrong with the message itself, or with who sends it.
    private static let finalReasons = Set(
        [
            MQTT_RC_NOT_AUTHORIZED, MQTT_RC_TOPIC_NAME_INVALID, MQTT_RC_PACKET_TOO_LARGE,
            MQTT_RC_PAYLOAD_FORMAT_INVALID,
        ].map { Int32($0.rawValue) }
    )
    private static let finalErrors = Set(
        [
            MOSQ_ERR_INVAL, MOSQ_ERR_PAYLOAD_SIZE, MOSQ_ERR_MALFORMED_UTF8, MOSQ_ERR_OVERSIZE_PACKET,
            MOSQ_ERR_RETAIN_NOT_SUPPORTED, MOSQ_ERR_QOS_NOT_SUPPORTED,
        ].map(\.rawValue)
    )

    private static func milliseconds(_ duration: Duration) -> Int32 {
        // Rounded up, so that a wait for what is nearly due is none of zero.
        Int32(clamping: max(0, duration.wholeMilliseconds + 1))
    }
}
