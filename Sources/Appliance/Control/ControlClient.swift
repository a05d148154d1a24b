// How a command talks to the running daemon: HTTP over its control socket.
internal import AsyncHTTPClient
package import Foundation
internal import NIOCore
internal import NIOHTTP1

/// A failed call to the daemon.
package struct ControlError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable {
        /// Nobody answers on the socket.
        case unreachable
        /// The daemon refused, with its own sentence; `answer` is the body as it came.
        case refused(status: Int, answer: Data)
    }

    package var code: Code
    package var message: String

    package var description: String { message }
}

/// One client per command; `shutdown()` at the end.
package struct ControlClient: Sendable {
    private let base: String
    private let socketPath: String
    private let client: HTTPClient

    /// - Parameter socketPath: `<data>/control.sock`
    package init(socketPath: String) {
        self.socketPath = socketPath
        let escaped = socketPath.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? socketPath
        base = "http+unix://\(escaped)"
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(2)
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    package func shutdown() async {
        try? await client.shutdown()
    }

    /// What the daemon answers without much work.
    package static let callTimeout = Duration.seconds(60)

    /// The body of a successful answer, at most 64 MiB. `timeout`: until it is there whole; nil: as long as it takes.
    package func get(_ path: String, timeout: Duration? = callTimeout) async throws(ControlError) -> Data {
        try await send(path, method: "GET", body: nil, timeout: timeout)
    }

    /// Sends `body` (JSON) with POST or PATCH.
    package func send(
        _ path: String,
        method: String,
        body: Data?,
        timeout: Duration? = callTimeout
    ) async throws(ControlError) -> Data {
        let response = try await execute(path, method: method, body: body, timeout: timeout)
        do {
            let collected = try await response.body.collect(upTo: 64 << 20)
            return Data(collected.readableBytesView)
        } catch {
            throw unreachable(error)
        }
    }

    /// The lines of a streamed answer, one by one, each without its newline, until the daemon ends it or `body`
    /// returns false. Throws `ControlError`, also where the daemon goes away meanwhile, and what `body` throws.
    package func lines(_ path: String, _ body: (Data) throws -> Bool) async throws {
        let response = try await execute(path, method: "GET", body: nil, timeout: nil)
        var parts = response.body.makeAsyncIterator()
        var rest = Data()
        while let part = try await next(&parts) {
            rest.append(contentsOf: part.readableBytesView)
            while let newline = rest.firstIndex(of: 0x0A) {
                let line = rest[rest.startIndex..<newline]
                rest = rest[(newline + 1)...]
                guard try body(Data(line)) else { return }
            }
            rest = Data(rest)
        }
    }

    private func next(_ parts: inout HTTPClientResponse.Body.AsyncIterator) async throws(ControlError) -> ByteBuffer? {
        do {
            return try await parts.next()
        } catch {
            throw unreachable(error)
        }
    }

    private func execute(
        _ path: String,
        method: String,
        body: Data?,
        timeout: Duration?
    ) async throws(ControlError) -> HTTPClientResponse {
        var request = HTTPClientRequest(url: base + path)
        request.method = .init(rawValue: method)
        request.headers.add(name: "Host", value: "localhost")
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(body)
        }
        let response: HTTPClientResponse
        do {
            let deadline = timeout.map { NIODeadline.now() + TimeAmount($0) } ?? .distantFuture
            response = try await client.execute(request, deadline: deadline)
        } catch {
            throw unreachable(error)
        }
        guard (200..<300).contains(response.status.code) else {
            let status = Int(response.status.code)
            let body = (try? await response.body.collect(upTo: 1 << 20)).map { Data($0.readableBytesView) } ?? Data()
            throw ControlError(
                code: .refused(status: status, answer: body),
                message: ControlClient.sentence(body, status: status)
            )
        }
        return response
    }

    private func unreachable(_ error: any Error) -> ControlError {
        ControlError(code: .unreachable, message: "the daemon does not answer on \(socketPath): \(error)")
    }

    /// The API's own words: `{"error": …, "hint": …}`.
    private static func sentence(_ body: Data, status: Int) -> String {
        struct Refusal: Decodable {
            var error: String
            var hint: String?
        }
        guard let refusal = try? JSONDecoder().decode(Refusal.self, from: body) else {
            return "the daemon answered \(status)"
        }
        return refusal.hint.map { "\(refusal.error); \($0)" } ?? refusal.error
    }
}
