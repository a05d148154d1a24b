// What one connection is: who is at the other end, and what it may do.
internal import CommitLog
internal import KafkaProtocol
internal import NIOCore
internal import Platform

/// Where a client reaches this broker.
struct ClientAddress: Sendable {
    var host: String
    var port: Int32
}

/// Belongs to the connection's event loop, but for `reader` and `ahead`.
final class ConnectionState {
    let broker: Broker
    let worker: Worker
    /// The broker's address as this client knows it.
    let address: ClientAddress
    let peer: String
    private let id: ObjectIdentifier
    /// Of the requests that are in work, in the order of their arrival: bytes that are taken from the budget of all connections,
    /// and others.
    private var requestMemory: [(taken: Int, free: Int)] = []
    /// Bytes of requests in work that are taken from nothing.
    private(set) var freeRequestBytes = 0
    let reader: ConnectionReader
    let ahead: RecordsAhead
    /// Those that have not begun to read, of fetches whose answers have not left, in the order of their arrival; the first
    /// of all is not among them.
    private var waitingFetches = CircularBuffer<() -> Void>()
    private var isFetching = false
    /// When what was read ahead is given back, and by whom.
    private var patience: (timeouts: WaitTimeouts, end: NIODeadline)?
    var isOpen = true
    /// Nil where none is due: nobody has to log in, or the client has.
    var login: Login?
    /// Whether the client may use the listener: TLS is agreed on, and the client known.
    private(set) var isLetIn = false
    /// What the client may do; nothing until it is let in.
    private(set) var access = Access.nothing
    /// Of the listener when the connection was accepted.
    let security: Security
    private var requestsBeforeLogin = 0

    /// `id`: of its channel.
    init(broker: Broker, id: ObjectIdentifier, worker: Worker, address: ClientAddress, peer: String) {
        self.broker = broker
        self.id = id
        self.worker = worker
        self.address = address
        self.peer = peer
        reader = ConnectionReader(log: broker.log, memory: worker.memory, recordBuffers: broker.recordBuffers)
        ahead = RecordsAhead(broker: broker)
        security = broker.security
        let (security, isLoopback) = (security, broker.configuration.listen.isLoopback)
        login = security.users.map { Login(users: $0, offersPlain: security.tls != nil || isLoopback) }
        if security.tls == nil, login == nil { letIn(Access.anonymous) }
    }

    var frameBytesMax: Int { isLetIn ? Limits.requestBytesMax : Limits.requestBytesMaxUnauthenticated }

    /// The client is who it says.
    func letIn(_ user: String) {
        access = Access(user: user, permissions: security.permissions)
        login = nil
        isLetIn = true
        broker.noteLetIn(id)
    }

    /// TLS is agreed on, with the client's certificate where it had to have one. Where users log in, they are known by that,
    /// and by the certificate otherwise.
    ///
    /// - Throws: where the certificate does not say whose it is.
    func endHandshake(certificate: [UInt8]?) throws(ConnectionFailure) {
        guard login == nil else { return }
        guard let certificate else {
            guard security.tls?.verifiesClients != true else { throw ConnectionFailure(reason: .tls) }
            return letIn(Access.anonymous)
        }
        guard let name = CommonName.of(certificate: certificate) else { throw ConnectionFailure(reason: .tls) }
        letIn(name)
    }

    /// Whether a request may be started: before the client is let in only those that a login is made of, and not many.
    func admits(_ key: Int16) -> Bool {
        if isLetIn { return true }
        requestsBeforeLogin += 1
        let loginKeys: [APIKey] = [.apiVersions, .saslHandshake, .saslAuthenticate]
        return requestsBeforeLogin <= Limits.loginRequestsMax && loginKeys.contains { $0.rawValue == key }
    }

    /// Has a fetch begin to read when the answers to all before it have left: a client that asks for much and reads nothing
    /// keeps the records of one fetch in memory.
    func beginFetch(_ begin: @escaping () -> Void) {
        guard isFetching else {
            isFetching = true
            return begin()
        }
        waitingFetches.append(begin)
    }

    /// The answer to the fetch that has begun has left, or never will.
    func endFetch() {
        guard let begin = waitingFetches.popFirst() else {
            isFetching = false
            return
        }
        begin()
    }

    /// What is read ahead is given back if nobody takes it soon.
    func expectFetch(_ timeouts: WaitTimeouts) {
        guard patience == nil, ahead.isInUse else { return }
        let end = timeouts.add(self, in: Limits.fetchAheadPatience) {
            self.patience = nil
            self.ahead.clear()
            self.expectFetch(timeouts)
        }
        patience = (timeouts, end)
    }

    /// Some of it was taken.
    func endPatience() {
        if let patience { patience.timeouts.remove(self, at: patience.end) }
        patience = nil
    }

    /// The next request has so many bytes of the budget of all connections, or so many others.
    func takeOver(taken: Int, free: Int) {
        requestMemory.append((taken, free))
        freeRequestBytes += free
    }

    /// The oldest request that is not answered yet is.
    func giveBackOldest() {
        guard !requestMemory.isEmpty else { return }
        let oldest = requestMemory.removeFirst()
        freeRequestBytes -= oldest.free
        broker.requestMemory.give(oldest.taken)
    }

    func giveBackAll() {
        while !requestMemory.isEmpty { giveBackOldest() }
    }
}
