// Publishes at QoS 1 over one connection that is kept: what the broker has not acknowledged is not published.
package import Platform
internal import Synchronization

/// How an attempt to publish ended.
package enum MQTTPublishOutcome: Hashable, Sendable {
    /// PUBACK has come for every message.
    case acknowledged
    /// The broker never will take it as it is; with its reason code, or libmosquitto's.
    case refused(code: Int, String)
    /// It may work later.
    case failed(String)
}

/// What a client says of itself, retained: `online` while it is connected, and `offline` by the broker when it is lost.
package struct MQTTPresence: Hashable, Sendable {
    package var topic: String

    package init(topic: String) {
        self.topic = topic
    }

    var birth: MQTTMessage { MQTTMessage(topic: topic, payload: Array("online".utf8), isRetained: true) }
    var will: MQTTMessage { MQTTMessage(topic: topic, payload: Array("offline".utf8), isRetained: true) }
}

/// Connects at once, and again whenever the connection is lost.
///
/// Lifecycle: runs on a thread of its own from `init` to `stop()`, which comes exactly once. `publish` from any task.
package final class MQTTPublisher: Sendable {
    private let mailbox: PublisherMailbox
    private let thread: PlatformThread
    private let clock: any Clock

    /// - `disk`: where the password's file is.
    /// - `clock`: of the network, so never one that only a test moves.
    /// - `seed`: of the jitter.
    package init(
        _ settings: MQTTConnectionSettings,
        presence: MQTTPresence,
        disk: any Disk,
        clock: any Clock,
        seed: UInt64
    ) {
        let mailbox = PublisherMailbox()
        self.mailbox = mailbox
        self.clock = clock
        thread = PlatformThread(name: "mqtt-publish") {
            let session = PublisherSession(settings, presence, mailbox, disk: disk, clock: clock, seed: seed)
            while !mailbox.isStopping { session.step() }
            session.finish()
        }
    }

    /// One attempt, which is over within `timeout`, or when the task is cancelled; with the first message that fails, too.
    package func publish(_ messages: [MQTTMessage], within timeout: Duration) async -> MQTTPublishOutcome {
        let request = PublishRequest(messages: messages, deadline: clock.monotonic().advanced(by: timeout))
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                request.wait(continuation)
                mailbox.put(request)
            }
        } onCancel: {
            request.answer(.failed("cancelled"))
        }
    }

    /// Says `offline`, leaves, and returns when the thread has ended, within a few seconds. Nothing is published any more.
    package func stop() async {
        mailbox.stop()
        await thread.joined()
    }
}

/// Messages that are published together, and who waits for them. Answered once; whatever comes later is left aside.
final class PublishRequest: Sendable {
    private enum State {
        case open
        case waited(CheckedContinuation<MQTTPublishOutcome, Never>)
        case answered(MQTTPublishOutcome)
    }

    let messages: [MQTTMessage]
    let deadline: MonotonicInstant
    private let state = Mutex(State.open)

    init(messages: [MQTTMessage], deadline: MonotonicInstant) {
        self.messages = messages
        self.deadline = deadline
    }

    var isAnswered: Bool {
        state.withLock { state in
            if case .answered = state { true } else { false }
        }
    }

    func wait(_ continuation: CheckedContinuation<MQTTPublishOutcome, Never>) {
        let early = state.withLock { state -> MQTTPublishOutcome? in
            if case .answered(let outcome) = state { return outcome }
            state = .waited(continuation)
            return nil
        }
        if let early { continuation.resume(returning: early) }
    }

    func answer(_ outcome: MQTTPublishOutcome) {
        let waiter = state.withLock { state -> CheckedContinuation<MQTTPublishOutcome, Never>? in
            defer { if case .answered = state {} else { state = .answered(outcome) } }
            if case .waited(let continuation) = state { return continuation }
            return nil
        }
        waiter?.resume(returning: outcome)
    }
}

/// What tasks have for the publisher's thread.
final class PublisherMailbox: Sendable {
    private struct State {
        var requests: [PublishRequest] = []
        var isStopping = false
    }

    private let state = Mutex(State())
    /// Where there are no descriptors left, the thread looks after its longest wait.
    private let wake = try? EventFD()

    /// -1 where nothing wakes it, which `poll` passes over.
    var wakeDescriptor: Int32 { wake?.descriptor ?? -1 }
    var isStopping: Bool { state.withLock { $0.isStopping } }

    func put(_ request: PublishRequest) {
        let isTaken = state.withLock { state in
            if !state.isStopping { state.requests.append(request) }
            return !state.isStopping
        }
        if isTaken { wake?.signal() } else { request.answer(.failed("stopped")) }
    }

    func stop() {
        state.withLock { $0.isStopping = true }
        wake?.signal()
    }

    func takeAll() -> [PublishRequest] {
        wake?.drain()
        return state.withLock { state in
            defer { state.requests = [] }
            return state.requests
        }
    }
}
