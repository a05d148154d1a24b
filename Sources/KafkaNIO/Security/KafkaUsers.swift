// The users of the listener, as their file has them.
//
//  name:SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey
//
//  One line per user and mechanism, SCRAM-SHA-512 the same way; salt and keys in Base64. It is the form in which PostgreSQL
//  keeps them. Empty lines, and those that begin with `#`, say nothing. The name ends at the first colon.
internal import KafkaProtocol
internal import Platform

/// Why a file of users is not taken: what is wrong, and in which line.
package struct KafkaUsersError: Error, Hashable, CustomStringConvertible {
    /// From 1 on; 0 for the file as a whole.
    package var line: Int
    package var reason: String

    package var description: String { line == 0 ? reason : "line \(line): \(reason)" }
}

/// Who may log in. Names are compared by their bytes.
package struct KafkaUsers: Hashable, Sendable {
    /// In the order of the file; each mechanism once for a user.
    private var credentials: [[UInt8]: [SCRAMCredential]] = [:]
    /// What there is for each mechanism, and for PLAIN under nil, in the order of the file.
    private var models: [SCRAMMechanism?: [SCRAMCredential]] = [:]

    /// Nobody.
    package init() {}

    /// The file of users: more than ten thousand lines.
    package static let fileBytesMax = 4 << 20

    package var count: Int { credentials.count }

    /// A user's password for a mechanism, or for PLAIN, which has none of its own, the first one.
    ///
    /// For a name that is not there it is a password that nobody has: the same one for as long as the process runs, and like
    /// those of the users in everything that shows. Who asks learns nothing, neither from what comes back nor from how long it
    /// takes.
    func credential(of name: String, for mechanism: SCRAMMechanism?) -> SCRAMCredential {
        let madeUp = madeUp(for: name, mechanism)
        let own = credentials[Array(name.utf8)] ?? []
        return own.first { mechanism == nil || $0.mechanism == mechanism } ?? madeUp
    }

    /// Of this process: whoever knew it could tell a salt that is made up.
    private static let secret = randomBytes(SCRAMMechanism.sha512.byteCount)

    private func madeUp(for name: String, _ mechanism: SCRAMMechanism?) -> SCRAMCredential {
        func bytes(_ purpose: String) -> [UInt8] {
            SCRAMMechanism.sha512.code(of: "\(purpose):\(name)", key: KafkaUsers.secret)
        }
        let models = models[mechanism] ?? []
        let pick = bytes("model").prefix(4).reduce(0) { $0 << 8 | Int($1) }
        let model = models.isEmpty ? nil : models[pick % models.count]
        let mechanism = model?.mechanism ?? mechanism ?? .sha256
        return SCRAMCredential(
            mechanism: mechanism,
            iterations: model?.iterations ?? Limits.passwordIterations,
            salt: Array(bytes("salt").prefix(model?.salt.count ?? Limits.saltBytes)),
            storedKey: Array(bytes("stored").prefix(mechanism.byteCount)),
            serverKey: Array(bytes("server").prefix(mechanism.byteCount))
        )
    }
}

// MARK: The file

extension KafkaUsers {
    /// Reads the text of a file.
    package init(parsing text: String) throws(KafkaUsersError) {
        guard text.utf8.count <= KafkaUsers.fileBytesMax else {
            throw KafkaUsersError(line: 0, reason: "the file has more than \(KafkaUsers.fileBytesMax) bytes")
        }
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, bytes) in lines.enumerated() {
            let line = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
            let isBlank = line.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            if isBlank || line.first == UInt8(ascii: "#") { continue }
            if let reason = add(Substring(line)) { throw KafkaUsersError(line: index + 1, reason: reason) }
        }
    }

    /// Takes one line in, or says what is wrong with it.
    private mutating func add(_ line: Substring) -> String? {
        guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            return "there is no `:` behind the user's name"
        }
        let name = String(line[..<colon])
        if let fault = KafkaUsers.fault(ofName: name) { return fault }
        let credential: SCRAMCredential
        switch SCRAMCredential.parse(line[line.utf8.index(after: colon)...]) {
        case .success(let parsed): credential = parsed
        case .failure(let fault): return fault.text
        }
        let own = credentials[Array(name.utf8)] ?? []
        guard !own.contains(where: { $0.mechanism == credential.mechanism }) else {
            return "`\(name)` has a line for \(credential.mechanism.rawValue) above"
        }
        credentials[Array(name.utf8), default: []].append(credential)
        models[credential.mechanism, default: []].append(credential)
        if own.isEmpty { models[nil, default: []].append(credential) }
        return nil
    }

    private static func fault(ofName name: String) -> String? {
        let bytes = name.utf8
        guard (1...Limits.userNameBytesMax).contains(bytes.count) else {
            return "a user's name has 1 to \(Limits.userNameBytesMax) bytes"
        }
        guard !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }),
            !bytes.contains(UInt8(ascii: ":"))
        else { return "a user's name has no `:` and no control characters" }
        guard bytes.first != UInt8(ascii: "#"), bytes.first != UInt8(ascii: " "), bytes.last != UInt8(ascii: " ") else {
            return "a user's name does not begin with `#` and neither begins nor ends with a space"
        }
        guard name != Access.anonymous else { return "`\(Access.anonymous)` is who did not log in" }
        return nil
    }

    /// The lines of a user with a password, one for each mechanism. Takes milliseconds for each.
    ///
    /// - Throws: where the name or the password cannot be used; `line` is 0.
    package static func lines(
        name: String,
        password: String,
        mechanisms: [SCRAMMechanism] = SCRAMMechanism.allCases,
        iterations: Int = Limits.passwordIterations,
        salt: [UInt8] = randomBytes(Limits.saltBytes)
    ) throws(KafkaUsersError) -> [String] {
        let fault =
            fault(ofName: name)
            ?? (Limits.iterations.contains(iterations) ? nil : SCRAMCredential.iterationsFault)
            ?? (Limits.saltByteCounts.contains(salt.count) ? nil : SCRAMCredential.saltFault)
        if let fault { throw KafkaUsersError(line: 0, reason: fault) }
        // PLAIN ends it with a NUL, and the codec takes no longer one.
        guard (1...Limits.passwordBytesMax).contains(password.utf8.count), !password.utf8.contains(0) else {
            throw KafkaUsersError(
                line: 0,
                reason: "a password has 1 to \(Limits.passwordBytesMax) bytes, none of them 0"
            )
        }
        return mechanisms.map { mechanism in
            let credential = SCRAMCredential(
                mechanism: mechanism,
                password: password,
                salt: salt,
                iterations: iterations
            )
            return "\(name):\(credential.text)"
        }
    }
}

/// What is wrong with a line.
private struct Fault: Error {
    var text: String
}

extension SCRAMCredential {
    fileprivate static let iterationsFault =
        "the iterations are a number from \(Limits.iterations.lowerBound) to \(Limits.iterations.upperBound)"
    fileprivate static let saltFault =
        "the salt is Base64 of \(Limits.saltByteCounts.lowerBound) to \(Limits.saltByteCounts.upperBound) bytes"

    /// As it stands in the file, behind the name.
    fileprivate var text: String {
        "\(mechanism.rawValue)$\(iterations):\(Base64.encode(salt))$\(Base64.encode(storedKey)):\(Base64.encode(serverKey))"
    }

    fileprivate static func parse(_ text: Substring) -> Result<SCRAMCredential, Fault> {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 3 else {
            return .failure(Fault(text: "expected `MECHANISM$ITERATIONS:SALT$STOREDKEY:SERVERKEY` behind the name"))
        }
        guard let mechanism = SCRAMMechanism(rawValue: String(parts[0])) else {
            let known = SCRAMMechanism.allCases.map(\.rawValue).joined(separator: " and ")
            return .failure(Fault(text: "the mechanisms are \(known)"))
        }
        let cost = parts[1].split(separator: ":", omittingEmptySubsequences: false)
        let keys = parts[2].split(separator: ":", omittingEmptySubsequences: false).map { Base64.decode($0) }
        guard let digits = cost.first, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let iterations = Int(digits), Limits.iterations.contains(iterations)
        else { return .failure(Fault(text: iterationsFault)) }
        guard cost.count == 2, let salt = Base64.decode(cost[1]), Limits.saltByteCounts.contains(salt.count) else {
            return .failure(Fault(text: saltFault))
        }
        guard keys.count == 2, let storedKey = keys[0], let serverKey = keys[1],
            storedKey.count == mechanism.byteCount, serverKey.count == mechanism.byteCount
        else {
            return .failure(Fault(text: "StoredKey and ServerKey are Base64 of \(mechanism.byteCount) bytes each"))
        }
        return .success(
            SCRAMCredential(
                mechanism: mechanism,
                iterations: iterations,
                salt: salt,
                storedKey: storedKey,
                serverKey: serverKey
            )
        )
    }
}
