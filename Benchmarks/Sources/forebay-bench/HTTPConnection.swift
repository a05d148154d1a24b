// A kept-alive HTTP connection to the daemon, that can wait without blocking.
import Foundation

/// GET over one connection. Owned by one thread; closed with this object.
final class HTTPConnection {
    private let descriptor: Int32
    private var received: [UInt8] = []

    init(port: UInt16) throws {
        descriptor = try LoopbackAddress.connect(SOCK_STREAM, port: port)
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit {
        close(descriptor)
    }

    /// Sends a request; exactly one answer is to be taken before the next.
    func request(_ path: String) throws {
        let bytes = Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
        guard send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw BenchError(description: "the daemon closed its HTTP connection")
        }
    }

    /// Waits up to `timeout` seconds, and returns the answer if it is complete by then.
    func answer(timeout: Double) throws -> (status: Int, body: String)? {
        let end = monotonicSeconds() + timeout
        repeat {
            if let answer = try takeAnswer() { return answer }
            var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let left = max(0, end - monotonicSeconds())
            guard poll(&state, 1, Int32((left * 1000).rounded(.up))) > 0 else { return nil }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { throw BenchError(description: "the daemon closed its HTTP connection") }
            received += chunk[..<count]
        } while true
    }

    /// Request and answer.
    func get(_ path: String) throws -> (status: Int, body: String) {
        try request(path)
        guard let answer = try answer(timeout: 10) else {
            throw BenchError(description: "no answer to GET \(path) within 10 s")
        }
        return answer
    }

    /// Takes one complete answer off the received bytes; understands a length and chunks (RFC 9112, section 6).
    private func takeAnswer() throws -> (status: Int, body: String)? {
        guard let headEnd = Self.index(of: Array("\r\n\r\n".utf8), in: received, from: 0) else { return nil }
        let head = String(decoding: received[..<headEnd], as: UTF8.self).split(separator: "\r\n")
        guard let status = head.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw BenchError(description: "the daemon's answer is no HTTP")
        }
        var length: Int?
        var chunked = false
        for line in head.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1).map {
                $0.trimmingCharacters(in: .whitespaces).lowercased()
            }
            if parts.first == "content-length" { length = parts.last.flatMap { Int($0) } }
            if parts.first == "transfer-encoding" { chunked = parts.last == "chunked" }
        }
        let bodyStart = headEnd + 4
        if chunked { return takeChunks(status, from: bodyStart) }
        let bodyEnd = bodyStart + (length ?? 0)
        guard received.count >= bodyEnd else { return nil }
        defer { received.removeFirst(bodyEnd) }
        return (status, String(decoding: received[bodyStart..<bodyEnd], as: UTF8.self))
    }

    private func takeChunks(_ status: Int, from start: Int) -> (status: Int, body: String)? {
        let lineEnd = Array("\r\n".utf8)
        var body: [UInt8] = []
        var place = start
        while let end = Self.index(of: lineEnd, in: received, from: place) {
            let text = String(decoding: received[place..<end], as: UTF8.self)
            guard let size = Int(text.prefix { $0 != ";" }, radix: 16), received.count >= end + 4 + size else {
                return nil
            }
            body += received[(end + 2)..<(end + 2 + size)]
            place = end + 4 + size
            guard size == 0 else { continue }
            received.removeFirst(place)
            return (status, String(decoding: body, as: UTF8.self))
        }
        return nil
    }

    private static func index(of pattern: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= pattern.count, start <= bytes.count - pattern.count else { return nil }
        return (start...(bytes.count - pattern.count)).first { bytes[$0..<$0 + pattern.count].elementsEqual(pattern) }
    }
}
