// Publishes the fleet through libmosquitto: a window of unacknowledged messages, paced, over reconnects.
internal import CMosquitto
internal import CSimulator
import Glibc

/// Where and how to publish.
struct MQTTSettings {
    var host: String
    var port: Int32
    var clientID: String
    var user: String?
    var password: String?
    /// 0 to 2.
    var qos: Int32
    /// The most messages without an acknowledgement.
    var window: Int
    /// Seconds that the broker may be away, at the start and in between.
    var connectTimeout: Double
}

/// Why publishing ended early.
struct MQTTPublisherError: Error {
    var description: String
}

/// One connection and what is under way on it. Everything, the callbacks included, runs on the thread that calls
/// `run`: libmosquitto's loop is driven from there. An acknowledgement is the broker's PUBACK, at QoS 2 its PUBCOMP.
final class MQTTPublisher {
    private let settings: MQTTSettings
    private let client: OpaquePointer
    private let acknowledged: AcknowledgedFile?
    private let topics: TopicTable
    private var report = SendingReport()
    private var acknowledgedCount: UInt64 = 0
    private var isConnected = false
    private var refusal: Int32 = 0
    /// By message id: what waits for its acknowledgement.
    private var underWay = [UnderWay?](repeating: nil, count: 65_536)
    private var underWayCount = 0

    private struct UnderWay {
        var device: Int
        /// 0 for a malformed payload.
        var sequence: UInt64
    }

    init(settings: MQTTSettings, topics: TopicTable, acknowledged: AcknowledgedFile?) throws(MQTTPublisherError) {
        mosquitto_lib_init()
        guard let client = mosquitto_new(settings.clientID, true, nil) else {
            throw MQTTPublisherError(description: "libmosquitto refuses the client id \(settings.clientID)")
        }
        self.client = client
        self.settings = settings
        self.topics = topics
        self.acknowledged = acknowledged
        mosquitto_user_data_set(client, Unmanaged.passUnretained(self).toOpaque())
        mosquitto_max_inflight_messages_set(client, UInt32(settings.window))
        mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1)
        if let user = settings.user { mosquitto_username_pw_set(client, user, settings.password) }
        mosquitto_connect_callback_set(client) { _, context, code in
            MQTTPublisher.from(context)?.connected(code)
        }
        mosquitto_disconnect_callback_set(client) { _, context, _ in
            MQTTPublisher.from(context)?.isConnected = false
        }
        mosquitto_publish_callback_set(client) { _, context, messageID in
            MQTTPublisher.from(context)?.acknowledge(messageID)
        }
    }

    deinit {
        mosquitto_destroy(client)
        mosquitto_lib_cleanup()
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> MQTTPublisher? {
        context.map { Unmanaged<MQTTPublisher>.fromOpaque($0).takeUnretainedValue() }
    }

    // MARK: Callbacks

    private func connected(_ code: Int32) {
        isConnected = code == 0
        refusal = code
    }

    private func acknowledge(_ messageID: Int32) {
        guard let index = UInt16(exactly: messageID), let done = underWay[Int(index)] else { return }
        underWay[Int(index)] = nil
        underWayCount -= 1
        acknowledgedCount += 1
        if done.sequence > 0 { acknowledged?.append(device: done.device, sequence: done.sequence) }
    }

    // MARK: Publishing

    /// Publishes until `count` readings are out (0: without end) or a stop is asked for, then waits up to ten seconds
    /// for the acknowledgements that are missing. The report holds what went out, also where an error ended it.
    func run(
        _ source: inout PayloadSource,
        rate: Double,
        count: UInt64
    ) -> (SendingReport, failure: MQTTPublisherError?) {
        var failure: MQTTPublisherError?
        do throws(MQTTPublisherError) {
            try connect()
            report = SendingReport()
            try publish(&source, rate: rate, count: count)
            try awaitAcknowledgements()
        } catch {
            failure = error
        }
        mosquitto_disconnect(client)
        acknowledged?.flush()
        report.extra = settings.qos == 0 ? [] : [("acknowledged", acknowledgedCount)]
        return (report, failure)
    }

    private func publish(_ source: inout PayloadSource, rate: Double, count: UInt64) throws(MQTTPublisherError) {
        var pacer = Pacer(rate: rate)
        var buffer = PayloadBuffer(capacity: 1024)
        var offered: UInt64 = 0
        while !isStopRequested(), count == 0 || offered < count {
            let left = count == 0 ? 64 : Int(min(64, count - offered))
            let room = mosquitto_want_write(client) ? 0 : settings.window - underWayCount
            let due = pacer.due(at: monotonicNanoseconds(), limit: min(left, room))
            var published = 0
            while published < due, isConnected {
                try publishOne(&source, &buffer)
                published += 1
            }
            pacer.take(published)
            offered += UInt64(published)
            let wait = room == 0 ? 250_000_000 : min(pacer.wait(from: monotonicNanoseconds()), 250_000_000)
            try serve(waitNanoseconds: due > 0 && underWayCount < settings.window ? 0 : wait)
        }
    }

    private func publishOne(
        _ source: inout PayloadSource,
        _ buffer: inout PayloadBuffer
    ) throws(MQTTPublisherError) {
        buffer.removeAll()
        let content = source.appendNext(readings: 1, to: &buffer)
        var messageID: Int32 = 0
        let code = buffer.withBytes { bytes in
            mosquitto_publish(
                client,
                &messageID,
                topics.topic(device: content.device, metric: content.metric),
                Int32(bytes.count),
                bytes.baseAddress,
                settings.qos,
                false
            )
        }
        // Where the connection broke in this call the message is kept by libmosquitto, and goes out after a reconnect.
        switch MosquittoCode(code) {
        case .success: break
        case .connectionLost, .noConnection: isConnected = false
        case .other: throw MQTTPublisherError(description: "cannot publish: \(Self.text(code))")
        }
        report.count(content, bytes: buffer.count)
        guard settings.qos > 0, let index = UInt16(exactly: messageID) else { return }
        underWay[Int(index)] = UnderWay(device: content.device, sequence: content.sequence)
        underWayCount += 1
    }

    /// Reads and writes what is there, after waiting for the socket at most so long; reconnects where it broke.
    private func serve(waitNanoseconds: Int64) throws(MQTTPublisherError) {
        let socket = mosquitto_socket(client)
        guard socket >= 0 else { return try connect() }
        let wantsWrite = mosquitto_want_write(client)
        var state = pollfd(fd: socket, events: Int16(wantsWrite ? POLLIN | POLLOUT : POLLIN), revents: 0)
        let ready = poll(&state, 1, Int32((waitNanoseconds + 999_999) / 1_000_000))
        var code: Int32 = 0
        if ready > 0, state.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 { code = mosquitto_loop_read(client, 1) }
        if code == 0, ready > 0, state.revents & Int16(POLLOUT) != 0 { code = mosquitto_loop_write(client, 1) }
        if code == 0 { code = mosquitto_loop_misc(client) }
        acknowledged?.flush()
        if code != 0 {
            isConnected = false
            try connect()
        }
    }

    /// Connects, and waits for the broker's word, with a back-off, for as long as the settings allow.
    private func connect() throws(MQTTPublisherError) {
        let deadline = monotonicNanoseconds() + Int64(settings.connectTimeout * 1e9)
        var pause: Int64 = 50_000_000
        var reason = "no answer"
        while !isStopRequested() {
            refusal = 0
            isConnected = false
            let code = mosquitto_connect(client, settings.host, settings.port, 60)
            if code == 0 {
                let answerDeadline = monotonicNanoseconds() + 5_000_000_000
                while !isConnected, refusal == 0, monotonicNanoseconds() < answerDeadline,
                    mosquitto_loop(client, 50, 1) == 0, !isStopRequested()
                {}
                if isConnected { return }
                if refusal != 0 {
                    let refused = String(cString: mosquitto_connack_string(refusal))
                    throw MQTTPublisherError(description: "\(settings.host):\(settings.port): \(refused)")
                }
            } else {
                reason = Self.text(code)
            }
            guard monotonicNanoseconds() < deadline else {
                throw MQTTPublisherError(description: "cannot reach \(settings.host):\(settings.port): \(reason)")
            }
            Pacer.sleep(pause)
            pause = min(pause * 2, 1_000_000_000)
        }
    }

    private func awaitAcknowledgements() throws(MQTTPublisherError) {
        let deadline = monotonicNanoseconds() + 10_000_000_000
        while underWayCount > 0 || mosquitto_want_write(client), monotonicNanoseconds() < deadline {
            // After a stop nothing is reconnected: what is not acknowledged stays so.
            guard isConnected || !isStopRequested() else { return }
            try serve(waitNanoseconds: 50_000_000)
        }
    }

    private static func text(_ code: Int32) -> String {
        code == MosquittoCode.systemError ? systemErrorText(errno) : String(cString: mosquitto_strerror(code))
    }
}

/// The outcomes of libmosquitto that matter here.
private enum MosquittoCode {
    case success
    case connectionLost
    case noConnection
    case other

    static let systemError = Int32(MOSQ_ERR_ERRNO.rawValue)

    init(_ code: Int32) {
        switch code {
        case Int32(MOSQ_ERR_SUCCESS.rawValue): self = .success
        case Int32(MOSQ_ERR_CONN_LOST.rawValue): self = .connectionLost
        case Int32(MOSQ_ERR_NO_CONN.rawValue): self = .noConnection
        default: self = .other
        }
    }
}
