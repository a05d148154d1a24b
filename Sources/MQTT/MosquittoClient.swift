// The only door to libmosquitto: one client handle, from its connection to its loss.
//
// libmosquitto queues a message's PUBACK before it calls back, and has no call for a manual one. With `threaded` set it
// writes nothing by itself: what is queued leaves in `write()`, which sends the whole queue. So whoever calls `write()`
// only when all that was received is durable has acknowledgement after sync (measured with 2.0.11).
internal import CMosquitto
internal import Glibc
internal import Platform

/// Why libmosquitto or the broker refused.
package struct MosquittoError: Error, Sendable, CustomStringConvertible {
    /// `MOSQ_ERR_…`, or a reason code of the broker.
    package var code: Int32
    package var description: String

    fileprivate init(_ code: mosq_err_t, detail: String? = nil) {
        let systemError = errno
        self.code = code.rawValue
        let words = String(cString: mosquitto_strerror(code.rawValue))
        description = code == MOSQ_ERR_ERRNO ? systemErrorText(systemError) : words
        while description.hasSuffix(".") { description.removeLast() }
        if let detail { description += " (\(detail))" }
    }

    /// A reason code of MQTT 5.
    init(reason code: Int32) {
        self.init(refusal: code, version: .version5)
    }

    fileprivate init(refusal code: Int32, version: MQTTProtocol) {
        self.code = code
        let words = version == .version5 ? mosquitto_reason_string(code) : mosquitto_connack_string(code)
        description = words.map { String(cString: $0) } ?? "reason \(code)"
        while description.hasSuffix(".") { description.removeLast() }
    }
}

/// A message as the callback sees it; valid during the call.
package struct MosquittoMessage {
    package var topic: UnsafeRawBufferPointer
    package var payload: UnsafeRawBufferPointer
    package var qos: Int32
    package var isRetained: Bool
    /// 0 at QoS 0.
    package var identifier: UInt16
    /// The flag DUP (MQTT 5, section 3.3.1.1): sent before, without an acknowledgement. Known for the messages with which a
    /// resumed session begins, up to the first one without it: brokers send again in the original order, and first.
    package var isRedelivered: Bool
}

/// A message to be published at QoS 1.
package struct MQTTMessage: Hashable, Sendable {
    /// A topic that `MQTTTopic` allows.
    package var topic: String
    package var payload: [UInt8]
    /// The broker keeps it for whoever subscribes later.
    package var isRetained: Bool

    package init(topic: String, payload: [UInt8], isRetained: Bool) {
        self.topic = topic
        self.payload = payload
        self.isRetained = isRetained
    }
}

/// Who is told what the broker says; called inside of `read()`, on its thread.
package protocol MosquittoReceiver: AnyObject {
    /// Allocates nothing, but for the first redelivered message, and does not call the client.
    func received(_ message: MosquittoMessage)
    func connected(sessionPresent: Bool, serverKeepAlive: Duration?)
    /// `granted`: per filter the granted QoS, or 128 and more where it was refused.
    func subscribed(identifier: Int32, granted: [Int32])
    func unsubscribed(identifier: Int32)
    /// `reason`: 0, or of MQTT 5 what else the broker said; 128 and more where it refused.
    func published(identifier: Int32, reason: Int32)
}

/// A handle for one connection. Discarded when that is lost: nothing of a session lives in it.
///
/// Owned by one thread at a time: `connect()` may run on a thread of its own, for it can block; afterwards, and after
/// that thread has handed it back, everything else runs on the thread of who uses it.
package final class MosquittoClient: @unchecked Sendable {
    // Sendable: see above; the hand-back goes through a lock.
    package enum ReadOutcome {
        case more
        /// The socket has nothing left.
        case drained
        case failed(MosquittoError)
    }

    package let version: MQTTProtocol
    private let handle: OpaquePointer
    private let settings: MQTTConnectionSettings
    package weak var receiver: (any MosquittoReceiver)?
    /// The broker's reason, where it gave one before it closed.
    private(set) var refusal: MosquittoError?
    /// The last error that libmosquitto logged while connecting: OpenSSL's words, for example.
    private var logged: String?
    /// Whether messages may still be redelivered, and whether the one being read is.
    private var watchesRedelivery = false
    private var isRedelivered = false
    /// How libmosquitto's log begins a line on a message, up to the digit of DUP.
    private let publishLogPrefix: [CChar]

    private static let isLibraryReady: Bool = mosquitto_lib_init() == MOSQ_ERR_SUCCESS.rawValue

    /// `version`: `.version5` or `.version311`. `password`: never shown. `will`: published by the broker when the
    /// connection is lost.
    package init(
        settings: MQTTConnectionSettings,
        version: MQTTProtocol,
        password: String?,
        will: MQTTMessage? = nil
    ) throws(MosquittoError) {
        precondition(version != .auto, "a client speaks one version")
        let isClean = settings.sessionExpiry == nil
        guard MosquittoClient.isLibraryReady, let handle = mosquitto_new(settings.clientID, isClean, nil) else {
            throw MosquittoError(MOSQ_ERR_NOMEM)
        }
        self.settings = settings
        self.version = version
        self.handle = handle
        publishLogPrefix = "Client \(settings.clientID) received PUBLISH (d".utf8.map { CChar(bitPattern: $0) }
        mosquitto_user_data_set(handle, Unmanaged.passUnretained(self).toOpaque())
        try configure(password: password)
        if let will { try setWill(will) }
        setCallbacks()
    }

    deinit {
        mosquitto_destroy(handle)
    }

    private func configure(password: String?) throws(MosquittoError) {
        try check(mosquitto_threaded_set(handle, true))
        let wireVersion = version == .version5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311
        try check(mosquitto_int_option(handle, MOSQ_OPT_PROTOCOL_VERSION, wireVersion))
        try check(mosquitto_int_option(handle, MOSQ_OPT_TCP_NODELAY, 1))
        if version == .version5, let messages = settings.receiveMaximum {
            try check(mosquitto_int_option(handle, MOSQ_OPT_RECEIVE_MAXIMUM, Int32(messages)))
        }
        if settings.user != nil || password != nil {
            try check(mosquitto_username_pw_set(handle, settings.user, password))
        }
        guard settings.broker.usesTLS else { return }
        let systemCertificates = settings.caFile == nil ? "/etc/ssl/certs" : nil
        let code = mosquitto_tls_set(
            handle,
            settings.caFile,
            systemCertificates,
            settings.certificateFile,
            settings.keyFile,
            nil
        )
        guard code == MOSQ_ERR_SUCCESS.rawValue else {
            throw MosquittoError(mosq_err_t(code), detail: "ca_file, cert_file or key_file cannot be used")
        }
    }

    /// Resolves the name, connects and queues CONNECT. Blocks: for DNS (with one name server 10 s by default) and for the
    /// kernel's connection attempts (about 130 s per address that swallows packets).
    package func connect() -> MosquittoError? {
        logged = nil
        mosquitto_log_callback_set(handle) { _, context, level, text in
            guard level == Int32(MOSQ_LOG_ERR), let text else { return }
            MosquittoClient.from(context)?.logged = String(cString: text)
        }
        var properties: OpaquePointer?
        defer { mosquitto_property_free_all(&properties) }
        if version == .version5, let expiry = settings.sessionExpiry {
            let seconds = UInt32(clamping: expiry.components.seconds)
            mosquitto_property_add_int32(&properties, Int32(MQTT_PROP_SESSION_EXPIRY_INTERVAL.rawValue), seconds)
        }
        if version == .version5, let bytes = settings.packetBytesMax {
            mosquitto_property_add_int32(&properties, Int32(MQTT_PROP_MAXIMUM_PACKET_SIZE.rawValue), bytes)
        }
        let keepAlive = Int32(clamping: settings.keepAlive.components.seconds)
        let code = mosquitto_connect_bind_v5(
            handle,
            settings.broker.host,
            Int32(settings.broker.port),
            keepAlive,
            nil,
            properties
        )
        return code == MOSQ_ERR_SUCCESS.rawValue ? nil : MosquittoError(mosq_err_t(code), detail: logged)
    }

    /// Negative once the connection is gone.
    package var socket: Int32 { mosquitto_socket(handle) }

    package var wantsWrite: Bool { mosquitto_want_write(handle) }

    /// Takes in one packet, or what TLS has buffered; the receiver is called from here.
    package func read() -> ReadOutcome {
        errno = 0
        let code = mosquitto_loop_read(handle, 1)
        // Taken first: it tells whether the socket had more.
        let systemError = errno
        guard code == MOSQ_ERR_SUCCESS.rawValue else { return .failed(failure(code)) }
        // A DISCONNECT of the broker is read like any packet; libmosquitto closes the socket for it, and says so of none.
        guard socket >= 0 else { return .failed(failure(MOSQ_ERR_CONN_LOST.rawValue)) }
        return systemError == EAGAIN || systemError == EWOULDBLOCK ? .drained : .more
    }

    /// Sends all that is queued, as far as the socket takes it: SUBSCRIBE, PINGREQ, and every held acknowledgement.
    package func write() -> MosquittoError? {
        errno = 0
        let code = mosquitto_loop_write(handle, 1)
        return code == MOSQ_ERR_SUCCESS.rawValue ? nil : failure(code)
    }

    /// Queues a PINGREQ when one is due, and notices one that was not answered. Not while acknowledgements are held: the
    /// ping could not leave.
    package func keepAlive() -> MosquittoError? {
        let code = mosquitto_loop_misc(handle)
        return code == MOSQ_ERR_SUCCESS.rawValue ? nil : failure(code)
    }

    /// Queues one SUBSCRIBE for all `filters`; the answer comes to the receiver under the identifier returned.
    ///
    /// With MQTT 5 retained messages come only for subscriptions that the session did not have.
    package func subscribe(to filters: [String], qos: Int32) throws(MosquittoError) -> Int32 {
        let options = version == .version5 ? Int32(MQTT_SUB_OPT_SEND_RETAIN_NEW.rawValue) : 0
        var identifier: Int32 = 0
        let code = MosquittoClient.withCStrings(filters) { strings in
            mosquitto_subscribe_multiple(handle, &identifier, Int32(filters.count), strings, qos, options, nil)
        }
        try check(code)
        return identifier
    }

    package func unsubscribe(from filters: [String]) throws(MosquittoError) -> Int32 {
        var identifier: Int32 = 0
        let code = MosquittoClient.withCStrings(filters) { strings in
            mosquitto_unsubscribe_multiple(handle, &identifier, Int32(filters.count), strings, nil)
        }
        try check(code)
        return identifier
    }

    /// Queues one PUBLISH; what the broker says of it comes to the receiver under the identifier returned. Of more than the
    /// broker takes at once, the rest follows its acknowledgements by itself.
    package func publish(_ message: MQTTMessage) throws(MosquittoError) -> Int32 {
        guard let count = Int32(exactly: message.payload.count) else { throw MosquittoError(MOSQ_ERR_PAYLOAD_SIZE) }
        var identifier: Int32 = 0
        let code = message.payload.withUnsafeBytes { bytes in
            mosquitto_publish_v5(
                handle,
                &identifier,
                message.topic,
                count,
                bytes.baseAddress,
                1,
                message.isRetained,
                nil
            )
        }
        try check(code)
        return identifier
    }

    private func setWill(_ will: MQTTMessage) throws(MosquittoError) {
        let code = will.payload.withUnsafeBytes { bytes in
            mosquitto_will_set(handle, will.topic, Int32(bytes.count), bytes.baseAddress, 1, will.isRetained)
        }
        try check(code)
    }

    /// Queues DISCONNECT, which leaves with the next `write()`; the session stays.
    package func disconnect() {
        mosquitto_disconnect_v5(handle, 0, nil)
    }

    private func check(_ code: Int32) throws(MosquittoError) {
        guard code == MOSQ_ERR_SUCCESS.rawValue else { throw MosquittoError(mosq_err_t(code)) }
    }

    private func failure(_ code: Int32) -> MosquittoError {
        refusal ?? MosquittoError(mosq_err_t(code), detail: logged)
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> MosquittoClient? {
        context.map { Unmanaged<MosquittoClient>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func withCStrings<Result>(
        _ strings: [String],
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        return copies.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}

extension MosquittoClient {
    private func setCallbacks() {
        mosquitto_connect_v5_callback_set(handle) { _, context, code, flags, properties in
            MosquittoClient.from(context)?.handleConnack(code: code, flags: flags, properties: properties)
        }
        mosquitto_disconnect_v5_callback_set(handle) { _, context, code, _ in
            guard let client = MosquittoClient.from(context), code >= 128 else { return }
            client.refusal = MosquittoError(refusal: code, version: client.version)
        }
        mosquitto_message_callback_set(handle) { _, context, message in
            guard let client = MosquittoClient.from(context), let message else { return }
            client.handle(message.pointee)
            // The acknowledgement's wake-up byte may have found the library's own pipe full, which must not look like a
            // drained socket.
            errno = 0
        }
        mosquitto_subscribe_callback_set(handle) { _, context, identifier, count, granted in
            let codes = UnsafeBufferPointer(start: granted, count: granted == nil ? 0 : Int(max(0, count)))
            MosquittoClient.from(context)?.receiver?.subscribed(identifier: identifier, granted: Array(codes))
        }
        mosquitto_publish_v5_callback_set(handle) { _, context, identifier, reason, _ in
            MosquittoClient.from(context)?.receiver?.published(identifier: identifier, reason: reason)
        }
        mosquitto_unsubscribe_callback_set(handle) { _, context, identifier in
            MosquittoClient.from(context)?.receiver?.unsubscribed(identifier: identifier)
        }
    }

    private func handleConnack(code: Int32, flags: Int32, properties: OpaquePointer?) {
        guard code == 0 else {
            refusal = MosquittoError(refusal: code, version: version)
            return
        }
        // From here on each packet would be formatted for it.
        mosquitto_log_callback_set(handle, nil)
        logged = nil
        if flags & 1 != 0 { watchRedelivery() }
        var seconds: UInt16 = 0
        let keepAliveProperty = Int32(MQTT_PROP_SERVER_KEEP_ALIVE.rawValue)
        let found = mosquitto_property_read_int16(properties, keepAliveProperty, &seconds, false) != nil
        receiver?.connected(
            sessionPresent: flags & 1 != 0,
            serverKeepAlive: found && seconds > 0 ? .seconds(Int64(seconds)) : nil
        )
    }

    /// libmosquitto's callback does not tell DUP; its log does, right before.
    private func watchRedelivery() {
        watchesRedelivery = true
        mosquitto_log_callback_set(handle) { _, context, level, text in
            guard level == Int32(MOSQ_LOG_DEBUG), let text, let client = MosquittoClient.from(context) else { return }
            let length = client.publishLogPrefix.count
            guard strncmp(text, client.publishLogPrefix, length) == 0 else { return }
            client.isRedelivered = text[length] == CChar(bitPattern: UInt8(ascii: "1"))
        }
    }

    private func endWatchingRedelivery() {
        watchesRedelivery = false
        isRedelivered = false
        mosquitto_log_callback_set(handle, nil)
    }

    private func handle(_ message: mosquitto_message) {
        guard let topic = message.topic else { return }
        if watchesRedelivery, message.qos > 0, !isRedelivered { endWatchingRedelivery() }
        receiver?.received(
            MosquittoMessage(
                topic: UnsafeRawBufferPointer(start: topic, count: strlen(topic)),
                payload: UnsafeRawBufferPointer(start: message.payload, count: Int(max(0, message.payloadlen))),
                qos: message.qos,
                isRetained: message.retain,
                identifier: UInt16(clamping: message.mid),
                isRedelivered: isRedelivered && message.qos > 0
            )
        )
    }
}
