// What is kept of a password for SCRAM (RFC 5802, RFC 7677): enough to check one, too little to log in with.
//
//  SaltedPassword  Hi(password, salt, iterations): PBKDF2 over HMAC, as long as the hash
//  ClientKey       HMAC(SaltedPassword, "Client Key")
//  StoredKey       H(ClientKey)
//  ServerKey       HMAC(SaltedPassword, "Server Key")
//  proof           ClientKey XOR HMAC(StoredKey, AuthMessage)
//  signature       HMAC(ServerKey, AuthMessage)
internal import Crypto

/// A mechanism of the SCRAM family; the raw value is its name.
package enum SCRAMMechanism: String, CaseIterable, Sendable {
    case sha256 = "SCRAM-SHA-256"
    case sha512 = "SCRAM-SHA-512"

    /// Of the hash, and so of every key, proof and signature.
    package var byteCount: Int {
        switch self {
        case .sha256: SHA256.byteCount
        case .sha512: SHA512.byteCount
        }
    }

    /// RFC 5802's H.
    func hash(_ bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .sha256: Array(SHA256.hash(data: bytes))
        case .sha512: Array(SHA512.hash(data: bytes))
        }
    }

    /// RFC 5802's HMAC.
    func code(of text: String, key: [UInt8]) -> [UInt8] {
        let (bytes, key) = (Array(text.utf8), SymmetricKey(data: key))
        return switch self {
        case .sha256: Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
        case .sha512: Array(HMAC<SHA512>.authenticationCode(for: bytes, using: key))
        }
    }

    /// RFC 5802's Hi. Takes milliseconds, and is meant to: never on an event loop.
    func saltedPassword(_ password: String, salt: [UInt8], iterations: Int) -> [UInt8] {
        switch self {
        case .sha256: HMAC<SHA256>.iterated(password, salt: salt, iterations: iterations)
        case .sha512: HMAC<SHA512>.iterated(password, salt: salt, iterations: iterations)
        }
    }
}

extension HMAC {
    fileprivate static func iterated(_ password: String, salt: [UInt8], iterations: Int) -> [UInt8] {
        precondition(iterations >= 1, "a password is hashed once at least")
        // The key is prepared once; each code begins from a copy.
        let keyed = HMAC(key: SymmetricKey(data: Array(password.utf8)))
        var block = salt + [0, 0, 0, 1]
        var sum: [UInt8] = []
        for _ in 0..<iterations {
            var code = keyed
            code.update(data: block)
            block = Array(code.finalize())
            sum = sum.isEmpty ? block : xor(sum, block)
        }
        return sum
    }
}

private func xor(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
    zip(left, right).map { $0 ^ $1 }
}

/// In a time that depends on the lengths only.
private func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}

/// One user's password for one mechanism.
package struct SCRAMCredential: Hashable, Sendable {
    package var mechanism: SCRAMMechanism
    package var iterations: Int
    package var salt: [UInt8]
    package var storedKey: [UInt8]
    package var serverKey: [UInt8]

    /// Of keys as they were kept.
    package init(
        mechanism: SCRAMMechanism,
        iterations: Int,
        salt: [UInt8],
        storedKey: [UInt8],
        serverKey: [UInt8]
    ) {
        self.mechanism = mechanism
        self.iterations = iterations
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    /// Of a password, which takes as long as checking one.
    package init(mechanism: SCRAMMechanism, password: String, salt: [UInt8], iterations: Int) {
        let salted = mechanism.saltedPassword(password, salt: salt, iterations: iterations)
        self.init(
            mechanism: mechanism,
            iterations: iterations,
            salt: salt,
            storedKey: mechanism.hash(mechanism.code(of: "Client Key", key: salted)),
            serverKey: mechanism.code(of: "Server Key", key: salted)
        )
    }

    /// Whether it is this password. Takes milliseconds: never on an event loop.
    package func accepts(password: String) -> Bool {
        let other = SCRAMCredential(mechanism: mechanism, password: password, salt: salt, iterations: iterations)
        return isSame(other.storedKey, storedKey)
    }

    /// Whether who made the proof of `message` knows the password.
    package func accepts(proof: [UInt8], of message: String) -> Bool {
        guard proof.count == mechanism.byteCount else { return false }
        let clientKey = xor(proof, mechanism.code(of: message, key: storedKey))
        return isSame(mechanism.hash(clientKey), storedKey)
    }

    /// What shows the client that the server knows the password, too.
    package func signature(of message: String) -> [UInt8] {
        mechanism.code(of: message, key: serverKey)
    }
}
