// A client that knows nothing of the server's libraries: POSIX sockets, HTTP/1.1 read by hand.
import Foundation
import Glibc

/// Where the server under test is.
enum Peer: Sendable {
    case port(UInt16)
    case path(String)
}

struct Answer: Sendable {
    var status: Int
    /// Names in lower case.
    var headers: [String: String]
    var body: [UInt8]
    /// False where the connection ended before the body did.
    var isWhole: Bool

    var text: String { String(decoding: body, as: UTF8.self) }

    func decoded<Document: Decodable>(_ type: Document.Type) throws -> Document {
        try JSONDecoder().decode(type, from: Data(body))
    }
}

struct SocketFailure: Error {
    var call: String
    var code: Int32
}

/// One connection. Blocking; call it through `offPool`.
final class RawConnection: @unchecked Sendable {
    // Used by one thread at a time: each call is awaited before the next.
    private let descriptor: Int32
    private var received: [UInt8] = []
    private var isAtEnd = false

    init(_ peer: Peer) throws {
        switch peer {
        case .port(let port):
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            try connect(&address)
        case .path(let path):
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            try connect(&address)
        }
        // A server that never answers must fail the test, not hang it.
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    private func connect<Address>(_ address: inout Address) throws {
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
        guard result == 0 else { throw SocketFailure(call: "connect", code: errno) }
    }

    func send(_ text: String) throws {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw SocketFailure(call: "send", code: errno) }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Reads until `condition` holds of what was received, or the connection ends.
    func read(until condition: ([UInt8]) -> Bool) throws {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while !isAtEnd, !condition(received) {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count >= 0 || errno == ECONNRESET else { throw SocketFailure(call: "recv", code: errno) }
            if count <= 0 { isAtEnd = true } else { received += chunk[..<count] }
        }
    }

    /// Reads to the end of the connection and takes it for one answer.
    func answer() throws -> Answer {
        try read { _ in false }
        return try parsed(received)
    }

    private func parsed(_ bytes: [UInt8]) throws -> Answer {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
            throw SocketFailure(call: "no header in \(bytes.count) bytes", code: 0)
        }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let status = Int(lines[0].split(separator: " ")[1]) ?? 0
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
                in: .whitespaces
            )
        }
        let body = bytes[end.upperBound...]
        if headers["transfer-encoding"] == "chunked" {
            let (content, isWhole) = dechunked(body)
            return Answer(status: status, headers: headers, body: content, isWhole: isWhole)
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        return Answer(status: status, headers: headers, body: Array(body), isWhole: body.count == length)
    }

    /// RFC 9112, section 7.1.
    private func dechunked(_ body: ArraySlice<UInt8>) -> ([UInt8], isWhole: Bool) {
        var rest = body
        var content: [UInt8] = []
        while let lineEnd = rest.firstIndex(of: 10) {
            let digits = String(decoding: rest[rest.startIndex..<lineEnd], as: UTF8.self).trimmingCharacters(
                in: .whitespaces
            )
            guard let size = Int(digits.filter { $0 != "\r" }, radix: 16) else { return (content, false) }
            if size == 0 { return (content, true) }
            let start = lineEnd + 1
            guard rest.endIndex >= start + size + 2 else { return (content + rest[start...], false) }
            content += rest[start..<(start + size)]
            rest = rest[(start + size + 2)...]
        }
        return (content, false)
    }
}

/// Runs blocking work on a thread of its own: the pool of the tests is also the server's, and has two threads.
func offPool<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
    }
}

extension Peer {
    /// One request on a connection of its own.
    func ask(_ method: String, _ path: String, body: String? = nil, headers: [String] = []) async throws -> Answer {
        try await offPool {
            let connection = try RawConnection(self)
            var lines = ["\(method) \(path) HTTP/1.1", "Host: localhost", "Connection: close"] + headers
            if let body { lines.append("Content-Length: \(body.utf8.count)") }
            try connection.send(lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? ""))
            return try connection.answer()
        }
    }

    func get(_ path: String) async throws -> Answer {
        try await ask("GET", path)
    }
}
