// A web server for one hook, that knows when it was called.
import Foundation

/// Accepts one connection after the other on a thread of its own and answers every request with 200, until
/// the process ends.
final class HookReceiver: @unchecked Sendable {
    let port: UInt16
    private let listener: Int32
    private let condition = NSCondition()
    /// When each request was complete, and not yet waited for.
    private var arrivals: [Double] = []

    init() throws {
        (listener, port) = try LoopbackAddress.listen()
        Thread { [self] in serve() }.start()
    }

    /// When the next request came in; throws where none does within `timeout` seconds.
    func wait(timeout: Double) throws -> Double {
        condition.lock()
        defer { condition.unlock() }
        let end = Date(timeIntervalSinceNow: timeout)
        while arrivals.isEmpty {
            guard condition.wait(until: end) else { throw BenchError(description: "the hook was not called") }
        }
        return arrivals.removeFirst()
    }

    private func serve() {
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { return }
            converse(connection)
            close(connection)
        }
    }

    private func converse(_ connection: Int32) {
        var received: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { return }
            received += chunk[..<count]
            guard let length = HookReceiver.requestLength(received), received.count >= length else { continue }
            let arrival = monotonicSeconds()
            received.removeFirst(length)
            let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)
            _ = send(connection, answer, answer.count, Int32(MSG_NOSIGNAL))
            condition.lock()
            arrivals.append(arrival)
            condition.signal()
            condition.unlock()
        }
    }

    /// Of head and body; nil before the head is complete.
    private static func requestLength(_ bytes: [UInt8]) -> Int? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        let head = text[..<end.upperBound]
        let line = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
        let length = line.flatMap { Int($0.split(separator: ":")[1].trimmingCharacters(in: .whitespaces)) } ?? 0
        return head.utf8.count + length
    }
}
