// HTTP over the daemon's control socket: what tests ask many times a second, without a port of its own.
import Foundation
import Testing

/// A connection per request to `<data>/control.sock`.
struct ControlSocket {
    let path: String

    /// The body of an answer with status 200; nil where nobody listens, or whoever did is gone.
    func get(_ target: String) throws -> String? {
        guard let answer = try exchange("GET \(target)"), answer.status == 200 else { return nil }
        return answer.body
    }

    /// Status and body of a POST without a body.
    func post(_ target: String) throws -> (status: Int, body: String)? {
        try exchange("POST \(target)")
    }

    private func exchange(_ line: String) throws -> (status: Int, body: String)? {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        guard connect(descriptor) else { return nil }
        let request = Array("\(line) HTTP/1.1\r\nHost: forebay\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)
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
        guard let status = head.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { return nil }
        let body = answer[end.upperBound...]
        let isChunked = head.lowercased().contains("transfer-encoding: chunked")
        return (status, String(decoding: isChunked ? ControlSocket.joined(body) : body, as: UTF8.self))
    }

    private func connect(_ descriptor: Int32) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }

    /// The chunks of a body, without their lengths; what is cut off is left out.
    private static func joined(_ body: Data) -> Data {
        var joined = Data()
        var rest = body
        while let end = rest.range(of: Data("\r\n".utf8)) {
            let digits = String(decoding: rest[rest.startIndex..<end.lowerBound], as: UTF8.self)
            guard let count = Int(digits, radix: 16), count > 0, rest.endIndex - end.upperBound >= count else { break }
            joined += rest[end.upperBound..<end.upperBound + count]
            rest = rest[(end.upperBound + count)...].dropFirst(2)
        }
        return joined
    }
}

extension ControlSocket {
    /// The sum of a metric over all of its labels that contain `label`; nil where nobody answers.
    func metric(_ name: String, _ label: String = "") throws -> Double? {
        guard let page = try get("/metrics") else { return nil }
        return page.split(separator: "\n").reduce(0) { sum, line in
            guard line.hasPrefix(name), let next = line.dropFirst(name.count).first, next == "{" || next == " ",
                label.isEmpty || line.contains(label), let space = line.lastIndex(of: " ")
            else { return sum }
            return sum + (Double(line[line.index(after: space)...]) ?? 0)
        }
    }

    /// The records of a topic from `offset` on, as lines by their offset; nil where nobody answers.
    func records(_ topic: String, from offset: Int = 0) throws -> [Int: String]? {
        guard let text = try get("/api/v1/topics/\(topic)/records?from=\(offset)&max=100000") else { return nil }
        return StoredLines.byOffset(text)
    }
}

/// Records as `tail` and the API print them.
enum StoredLines {
    static func byOffset(_ text: String) -> [Int: String] {
        var lines: [Int: String] = [:]
        for line in text.split(separator: "\n") {
            guard let key = line.range(of: "\"offset\":") else { continue }
            let digits = line[key.upperBound...].prefix { $0.isNumber }
            if let offset = Int(digits) { lines[offset] = String(line) }
        }
        return lines
    }
}
