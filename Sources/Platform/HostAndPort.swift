// `host:port` as people write it.

internal import Glibc

/// `host:port`, with an IPv6 number in brackets.
package struct HostAndPort: Hashable, Sendable {
    package var host: String
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Nil where there is no host, a port that is none, or no port and no default for it.
    package init?(_ text: Substring, defaultPort: UInt16?) {
        let host: Substring
        var rest: Substring
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<close]
            rest = text[text.index(after: close)...]
        } else {
            let colon = text.firstIndex(of: ":") ?? text.endIndex
            host = text[..<colon]
            rest = text[colon...]
        }
        guard !host.isEmpty, !host.contains("/"), !host.utf8.contains(0) else { return nil }
        self.host = String(host)
        if rest.isEmpty {
            guard let defaultPort else { return nil }
            port = defaultPort
            return
        }
        guard rest.first == ":" else { return nil }
        rest = rest.dropFirst()
        guard let first = rest.first, first.isASCII, first.isNumber, let port = UInt16(rest) else { return nil }
        self.port = port
    }

    /// Whether only this machine can reach the address.
    package var isLoopback: Bool {
        // `127.example.com` is a name like any other.
        var address = in_addr()
        return host == "localhost" || host == "::1" || host.hasPrefix("127.") && inet_pton(AF_INET, host, &address) == 1
    }
}
