// One HTTP request, as every hook that speaks HTTP makes it: in bounded time, its answer judged.
internal import AsyncHTTPClient
internal import Crypto
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import Platform

/// 2xx is delivered; 408, 429, 5xx, redirects, time-outs and broken connections are tried again; other statuses are refused.
/// Of redirects, as many are followed as the hook's transport allows.
struct HookPost: Sendable {
    /// May hold a secret, as may the values of headers: they appear in no message.
    let url: String
    var headers: [String: String] = [:]
    /// Signs the body, where both sides have it.
    var secret: String?
    let timeout: Duration
    let client: HookClient

    /// One attempt to send `value`, within `timeout`; `key` names the delivery, as `Idempotency-Key`.
    func send(json value: some Encodable, key: String) async -> HookOutcome {
        do {
            return await send(try HookJSON.encoded(value), key: key)
        } catch {
            return .refused(status: nil, HookJSON.words(error))
        }
    }

    private func send(_ body: [UInt8], key: String) async -> HookOutcome {
        var request = request(.POST, key: key)
        request.headers.replaceOrAdd(name: "content-type", value: "application/json")
        if let secret {
            request.headers.replaceOrAdd(name: "x-forebay-signature", value: Self.signature(of: body, secret))
        }
        request.body = .bytes(ByteBuffer(bytes: body))
        return await attempt(request)
    }

    /// One GET, within `timeout`.
    func get(key: String) async -> HookOutcome {
        await attempt(request(.GET, key: key))
    }

    private func request(_ method: HTTPMethod, key: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.method = method
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.headers.replaceOrAdd(name: "idempotency-key", value: key)
        if !request.headers.contains(name: "user-agent") { request.headers.add(name: "user-agent", value: "forebay") }
        return request
    }

    private func attempt(_ request: HTTPClientRequest) async -> HookOutcome {
        let limit = timeout
        return await withTaskGroup(of: HookOutcome?.self) { group in
            group.addTask { await execute(request) }
            group.addTask {
                // Cancelled when the attempt is over; then its answer is not asked for.
                do { try await Task.sleep(for: limit) } catch { return nil }
                return .retry("no answer within \(Self.words(limit))")
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first ?? .retry("cancelled")
        }
    }

    /// HMAC-SHA256 over the bytes of the body.
    private static func signature(of body: [UInt8], _ secret: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: body, using: SymmetricKey(data: Array(secret.utf8)))
        return "sha256=" + code.map { AlertFingerprint.hex(UInt64($0), digits: 2) }.joined()
    }

    private func execute(_ request: HTTPClientRequest) async -> HookOutcome {
        let deadline = NIODeadline.now() + .nanoseconds(timeout.wholeNanoseconds)
        var request = request
        var redirects = 0
        do {
            let client = try await client.current()
            while true {
                let response = try await client.execute(request, deadline: deadline)
                // Delivered is delivered, whatever comes after the status.
                let answer = response.status.code / 100 == 2 ? "" : await Self.answer(response.body)
                guard HookRedirect.codes.contains(response.status.code), self.client.transport.redirectsMax > 0 else {
                    return Self.outcome(response.status, response.headers, answer: answer)
                }
                let status = Int(response.status.code)
                guard redirects < self.client.transport.redirectsMax else {
                    return .retry(status: status, "HTTP \(status): more than \(redirects) redirects")
                }
                redirects += 1
                do throws(HookRedirect.Refusal) {
                    request = try HookRedirect.next(after: request, response.headers.first(name: "location"))
                } catch {
                    return .retry(status: status, "HTTP \(status): \(error.rawValue)")
                }
            }
        } catch {
            return .retry(Self.words(error))
        }
    }

    /// The first bytes of the answer, for the message about a failure; a body that breaks off changes no status.
    private static func answer(_ body: HTTPClientResponse.Body) async -> String {
        var bytes: [UInt8] = []
        do {
            for try await part in body {
                bytes += part.readableBytesView.prefix(AlertingLimits.answerBytesMax - bytes.count)
                if bytes.count >= AlertingLimits.answerBytesMax { break }
            }
        } catch {
            bytes += Array(" (the answer broke off)".utf8)
        }
        return HookText.oneLine(bytes)
    }

    private static func outcome(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, answer: String) -> HookOutcome {
        let code = Int(status.code)
        if (200...299).contains(code) { return .delivered(status: code) }
        let text = "HTTP \(code) \(status.reasonPhrase)" + (answer.isEmpty ? "" : ": \(answer)")
        switch code {
        case 408, 429, 500...599:
            var outcome = HookOutcome.retry(status: code, text)
            outcome.retryAfter = headers.first(name: "retry-after").flatMap { RetryAfter($0) }?
                .relative(toDate: headers.first(name: "date"))
            return outcome
        case 300...399: return .retry(status: code, "\(text) (redirects are not followed)")
        default: return .refused(status: code, text)
        }
    }

    /// Without the URL: it may hold a secret.
    private static func words(_ error: any Error) -> String {
        if let known = error as? HTTPClientError { return known.shortDescription }
        return String(describing: error)
    }

    private static func words(_ duration: Duration) -> String {
        "\(duration.wholeMilliseconds) ms"
    }
}

/// JSON as hooks send it: equal values give equal bytes.
enum HookJSON {
    static func encoded(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    static func words(_ error: any Error) -> String { "no JSON can be made of it: \(error)" }
}
