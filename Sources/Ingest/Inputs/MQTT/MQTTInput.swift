// The MQTT input: one connection, driven by hand, that acknowledges a message only when it is on disk.
internal import CommitLog
internal import EventModel
internal import Glibc
package import MQTT
internal import Platform

/// An MQTT subscriber with a persistent session. Owned by its thread from the first `step()`.
///
/// Lifecycle: waiting (back-off) → connecting (on a thread of its own) → opening (CONNECT sent) → up → lost → waiting.
///
/// Invariant, kept by `flush()` alone: libmosquitto may write only while `unacknowledged` is 0, that is while every QoS 1
/// message taken in on this connection is durable. Everything received is acknowledged together or not at all.
package final class MQTTInput: InputAdapter {
    enum Phase {
        case waiting(until: MonotonicInstant)
        case connecting(MosquittoConnection)
        case opening(MosquittoClient, since: MonotonicInstant)
        case up(MosquittoClient, since: MonotonicInstant)
        case finished
    }

    /// How long a broker may take from connection to CONNACK: any sound one needs milliseconds, and TLS a second.
    private static let openingMax = Duration.seconds(10)
    /// A connection that lasted this long proves the broker sound: the next attempt begins the back-off anew.
    private static let soundAfter = Duration.seconds(10)
    /// At most this many messages between two looks at deadlines.
    private static let messagesPerStepMax = 4096

    let settings: MQTTInputSettings
    let pipeline: IngestPipeline
    let clock: any Clock
    private let disk: any Disk
    private let router: TopicRouter
    let status: MQTTStatus
    let subscriptions: MQTTSubscriptions

    private(set) var phase: Phase
    private var backoff: Backoff
    /// The longest that a batch waits for its sync, and how far apart commits are that nothing else calls for.
    private let commitInterval: Duration
    private var commitRestsUntil: MonotonicInstant
    private var versions: MQTTVersionChoice
    /// The keep-alive that holds: the broker may shorten ours.
    private var keepAlive: Duration

    /// QoS 1 messages taken in since all were durable last: their acknowledgements are queued, and held.
    private var unacknowledged = 0
    /// When the oldest held acknowledgement was queued, or reading stopped.
    private var heldSince: MonotonicInstant?
    private var takenInStep = 0
    private var isDrained = true
    private var receivedAt = Timestamp(milliseconds: 0)
    private var captures = TopicCaptures()
    /// Messages are compared with the log's tail: those with which a resumed session began, so far.
    private var comparesRedelivery = false

    /// - Throws: a pattern that cannot be compiled.
    package init(
        name: String,
        settings: MQTTInputSettings,
        pipeline: IngestPipeline,
        state: InputStateBox,
        environment: InputEnvironment
    ) throws(TopicPatternError) {
        self.settings = settings
        self.pipeline = pipeline
        clock = environment.clock
        disk = environment.disk
        router = try TopicRouter(subscribe: settings.subscribe, exclude: settings.exclude)
        status = MQTTStatus(box: state, broker: settings.broker)
        let held = HeldSubscriptions(disk: environment.disk, directory: environment.directory, inputName: name)
        subscriptions = MQTTSubscriptions(wanted: router.filters, file: held)
        backoff = Backoff(
            first: settings.reconnectFirst,
            longest: settings.reconnectLongest,
            seed: environment.seed
        )
        commitInterval = environment.commitInterval
        commitRestsUntil = environment.clock.monotonic()
        versions = MQTTVersionChoice(settings.protocolVersion)
        keepAlive = settings.keepAlive
        phase = .waiting(until: environment.clock.monotonic())
    }

    package func step() {
        let now = clock.monotonic()
        switch phase {
        case .waiting(let until):
            waitToConnect(until: until, now: now)
        case .connecting(let connection):
            awaitConnection(connection)
        case .opening(let client, let since):
            if now.since(since) > MQTTInput.openingMax {
                versions.noteSilence()
                lose("the broker did not answer CONNECT within \(MQTTInput.openingMax.components.seconds) s")
            } else {
                serve(client, now: now)
            }
        case .up(let client, _):
            serve(client, now: now)
        case .finished:
            return
        }
        pipeline.noteGap(.brokerDropped, status.takeBrokerDrops())
        pipeline.turn(now: clock.monotonic())
        status.publish(now: clock.monotonic())
    }

    package func finish() {
        let deadline = clock.monotonic().advanced(by: InputLimits.finishMax)
        let isDurable = pipeline.settle(until: deadline, clock: clock)
        switch phase {
        case .opening(let client, _), .up(let client, _):
            if isDurable {
                unacknowledged = 0
                _ = flush(client)
                client.disconnect()
                _ = flush(client)
            }
        case .waiting, .connecting, .finished:
            break
        }
        pipeline.finish()
        phase = .finished
        status.isUp = false
        status.text = isDurable ? "stopped" : "stopped; the log did not confirm in time, the broker will deliver again"
        status.publishNow()
    }

    // MARK: Connecting

    private func waitToConnect(until: MonotonicInstant, now: MonotonicInstant) {
        // Connecting while the log takes nothing would only fetch what cannot be stored, and what comes again is recognised by
        // what is durable.
        if now < until || !pipeline.settleBeforeConnecting() {
            inputNap(min(InputLimits.stepWaitMax, max(InputLimits.blockedNap, until.since(now))))
            return
        }
        var password: String?
        do throws(DiskError) {
            if let file = settings.passwordFile { password = try disk.password(file) }
        } catch {
            return lose("\(settings.broker): no password: \(error)")
        }
        do throws(MosquittoError) {
            let client = try MosquittoClient(settings: settings.connection, version: versions.next, password: password)
            client.receiver = self
            status.text = "connecting to \(settings.broker)"
            phase = .connecting(MosquittoConnection(client))
        } catch {
            lose("\(settings.broker): \(error)")
        }
    }

    private func awaitConnection(_ connection: MosquittoConnection) {
        switch connection.wait(upTo: InputLimits.stepWaitMax) {
        case nil:
            return
        case .failed(let error):
            lose("cannot connect to \(settings.broker): \(error)")
        case .connected:
            isDrained = true
            phase = .opening(connection.client, since: clock.monotonic())
        }
    }

    /// Gives the connection up without acknowledging. What was taken in goes to the log all the same; the broker sends it
    /// again, which is the price of at-least-once.
    private func lose(_ reason: String) {
        let now = clock.monotonic()
        _ = pipeline.handOver()
        if case .up(_, let since) = phase {
            if now.since(since) > MQTTInput.soundAfter { backoff.reset() }
            pipeline.endRedelivery()
        }
        unacknowledged = 0
        heldSince = nil
        comparesRedelivery = false
        phase = .waiting(until: now.advanced(by: backoff.next()))
        status.isUp = false
        status.text = reason
        status.publishNow()
    }

    // MARK: Serving

    private func serve(_ client: MosquittoClient, now: MonotonicInstant) {
        if let heldSince, now.since(heldSince) > keepAlive * 3 / 2 {
            status.keepAliveReconnects += 1
            lose("the log did not take what was received for 1.5 times the keep-alive: reconnecting")
            return
        }
        if let error = flush(client) { return end(error) }
        wait(for: client, now: now)
        if !pipeline.isBlocked, let error = takeIn(client) { return end(error) }
        settle(client)
    }

    /// The only place where libmosquitto writes: never while an acknowledgement is held.
    private func flush(_ client: MosquittoClient) -> MosquittoError? {
        guard unacknowledged == 0 else { return nil }
        heldSince = pipeline.isBlocked ? heldSince ?? clock.monotonic() : nil
        if client.wantsWrite, let error = client.write() { return error }
        // A ping that is queued here leaves with the next flush, at most one step later. While reading stands still no
        // answer to one could be seen, so none is sent.
        return pipeline.isBlocked ? nil : client.keepAlive()
    }

    private func wait(for client: MosquittoClient, now: MonotonicInstant) {
        if pipeline.isBlocked { return inputNap(InputLimits.blockedNap) }
        guard isDrained else { return }
        var timeout = InputLimits.stepWaitMax
        if let deadline = pipeline.deadline { timeout = min(timeout, max(.zero, deadline.since(now))) }
        if unacknowledged > 0 { timeout = min(timeout, max(InputLimits.blockedNap, commitRestsUntil.since(now))) }
        var events = Int16(POLLIN)
        if unacknowledged == 0, client.wantsWrite { events |= Int16(POLLOUT) }
        var descriptor = pollfd(fd: client.socket, events: events, revents: 0)
        poll(&descriptor, 1, pollMilliseconds(timeout))
    }

    /// Reads until the socket has nothing left, the window is full, or the pipeline is.
    private func takeIn(_ client: MosquittoClient) -> MosquittoError? {
        takenInStep = 0
        receivedAt = clock.now()
        repeat {
            switch client.read() {
            case .more:
                isDrained = false
            case .drained:
                isDrained = true
                return nil
            case .failed(let error):
                return error
            }
        } while !pipeline.isBlocked && unacknowledged < Int(settings.receiveMaximum)
            && takenInStep < MQTTInput.messagesPerStepMax
        return nil
    }

    /// Commits where that is called for, and then lets the acknowledgements go.
    private func settle(_ client: MosquittoClient) {
        guard unacknowledged > 0 else { return }
        let now = clock.monotonic()
        let isFull = unacknowledged >= Int(settings.receiveMaximum) || pipeline.isBlocked
        let isDue = pipeline.deadline.map { $0 <= now } ?? true
        // A message after a pause is committed at once: the lowest latency. Those that follow share the next commit.
        let isQuiet = isDrained && pipeline.writerIsIdle && now >= commitRestsUntil
        guard isFull || isDue || isQuiet else { return }
        commitRestsUntil = now.advanced(by: commitInterval)
        switch pipeline.handOver() {
        case .nothing:
            release(client)
        case .accepted(let ticket):
            switch pipeline.wait(for: ticket, timeout: InputLimits.stepWaitMax) {
            case .durable: release(client)
            case .pending: return
            case .failed: lose("the log failed: nothing is acknowledged")
            }
        case .full:
            return
        case .closed:
            lose("the log is closed: nothing is acknowledged")
        }
    }

    private func release(_ client: MosquittoClient) {
        unacknowledged = 0
        if let error = flush(client) { end(error) }
    }

    private func end(_ error: MosquittoError) {
        if case .opening = phase { versions.noteRefusal(error) }
        lose("\(settings.broker): \(error)")
    }
}

extension MQTTInput: MosquittoReceiver {
    package func received(_ message: MosquittoMessage) {
        takenInStep += 1
        let isAboutBroker = status.noteBroker(topic: message.topic, payload: message.payload)
        switch router.route(message.topic, captures: &captures) {
        case .excluded:
            status.excluded += 1
        case .unmatched:
            if !isAboutBroker { status.unmatched += 1 }
        case .wanted(let pattern):
            if message.qos > 0 {
                noteRedelivery(message.isRedelivered)
                unacknowledged += 1
                if heldSince == nil { heldSince = clock.monotonic() }
            }
            var arrival = Arrival(receivedAt: receivedAt, from: message.topic)
            arrival.topicDevice = captures.device?.bytes(of: message.topic)
            arrival.topicMetric = captures.metric?.bytes(of: message.topic)
            for label in 0..<router.labelCount(ofPattern: pattern) {
                arrival.topicLabels.append(
                    name: router.labelName(ofPattern: pattern, label: label),
                    value: captures.labels[label].bytes(of: message.topic)
                )
            }
            arrival.isRetained = message.isRetained
            arrival.isRedelivered = message.isRedelivered
            arrival.messageID = message.identifier == 0 ? nil : message.identifier
            pipeline.accept(message.payload, arrival)
        }
    }

    /// The first message that was sent before has the log's tail read, and the first one that was not ends the matter.
    private func noteRedelivery(_ isRedelivered: Bool) {
        guard isRedelivered != comparesRedelivery else { return }
        comparesRedelivery = isRedelivered
        guard isRedelivered else { return pipeline.endRedelivery() }
        do throws(LogError) {
            try pipeline.expectRedelivery(messagesMax: Int(settings.receiveMaximum))
        } catch {
            status.redeliveryError = "what comes again is not recognised: \(error)"
        }
    }

    package func connected(sessionPresent: Bool, serverKeepAlive: Duration?) {
        guard case .opening(let client, _) = phase else { return }
        keepAlive = serverKeepAlive ?? settings.keepAlive
        versions.noteSuccess(client.version)
        phase = .up(client, since: clock.monotonic())
        status.noteConnection(version: client.version, sessionPresent: sessionPresent)
        subscriptions.begin(client, sessionPresent: sessionPresent)
        status.note(subscriptions)
    }

    package func subscribed(identifier: Int32, granted: [Int32]) {
        subscriptions.noteSubscribed(identifier: identifier, granted: granted)
        status.note(subscriptions)
    }

    package func unsubscribed(identifier: Int32) {
        subscriptions.noteUnsubscribed(identifier: identifier)
        status.note(subscriptions)
    }

    /// An input publishes nothing.
    package func published(identifier: Int32, reason: Int32) {}
}

extension MQTTInput {
    package static let definition = InputDefinition(
        name: MQTTInputSettings.typeName,
        summary: "subscribes to an MQTT broker and acknowledges what is on disk",
        sharesThread: false
    ) { endpoints, environment throws(InputDefinitionError) in
        guard endpoints.count == 1, let settings = endpoints[0].settings as? MQTTInputSettings else {
            preconditionFailure("an MQTT adapter is made for one endpoint with MQTT settings")
        }
        do throws(TopicPatternError) {
            return try MQTTInput(
                name: endpoints[0].name,
                settings: settings,
                pipeline: endpoints[0].pipeline,
                state: endpoints[0].state,
                environment: environment
            )
        } catch {
            throw InputDefinitionError(input: endpoints[0].name, reason: error.description)
        }
    }
}
