// Debian's mosquitto with its own clients, and a scripted broker that says when it acknowledges.
import Foundation
import Glibc
import MQTT
import Platform
import Synchronization

/// A mosquitto of the test's own, on loopback; killed when the last reference goes.
final class MosquittoBench {
    let port: UInt16
    private let directory: TemporaryDirectory
    private var broker: Process?

    /// `lines`: of its configuration, beside the listener.
    init(_ directory: TemporaryDirectory, lines: [String] = ["allow_anonymous true"]) throws {
        self.directory = directory
        port = try MosquittoBench.freePort()
        let configuration = ["listener \(port) 127.0.0.1", "user root"] + lines
        _ = try directory.file("mosquitto.conf", configuration.joined(separator: "\n") + "\n")
    }

    deinit {
        kill()
    }

    func start() async throws {
        try await eventually("the broker listens") {
            // Somebody else may have had the port for a moment.
            if broker?.isRunning != true { broker = try run() }
            return MosquittoBench.accepts(port)
        }
    }

    private func run() throws -> Process {
        let broker = Process()
        broker.executableURL = URL(fileURLWithPath: "/usr/sbin/mosquitto")
        broker.arguments = ["-c", directory.path + "/mosquitto.conf"]
        broker.standardOutput = FileHandle.nullDevice
        broker.standardError = FileHandle.nullDevice
        try broker.run()
        return broker
    }

    func kill() {
        guard let broker, broker.isRunning else { return }
        Glibc.kill(broker.processIdentifier, SIGKILL)
        broker.waitUntilExit()
    }

    /// The retained messages as a subscriber sees them that comes only now: by topic.
    func retained() async throws -> [String: String] {
        let output = directory.path + "/retained"
        try write([], to: output)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
        let subscriber = Process()
        subscriber.executableURL = URL(fileURLWithPath: "/usr/bin/mosquitto_sub")
        subscriber.arguments = ["-h", "127.0.0.1", "-p", "\(port)", "-t", "#", "--retained-only", "-F", "%t %p"]
        subscriber.standardOutput = file
        subscriber.standardError = FileHandle.nullDevice
        try subscriber.run()
        // It ends with the first message that is not retained, before which all retained ones come.
        try await eventually("the subscriber has seen all") {
            try tool("mosquitto_pub", "-h", "127.0.0.1", "-p", "\(port)", "-t", "end", "-m", "end")
            return !subscriber.isRunning
        }
        var messages: [String: String] = [:]
        for line in String(decoding: try contents(of: output), as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            messages[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
        return messages
    }

    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
            }
        }
        guard isBound else { throw HarnessError("no free port: \(systemErrorText(errno))") }
        return UInt16(bigEndian: address.sin_port)
    }

    static func accepts(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        return address
    }
}

/// Runs a program of `/usr/bin` to its end; throws unless it exits with 0.
func tool(_ name: String, _ arguments: String...) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/\(name)")
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw HarnessError("\(name) \(arguments.joined(separator: " "))") }
}

/// A broker of MQTT 3.1.1 that lets everybody in, counts what is published, and acknowledges it only when it is told to.
final class HoldingBroker: Sendable {
    private struct State {
        var published = 0
        var isHolding = true
        var held: [[UInt8]] = []
        var peer: Int32 = -1
    }

    let port: UInt16
    private let listener: Int32
    private let state = Mutex(State())

    init() throws {
        port = try MosquittoBench.freePort()
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var on: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        var address = MosquittoBench.loopback(port)
        let descriptor = listener
        let isListening = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 && listen(descriptor, 8) == 0
            }
        }
        guard isListening else { throw HarnessError("listen: \(systemErrorText(errno))") }
        _ = PlatformThread(name: "holding-broker") { [self] in
            while true {
                let peer = accept(listener, nil, nil)
                guard peer >= 0 else { return }
                state.withLock { $0.peer = peer }
                serve(peer)
                close(peer)
            }
        }
    }

    /// Messages at QoS 1 that have come, those that came again included.
    var published: Int { state.withLock { $0.published } }

    /// Acknowledges what was held, and what comes from now on.
    func release() {
        let (held, peer) = state.withLock { state in
            defer { state.held = [] }
            state.isHolding = false
            return (state.held, state.peer)
        }
        for identifier in held { reply([0x40, 2] + identifier, peer) }
    }

    /// No more connections.
    func end() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private func serve(_ peer: Int32) {
        while let (kind, body) = receive(peer) {
            switch kind >> 4 {
            // CONNECT: level 4 is 3.1.1; what it does not know it refuses as that version does.
            case 1: reply([0x20, 2, 0, body.count > 6 && body[6] == 4 ? 0 : 1], peer)
            case 3 where kind & 6 == 2 && body.count > 1:
                let length = Int(body[0]) << 8 | Int(body[1])
                guard body.count >= length + 4 else { return }
                let identifier = Array(body[(length + 2)..<(length + 4)])
                let isHolding = state.withLock { state in
                    state.published += 1
                    if state.isHolding { state.held.append(identifier) }
                    return state.isHolding
                }
                if !isHolding { reply([0x40, 2] + identifier, peer) }
            case 12: reply([0xD0, 0], peer)
            case 14: return
            default: break
            }
        }
    }

    private func reply(_ bytes: [UInt8], _ peer: Int32) {
        _ = bytes.withUnsafeBytes { send(peer, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// One packet: its first byte, and what follows its length.
    private func receive(_ peer: Int32) -> (UInt8, [UInt8])? {
        guard let kind = read(1, peer)?.first else { return nil }
        var length = 0
        for shift in stride(from: 0, to: 28, by: 7) {
            guard let byte = read(1, peer)?.first else { return nil }
            length |= Int(byte & 0x7F) << shift
            if byte < 0x80 { break }
        }
        guard let body = read(length, peer) else { return nil }
        return (kind, body)
    }

    private func read(_ count: Int, _ peer: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var got = 0
        while got < count {
            let part = bytes.withUnsafeMutableBytes { recv(peer, $0.baseAddress?.advanced(by: got), count - got, 0) }
            guard part > 0 else { return nil }
            got += part
        }
        return bytes
    }
}
