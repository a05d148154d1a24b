// A receiver of webhooks that knows nothing of the client's libraries: POSIX sockets, one thread per connection.
import Glibc
import Platform
import Synchronization

/// One request as it came.
struct ReceivedRequest: Sendable {
    var method: String
    var path: String
    /// Names in lower case.
    var headers: [String: String]
    var body: [UInt8]
    /// When it had come whole.
    var at: MonotonicInstant

    /// Names the delivery.
    var key: String? { headers["idempotency-key"] }
}

/// What the receiver does about a request. Every connection carries one.
enum ReceiverAnswer: Sendable {
    case status(Int, headers: [String: String] = [:], body: String = "")
    /// Nothing at all for as long as the client waits.
    case silence
    /// The header and half of the body, and then nothing.
    case stall(Int)
    /// The end of the connection.
    case hangUp
    /// A body that does not end for as long as the client reads.
    case endless(Int)
}

/// Listens on a port of the loopback that the kernel picks, from `init` until the last reference goes.
final class HTTPReceiver: Sendable {
    /// `number`: counts the requests of this path, from 1.
    typealias Plan = @Sendable (_ request: ReceivedRequest, _ number: Int) -> ReceiverAnswer

    private let work: ReceiverWork
    private let acceptor: PlatformThread
    private let host: String

    /// - `host`: an address of loopback.
    init(host: String = "127.0.0.1", _ plan: @escaping Plan = { _, _ in .status(200) }) throws {
        let work = try ReceiverWork(host, plan)
        self.host = host
        self.work = work
        acceptor = PlatformThread(name: "receiver") { work.acceptAll() }
    }

    deinit {
        work.stop()
        acceptor.join()
        work.joinPeers()
    }

    /// Answers by another plan from now on.
    func follow(_ plan: @escaping Plan) {
        work.follow(plan)
    }

    func url(_ path: String = "/alert") -> String { "http://\(host):\(work.port)\(path)" }

    /// All requests so far, in the order in which they had come whole.
    var requests: [ReceivedRequest] { work.requests }

    func requests(to path: String) -> [ReceivedRequest] { requests.filter { $0.path == path } }
}

private final class ReceiverWork: Sendable {
    private struct State {
        var plan: HTTPReceiver.Plan
        var requests: [ReceivedRequest] = []
        var open: Set<Int32> = []
        var peers: [PlatformThread] = []
        var isStopped = false
    }

    let port: UInt16
    private let listener: Int32
    private let clock = SystemClock()
    private let state: Mutex<State>

    init(_ host: String, _ plan: @escaping HTTPReceiver.Plan) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw HarnessError("socket: \(systemErrorText(errno))") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr(host)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(listener, address, length) == 0, listen(listener, 64) == 0 else { return false }
                return getsockname(listener, address, &length) == 0
            }
        }
        guard isListening else {
            let code = errno
            close(listener)
            throw HarnessError("listen: \(systemErrorText(code))")
        }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        state = Mutex(State(plan: plan))
    }

    deinit {
        close(listener)
    }

    var requests: [ReceivedRequest] { state.withLock { $0.requests } }

    func follow(_ plan: @escaping HTTPReceiver.Plan) {
        state.withLock { $0.plan = plan }
    }

    /// Until `stop()`: a listening socket that is shut down accepts nothing.
    func acceptAll() {
        while true {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else {
                if errno == EINTR || errno == ECONNABORTED { continue }
                return
            }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            let isTaken = state.withLock { state -> Bool in
                guard !state.isStopped else { return false }
                state.open.insert(descriptor)
                return true
            }
            guard isTaken else {
                close(descriptor)
                return
            }
            let peer = PlatformThread(name: "receiver-peer") { [self] in serve(descriptor) }
            state.withLock { $0.peers.append(peer) }
        }
    }

    func stop() {
        state.withLock { state in
            state.isStopped = true
            for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    func joinPeers() {
        let peers = state.withLock { state -> [PlatformThread] in
            let peers = state.peers
            state.peers = []
            return peers
        }
        for peer in peers { peer.join() }
    }

    // MARK: One connection

    private func serve(_ descriptor: Int32) {
        defer {
            state.withLock { state in _ = state.open.remove(descriptor) }
            close(descriptor)
        }
        guard let request = receive(descriptor) else { return }
        let answer = state.withLock { state -> ReceiverAnswer in
            state.requests.append(request)
            let number = state.requests.count { $0.path == request.path }
            return state.plan(request, number)
        }
        switch answer {
        case .status(let status, let headers, let body):
            let others = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
            let length = "Content-Length: \(body.utf8.count)\r\n"
            reply("HTTP/1.1 \(status) Test\r\n\(length)Connection: close\r\n\(others)\r\n\(body)", descriptor)
        case .silence: waitForEnd(descriptor)
        case .stall(let status):
            reply("HTTP/1.1 \(status) Test\r\nContent-Length: 10\r\nConnection: close\r\n\r\nhalf ", descriptor)
            waitForEnd(descriptor)
        case .hangUp: break
        case .endless(let status):
            reply("HTTP/1.1 \(status) Test\r\nConnection: close\r\n\r\n", descriptor)
            let part = String(repeating: "more ", count: 20_000)
            while reply(part, descriptor) {}
        }
    }

    /// False where the client has gone.
    @discardableResult
    private func reply(_ text: String, _ descriptor: Int32) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            bytes = bytes.dropFirst(count)
        }
        return true
    }

    /// Until the client closes the connection, or `stop()` does.
    private func waitForEnd(_ descriptor: Int32) {
        var chunk = [UInt8](repeating: 0, count: 1024)
        while recv(descriptor, &chunk, 1024, 0) > 0 {}
    }

    private func receive(_ descriptor: Int32) -> ReceivedRequest? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &chunk, 65_536, 0)
            guard count > 0 else { return nil }
            bytes += chunk[..<count]
            if let request = parse(bytes) { return request }
        }
    }

    /// RFC 9112, as far as a client that states its content's length needs it; nil while something is missing.
    private func parse(_ bytes: [UInt8]) -> ReceivedRequest? {
        let emptyLine = Array("\r\n\r\n".utf8)
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: emptyLine) }) else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split { $0.isNewline }
        let words = (lines.first ?? "").split { $0 == " " }
        guard words.count == 3 else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            headers[line[..<colon].lowercased()] = String(value)
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        let body = bytes[(end + emptyLine.count)...]
        guard body.count >= length else { return nil }
        return ReceivedRequest(
            method: String(words[0]),
            path: String(words[1]),
            headers: headers,
            body: Array(body.prefix(length)),
            at: clock.monotonic()
        )
    }
}
