// Questions to the machine that only a socket or a system file can answer.
internal import Foundation
internal import Platform

enum Probe {
    struct Failure {
        /// 0 where it was no system call that failed.
        var errno: Int32
        var reason: String
    }

    /// Binds `address` for a moment; nil where that works.
    static func bind(_ address: HostPort, _ kind: __socket_type) -> Failure? {
        firstSuccess(address, kind, flags: AI_PASSIVE) { descriptor, info in
            var one: Int32 = 1
            if kind == SOCK_STREAM {
                setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
            }
            return Foundation.bind(descriptor, info.ai_addr, info.ai_addrlen) == 0 ? 0 : Foundation.errno
        }
    }

    /// Opens a TCP connection and closes it again; nil where that works, else the reason.
    static func connect(to address: HostPort, timeout: Duration) -> String? {
        let failure = firstSuccess(address, SOCK_STREAM, flags: 0) { descriptor, info in
            guard fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else { return Foundation.errno }
            if Foundation.connect(descriptor, info.ai_addr, info.ai_addrlen) == 0 { return 0 }
            guard Foundation.errno == EINPROGRESS else { return Foundation.errno }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&waiting, 1, Int32(clamping: timeout.wholeMilliseconds)) == 1 else { return ETIMEDOUT }
            var result: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &result, &length) == 0 else { return Foundation.errno }
            return result
        }
        return failure?.reason
    }

    /// `net.core.rmem_max` in bytes; nil where it does not bind us (as root, who may force the buffer) or is unknown.
    static func receiveBufferMax() -> Int? {
        guard geteuid() != 0 else { return nil }
        guard let text = try? String(contentsOfFile: "/proc/sys/net/core/rmem_max", encoding: .utf8) else { return nil }
        return Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// The name of a group, or its number.
    static func groupName(_ group: gid_t) -> String {
        var entry = Foundation.group()
        var found: UnsafeMutablePointer<Foundation.group>?
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16_384) { buffer in
            guard getgrgid_r(group, &entry, buffer.baseAddress, buffer.count, &found) == 0, found != nil,
                let name = entry.gr_name
            else { return "\(group)" }
            return String(cString: name)
        }
    }

    /// The serial ports that are there, as the end of a sentence.
    static func serialHint() -> String {
        let directory = "/dev/serial/by-id"
        let byID = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let names = byID.sorted().prefix(8).map { "`\(directory)/\($0)`" }
        return names.isEmpty ? "; no USB serial port is plugged in" : "; there is \(names.joined(separator: ", "))"
    }

    /// Tries `attempt` (errno, 0 for success) on a socket for each address that the host has.
    private static func firstSuccess(
        _ address: HostPort,
        _ kind: __socket_type,
        flags: Int32,
        _ attempt: (Int32, addrinfo) -> Int32
    ) -> Failure? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(kind.rawValue)
        hints.ai_flags = flags
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(address.host, "\(address.port)", &hints, &list)
        guard status == 0 else { return Failure(errno: 0, reason: String(cString: gai_strerror(status))) }
        defer { freeaddrinfo(list) }
        var last = Failure(errno: 0, reason: "the host has no address")
        var next = list
        while let entry = next {
            let info = entry.pointee
            next = info.ai_next
            let descriptor = socket(info.ai_family, info.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), info.ai_protocol)
            guard descriptor >= 0 else {
                last = Failure(errno: Foundation.errno, reason: systemErrorText(Foundation.errno))
                continue
            }
            let result = attempt(descriptor, info)
            close(descriptor)
            guard result != 0 else { return nil }
            last = Failure(errno: result, reason: systemErrorText(result))
        }
        return last
    }
}
