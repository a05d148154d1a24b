// Why the API cannot listen, with what an operator needs to act.
internal import Glibc
internal import NIOCore
internal import Platform

/// An operating error of the listeners.
package struct APIServerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Open for further kinds: compare with the constants, never switch over all of them.
    package struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String, Sendable {
            case addressInUse, addressNotAvailable, permission, socketPathTooLong, cannotListen
        }

        private let kind: Kind

        private init(_ kind: Kind) {
            self.kind = kind
        }

        /// Another process listens there.
        package static let addressInUse = Code(.addressInUse)
        /// The host is no address of this box, or its name cannot be resolved.
        package static let addressNotAvailable = Code(.addressNotAvailable)
        /// This user may not listen there.
        package static let permission = Code(.permission)
        /// The path of the control socket does not fit into a socket address.
        package static let socketPathTooLong = Code(.socketPathTooLong)
        /// Any other reason.
        package static let cannotListen = Code(.cannotListen)

        package var description: String { kind.rawValue }
    }

    package var code: Code
    /// `host:port`, or the path of the socket.
    package var address: String
    /// What is wrong, in words.
    package var message: String
    /// What to do or type next.
    package var hint: String?
    /// 0 where no system call failed.
    package var errno: Int32

    package var description: String {
        "cannot listen on \(address): \(message)" + (hint.map { "; \($0)" } ?? "")
    }
}

extension APIServerError {
    init(errno code: Int32, address: String) {
        self.address = address
        errno = code
        message = systemErrorText(code)
        switch code {
        case EADDRINUSE:
            self.code = .addressInUse
            hint =
                "another program listens there: ss -lptn shows which; listen.http in the configuration moves this one"
        case EADDRNOTAVAIL:
            self.code = .addressNotAvailable
            hint = "this box has no such address; 127.0.0.1 is always there"
        case EACCES, EPERM:
            self.code = .permission
            hint = "ports below 1024 and other users' directories are closed to this user"
        default:
            self.code = .cannotListen
            hint = nil
        }
    }

    /// Classifies what the event loop threw.
    init(_ error: any Error, address: String) {
        if let known = error as? APIServerError {
            self = known
        } else if let error = error as? IOError {
            self.init(errno: error.errnoCode, address: address)
        } else {
            self.init(code: .cannotListen, address: address, message: "\(error)", hint: nil, errno: 0)
        }
    }
}
