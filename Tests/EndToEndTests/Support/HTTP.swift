// The least of an HTTP client: one GET over loopback.
import Foundation

/// A blocking connection per request.
enum HTTP {
    /// The status and the body of `GET path`; nil where nobody listens.
    static func get(_ port: UInt16, _ path: String) throws -> (status: Int, body: String)? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        guard TCP.connect(descriptor, port) else { return nil }
        let request = Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".utf8)
        guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return nil }
        var answer = Data()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            answer += buffer[..<count]
        }
        guard let end = answer.range(of: Data("\r\n\r\n".utf8)) else { return nil }
        let head = String(decoding: answer[..<end.lowerBound], as: UTF8.self)
        let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        guard let status, !head.lowercased().contains("transfer-encoding: chunked") else {
            throw WorkbenchError(description: "an answer that this client cannot read: \(head)")
        }
        return (status, String(decoding: answer[end.upperBound...], as: UTF8.self))
    }
}
