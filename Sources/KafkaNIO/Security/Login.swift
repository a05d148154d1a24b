// How a client says who it is: a mechanism, then that mechanism's messages. A pure state machine.
internal import KafkaProtocol
internal import NIOCore
internal import Platform

/// One connection's login, which may fail once. Whatever comes at another time than its own ends the connection.
struct Login {
    private enum Stage {
        /// For the name of a mechanism.
        case handshake
        case plain
        case first(SCRAMMechanism)
        case last(SCRAMExchange)
        /// Decided, or about to be.
        case over
    }

    /// What is to be done about a message.
    enum Step {
        case challenge(String)
        /// The client has proved who it is; the message proves that the server knows the password.
        case success(user: String, message: String)
        /// On the worker: `SCRAMCredential.accepts(password:)`.
        case check(user: String, password: String, SCRAMCredential)
        case failure
        case outOfTurn
    }

    private let users: KafkaUsers
    /// Passwords may be sent as they are: nobody else can read them.
    private let offersPlain: Bool
    private var stage = Stage.handshake

    private static let plainName = "PLAIN"

    init(users: KafkaUsers, offersPlain: Bool) {
        self.users = users
        self.offersPlain = offersPlain
    }

    /// The names of those that are offered.
    var mechanisms: [String] {
        SCRAMMechanism.allCases.map(\.rawValue) + (offersPlain ? [Login.plainName] : [])
    }

    /// Takes the name of a mechanism. After `unsupportedSASLMechanism` another one may be named.
    mutating func begin(_ name: String) -> ErrorCode {
        guard case .handshake = stage else { return .illegalSASLState }
        if let mechanism = SCRAMMechanism(rawValue: name) {
            stage = .first(mechanism)
        } else if offersPlain, name == Login.plainName {
            stage = .plain
        } else {
            return .unsupportedSASLMechanism
        }
        return .none
    }

    /// Takes a message of the mechanism.
    mutating func take(_ message: ByteBuffer) -> Step {
        switch stage {
        case .handshake, .over:
            return .outOfTurn
        case .plain:
            stage = .over
            guard let plain = try? SASLPlainMessage(parsing: message),
                Login.isForItself(plain.authorizationID, plain.userName)
            else { return .failure }
            let credential = users.credential(of: plain.userName, for: nil)
            return .check(user: plain.userName, password: plain.password, credential)
        case .first(let mechanism):
            stage = .over
            guard let first = try? SCRAMClientFirst(parsing: message),
                Login.isForItself(first.authorizationID, first.userName)
            else { return .failure }
            let credential = users.credential(of: first.userName, for: mechanism)
            let nonce = Base64.encode(randomBytes(Limits.nonceBytes))
            let exchange = SCRAMExchange(first, credential: credential, serverNonce: nonce)
            stage = .last(exchange)
            return .challenge(exchange.challenge)
        case .last(let exchange):
            stage = .over
            guard let answer = exchange.answer(to: message) else { return .failure }
            return .success(user: exchange.userName, message: answer)
        }
    }

    /// Nobody acts for somebody else.
    private static func isForItself(_ authorizationID: String, _ user: String) -> Bool {
        authorizationID.isEmpty || authorizationID.utf8.elementsEqual(user.utf8)
    }
}
