// Where a redirect leads, and what goes along.
internal import AsyncHTTPClient
internal import Foundation
internal import NIOHTTP1

enum HookRedirect {
    /// Why one is not followed.
    enum Refusal: String, Error {
        case noTarget = "a redirect to nowhere"
        case downgrade = "a redirect from https to http is not followed"
    }

    /// Those that ask for the same request once more. 303 asks for another one, whose answer would say nothing of this.
    static let codes: Set<UInt> = [301, 302, 307, 308]

    /// What another host may see of the headers: what was configured may all be secret, and a signature is for who shares it.
    private static let harmless = ["content-type", "idempotency-key"]

    /// The request that `location` asks for in the place of `request`: the same method and body.
    static func next(after request: HTTPClientRequest, _ location: String?) throws(Refusal) -> HTTPClientRequest {
        guard let location, let from = URL(string: request.url),
            let target = URL(string: location, relativeTo: from)?.absoluteURL,
            let scheme = target.scheme?.lowercased(), ["http", "https"].contains(scheme),
            let host = target.host, !host.isEmpty, target.user == nil, target.password == nil,
            (1...65_535).contains(target.port ?? 80)
        else { throw .noTarget }
        guard from.scheme?.lowercased() != "https" || scheme == "https" else { throw .downgrade }
        var next = HTTPClientRequest(url: target.absoluteString)
        next.method = request.method
        next.body = request.body
        if isSameOrigin(from, target) {
            next.headers = request.headers
        } else {
            for name in harmless {
                for value in request.headers[name] { next.headers.add(name: name, value: value) }
            }
            next.headers.add(name: "user-agent", value: "forebay")
        }
        return next
    }

    private static func isSameOrigin(_ one: URL, _ other: URL) -> Bool {
        func port(_ url: URL) -> Int { url.port ?? (url.scheme?.lowercased() == "https" ? 443 : 80) }
        return one.scheme?.lowercased() == other.scheme?.lowercased()
            && one.host?.lowercased() == other.host?.lowercased() && port(one) == port(other)
    }
}
