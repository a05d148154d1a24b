// Where the API listens on the network, and whether it could.
internal import Glibc

/// A host, by name or number, and a port.
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    package var host: String
    /// 0 lets the kernel choose.
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Binds and lets go at once, so that `check` and a start can say what is wrong before anything else begins.
    ///
    /// Blocks while the host's name is resolved. Another process may still take the port in between; `run` then
    /// throws the same error.
    package func probe() throws(APIServerError) {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var found: UnsafeMutablePointer<addrinfo>?
        let resolved = getaddrinfo(host, String(port), &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard resolved == 0, let first = found?.pointee else {
            throw APIServerError(
                code: .addressNotAvailable,
                address: description,
                message: String(cString: gai_strerror(resolved)),
                hint: "127.0.0.1 is always there",
                errno: 0
            )
        }
        let descriptor = socket(first.ai_family, first.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), first.ai_protocol)
        guard descriptor >= 0 else { throw APIServerError(errno: errno, address: description) }
        defer { close(descriptor) }
        // The same as the server's: without it a port in TIME_WAIT would look taken.
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor, first.ai_addr, first.ai_addrlen) == 0 else {
            throw APIServerError(errno: errno, address: description)
        }
    }
}
