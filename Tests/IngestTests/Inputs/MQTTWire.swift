// A second, independent MQTT 3.1.1: just enough of the wire for a publisher and a scripted broker.
import Glibc
import Platform
import Testing

/// One control packet: the first byte and the body without the length.
struct WirePacket: Equatable {
    var first: UInt8
    var body: [UInt8]

    var kind: UInt8 { first >> 4 }
    /// The identifier at the body's start, as in PUBACK, SUBSCRIBE and UNSUBSCRIBE.
    var identifier: [UInt8] { Array(body.prefix(2)) }

    var bytes: [UInt8] {
        var length = body.count
        var result = [first]
        repeat {
            let digit = UInt8(length % 128)
            length /= 128
            result.append(length > 0 ? digit | 0x80 : digit)
        } while length > 0
        return result + body
    }

    static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return [UInt8(bytes.count >> 8), UInt8(bytes.count & 0xFF)] + bytes
    }

    static func connect(client: String) -> WirePacket {
        WirePacket(first: 0x10, body: text("MQTT") + [4, 0x02, 0, 60] + text(client))
    }

    static func publish(
        _ topic: String,
        _ payload: [UInt8],
        qos: UInt8,
        identifier: UInt16,
        isRetained: Bool
    ) -> WirePacket {
        let identifierBytes = qos > 0 ? [UInt8(identifier >> 8), UInt8(identifier & 0xFF)] : []
        let first = 0x30 | qos << 1 | (isRetained ? 1 : 0)
        return WirePacket(first: first, body: text(topic) + identifierBytes + payload)
    }
}

/// A connected stream socket that carries packets; every read gives up after a minute.
final class WireConnection {
    private let descriptor: Int32

    init(taking descriptor: Int32) {
        self.descriptor = descriptor
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    convenience init(port: UInt16) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback(port: port)
        guard withSocketAddress(&address, { Glibc.connect(descriptor, $0, $1) }) == 0 else {
            let code = errno
            close(descriptor)
            throw TestFailure("connect: \(systemErrorText(code))")
        }
        self.init(taking: descriptor)
    }

    deinit {
        close(descriptor)
    }

    func send(_ packet: WirePacket) throws {
        let bytes = packet.bytes
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw TestFailure("send: \(systemErrorText(errno))") }
            sent += count
        }
    }

    /// Nil at the end of the connection.
    func receive() throws -> WirePacket? {
        guard let first = try bytes(1)?.first else { return nil }
        var length = 0
        var shift = 0
        while true {
            guard let digit = try bytes(1)?.first else { return nil }
            length |= Int(digit & 0x7F) << shift
            shift += 7
            if digit & 0x80 == 0 { break }
        }
        guard let body = try bytes(length) else { return nil }
        return WirePacket(first: first, body: body)
    }

    /// Whether something has come that was not received yet.
    var hasInput: Bool {
        var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&item, 1, 0) > 0
    }

    private func bytes(_ count: Int) throws -> [UInt8]? {
        var result = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = result.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + filled, count - filled, 0) }
            if got == 0 { return nil }
            guard got > 0 else { throw TestFailure("receive: \(systemErrorText(errno))") }
            filled += got
        }
        return result
    }
}

/// Publishes and waits for each acknowledgement.
final class WirePublisher {
    private let connection: WireConnection
    private var nextIdentifier: UInt16 = 0

    init(port: UInt16) throws {
        connection = try WireConnection(port: port)
        try connection.send(.connect(client: "test-publisher"))
        guard let answer = try connection.receive(), answer.kind == 2, answer.body.last == 0 else {
            throw TestFailure("the broker refused the publisher")
        }
    }

    func publish(_ topic: String, _ payload: String, qos: UInt8 = 1, isRetained: Bool = false) throws {
        try publish(topic, Array(payload.utf8), qos: qos, isRetained: isRetained)
    }

    func publish(_ topic: String, _ payload: [UInt8], qos: UInt8 = 1, isRetained: Bool = false) throws {
        nextIdentifier = nextIdentifier == .max ? 1 : nextIdentifier + 1
        try connection.send(
            .publish(topic, payload, qos: qos, identifier: nextIdentifier, isRetained: isRetained)
        )
        guard qos > 0 else { return }
        guard let answer = try connection.receive(), answer.kind == 4 else {
            throw TestFailure("the broker did not acknowledge")
        }
    }
}

/// Debian's mosquitto as a child process with a directory of its own.
final class BrokerProcess {
    let port: UInt16
    private let directory: ScratchDirectory
    private var process: ChildProcess?

    /// - `port`: a free one unless given.
    /// - `lines`: further lines of its configuration.
    init(in directory: ScratchDirectory, port: UInt16? = nil, lines: [String] = ["allow_anonymous true"]) throws {
        self.port = try port ?? freeTCPPort()
        self.directory = directory
        let configuration = ["listener \(self.port) 127.0.0.1", "user root", "sys_interval 1"] + lines
        _ = try directory.file("broker-\(self.port).conf", configuration.joined(separator: "\n") + "\n")
        try start()
    }

    func start() throws {
        let file = "\(directory.path)/broker-\(port).conf"
        process = try ChildProcess(["mosquitto", "-c", file], log: "\(directory.path)/broker.log")
        try repeatUntil("the broker listens", { (try? WireConnection(port: port)) != nil }) { usleep(5000) }
    }

    func kill() {
        process?.end(SIGKILL)
        process = nil
    }
}
