// Which addresses hooks may reach: looked at for each connection, when the name has been resolved and the peer is known.
internal import Glibc
internal import NIOCore
internal import Synchronization

/// An IP address; one of version 4 that is written as version 6 (mapped, or through NAT64) is the one of version 4.
package struct HookAddress: Hashable, Sendable, CustomStringConvertible {
    /// 4 or 16, in network order.
    private let bytes: [UInt8]

    /// nil where the text is no literal address. A zone (`%eth0`) is no part of it.
    package init?(_ text: String) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self.init(raw: withUnsafeBytes(of: four) { Array($0) })
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            self.init(raw: withUnsafeBytes(of: six) { Array($0) })
        } else {
            return nil
        }
    }

    /// nil for what is no address of the Internet protocols.
    init?(_ address: SocketAddress) {
        switch address {
        case .v4(let four): self.init(raw: withUnsafeBytes(of: four.address.sin_addr) { Array($0) })
        case .v6(let six): self.init(raw: withUnsafeBytes(of: six.address.sin6_addr) { Array($0) })
        case .unixDomainSocket: return nil
        }
    }

    private init(raw: [UInt8]) {
        let isWrapped = HookAddress.wrappers.contains { raw.count == 16 && raw.starts(with: $0) }
        bytes = isWrapped ? Array(raw.suffix(4)) : raw
    }

    /// `::ffff:0:0/96` and `64:ff9b::/96`.
    private static let wrappers: [[UInt8]] = [
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0],
    ]

    /// Link-local, or one at which clouds tell a machine its secrets: no receiver of alerts is there, but whoever rules the
    /// name of one could send the box there.
    package var isSensitive: Bool {
        if bytes.count == 4 { return bytes.starts(with: [169, 254]) || HookAddress.metadata.contains(bytes) }
        return (bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80) || HookAddress.metadata.contains(bytes)
    }

    /// Beyond link-local: Alibaba, Azure, Oracle; Amazon and Google over version 6.
    private static let metadata: Set<[UInt8]> = [
        [100, 100, 100, 200], [168, 63, 129, 16], [192, 0, 0, 192],
        [0xFD, 0, 0x0E, 0xC2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54],
        [0xFD, 0x20, 0, 0xCE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54],
    ]

    package var description: String {
        var text = [CChar](repeating: 0, count: 64)
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard inet_ntop(family, bytes, &text, 64) != nil else { return "an address" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// A connection that was made and closed before anything was sent over it.
struct RefusedAddress: Error, CustomStringConvertible {
    var address: HookAddress

    var description: String {
        "refused to send to \(address), which is link-local or serves metadata; `allow_addresses` may name it"
    }
}

/// The addresses that the configuration names; any thread.
package final class HookAddresses: Sendable {
    private let allowed = Mutex<Set<HookAddress>>([])
    private let isRefused: @Sendable (HookAddress) -> Bool

    /// - `isRefused`: unless it is allowed.
    package init(isRefused: @escaping @Sendable (HookAddress) -> Bool = { $0.isSensitive }) {
        self.isRefused = isRefused
    }

    /// These and no others, from now on.
    package func allow(_ addresses: Set<HookAddress>) {
        allowed.withLock { $0 = addresses }
    }

    func check(_ channel: any Channel) -> EventLoopFuture<Void> {
        guard let peer = channel.remoteAddress.flatMap({ HookAddress($0) }), isRefused(peer),
            !allowed.withLock({ $0.contains(peer) })
        else { return channel.eventLoop.makeSucceededVoidFuture() }
        channel.close(promise: nil)
        return channel.eventLoop.makeFailedFuture(RefusedAddress(address: peer))
    }
}
