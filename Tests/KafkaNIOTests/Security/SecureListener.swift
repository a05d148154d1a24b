// What the tests of the listener's security share: a listener over a log of their own, and a client that speaks frames.
import CommitLog
import Crypto
import Glibc
import KafkaNIO
import KafkaProtocol
import NIOCore
import NIOPosix
import NIOSSL
import Platform
import Synchronization
import Testing

/// A fresh directory below the system's temporary one, removed with its files when the last reference goes.
final class ScratchDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/forebay-kafka-XXXXXX".utf8CString)
        let isMade = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
        try #require(isMade, "no temporary directory: \(systemErrorText(errno))")
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        ScratchDirectory.remove(path)
    }

    private static func remove(_ path: String) {
        for name in (try? PosixDisk().list(path)) ?? [] { remove("\(path)/\(name)") }
        if unlink(path) != 0 { rmdir(path) }
    }

    /// Writes a file; its path.
    func file(_ name: String, _ text: String) throws -> String {
        try PosixDisk().writeNew("\(path)/\(name)", Array(text.utf8))
        return "\(path)/\(name)"
    }
}

/// A listener over a log with the topics `plain` and `hidden`, of one partition each, and Forebay's own.
final class SecureListener: Sendable {
    let server: KafkaServer
    let log: CommitLog
    private let directory: ScratchDirectory
    private let writer: PlatformThread
    private let isOver = Flag()
    /// Nothing becomes durable meanwhile.
    let isFrozen = Flag()

    final class Flag: Sendable {
        let value = Atomic(false)
        func set(_ isSet: Bool) { value.store(isSet, ordering: .relaxed) }
    }

    private static let loops = MultiThreadedEventLoopGroup.singleton

    private init(_ configuration: KafkaListenerConfiguration) async throws {
        directory = try ScratchDirectory()
        var topics: [TopicName: TopicConfiguration] = [:]
        for name in ["plain", "hidden", "readings", "alerts", "system"] {
            topics[try #require(TopicName(name))] = TopicConfiguration()
        }
        let log = try CommitLog.open(
            LogConfiguration(directory: directory.path, topics: topics),
            disk: PosixDisk(),
            clock: SystemClock(),
            access: .readWrite
        )
        self.log = log
        let (isOver, isFrozen) = (isOver, isFrozen)
        writer = PlatformThread(name: "log-writer") {
            let writer = log.makeWriter()
            while !isOver.value.load(ordering: .relaxed) {
                if isFrozen.value.load(ordering: .relaxed) {
                    usleep(1000)
                } else if writer.step(waitUpTo: .milliseconds(50)) == .failed {
                    return
                }
            }
        }
        server = try await KafkaServer.start(
            configuration,
            log: log,
            clock: SystemClock(),
            eventLoops: SecureListener.loops
        )
    }

    /// Runs `body` with a listener on a free port of loopback.
    static func run(
        _ change: (inout KafkaListenerConfiguration) -> Void = { _ in },
        _ body: (SecureListener) async throws -> Void
    ) async throws {
        var configuration = KafkaListenerConfiguration(listen: try address("127.0.0.1:0"))
        change(&configuration)
        let listener = try await SecureListener(configuration)
        do {
            try await body(listener)
        } catch {
            await listener.stop()
            throw error
        }
        await listener.stop()
    }

    static func address(_ text: Substring) throws -> HostAndPort {
        try #require(HostAndPort(text, defaultPort: nil))
    }

    private func stop() async {
        await server.stop()
        isOver.set(true)
        await writer.joined()
    }

    func client(_ tls: NIOSSLContext? = nil) async throws -> FrameClient {
        try await FrameClient(port: server.port, tls: tls, on: SecureListener.loops)
    }

    /// A client that reads nothing, and whose kernel takes little for it.
    func deafClient() async throws -> FrameClient {
        try await FrameClient(port: server.port, tls: nil, reads: false, on: SecureListener.loops)
    }

    /// Whether this side has ended so many connections for a reason, and no more: a client may notice before it is counted.
    func hasClosed(_ count: Int, _ reason: CloseReason) async throws -> Bool {
        for _ in 0..<3_000 where server.metrics.closed[reason] ?? 0 < count {
            try await Task.sleep(for: .milliseconds(10))
        }
        return server.metrics.closed[reason] ?? 0 == count
    }

    // MARK: Users

    static let password = "p€ncil,="

    /// `lena` by all mechanisms; with few iterations, since an unoptimised build hashes slowly.
    static let users: KafkaUsers = {
        do {
            let lines = try KafkaUsers.lines(name: "lena", password: password, iterations: 4_096)
            return try KafkaUsers(parsing: lines.joined(separator: "\n"))
        } catch {
            preconditionFailure("\(error)")
        }
    }()
}

/// Hands on whole frames without their lengths.
private final class FrameCollector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let frames: AsyncStream<ByteBuffer>.Continuation
    private var buffer = ByteBuffer()

    init(_ frames: AsyncStream<ByteBuffer>.Continuation) {
        self.frames = frames
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        buffer.writeImmutableBuffer(unwrapInboundIn(data))
        while let length = buffer.getInteger(at: buffer.readerIndex, as: Int32.self),
            buffer.readableBytes >= 4 + Int(length)
        {
            buffer.moveReaderIndex(forwardBy: 4)
            if let frame = buffer.readSlice(length: Int(length)) { frames.yield(frame) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        frames.finish()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// A client that sends requests one after the other.
final class FrameClient {
    private let channel: any Channel
    private let frames: AsyncStream<ByteBuffer>
    private var correlationID: Int32 = 0

    init(port: UInt16, tls: NIOSSLContext?, reads: Bool = true, on loops: any EventLoopGroup) async throws {
        let (frames, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
        self.frames = frames
        let bootstrap = ClientBootstrap(group: loops).channelOption(.autoRead, value: reads)
        let sized = reads ? bootstrap : bootstrap.channelOption(.socketOption(.so_rcvbuf), value: 4096)
        channel = try await sized.channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                if let tls { try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: nil)) }
                try pipeline.addHandler(FrameCollector(continuation))
            }
        }.connect(host: "127.0.0.1", port: Int(port)).get()
    }

    deinit { close() }

    func close() {
        channel.close(promise: nil)
    }

    /// Bytes as they are; where the other side has closed they go nowhere.
    func send(_ bytes: ByteBuffer) {
        channel.writeAndFlush(bytes, promise: nil)
    }

    /// Sends a request, of a version without tagged fields unless `isFlexible`.
    func send(
        _ key: APIKey,
        _ version: Int16,
        isFlexible: Bool = false,
        _ body: (inout WireWriter) -> Void = { _ in }
    ) {
        correlationID += 1
        var header = WireWriter(isFlexible: false)
        header.int16(key.rawValue)
        header.int16(version)
        header.int32(correlationID)
        header.nullableString("tests")
        var writer = WireWriter(isFlexible: isFlexible)
        writer.emptyTaggedFields()
        body(&writer)
        var frame = ByteBuffer()
        frame.writeInteger(Int32(header.buffer.readableBytes + writer.buffer.readableBytes))
        frame.writeImmutableBuffer(header.buffer)
        frame.writeImmutableBuffer(writer.buffer)
        send(frame)
    }

    /// The next response behind its correlation id; nil where the connection has ended.
    func response(isFlexible: Bool = false) async throws -> WireReader? {
        for await frame in frames {
            var reader = WireReader(frame, isFlexible: isFlexible)
            _ = try reader.int32()
            try reader.skipTaggedFields()
            return reader
        }
        return nil
    }

    /// Whether the connection ends without a further response.
    func hasEnded() async throws -> Bool { try await response() == nil }

    /// Whether requests are answered.
    func isServed() async throws -> Bool {
        send(.metadata, 4) { body in
            body.arrayLength(0)
            body.boolean(false)
        }
        return try await response() != nil
    }

    // MARK: Logging in

    struct Step {
        var errorCode: ErrorCode
        var message: String?
        var text: String
    }

    /// The code, and the mechanisms that are offered.
    func handshake(_ mechanism: String) async throws -> (errorCode: ErrorCode, mechanisms: [String]) {
        send(.saslHandshake, 1) { $0.string(mechanism) }
        var reader = try #require(try await response())
        return (try reader.error(), try reader.strings())
    }

    /// Nil where the connection ends instead.
    func authenticate(_ message: some Sequence<UInt8>) async throws -> Step? {
        sendMessage(message)
        return try await step()
    }

    func sendMessage(_ message: some Sequence<UInt8>) {
        send(.saslAuthenticate, 1) { $0.bytes(ByteBuffer(bytes: message)) }
    }

    /// The answer to the oldest message.
    func step() async throws -> Step? {
        guard var reader = try await response() else { return nil }
        return Step(
            errorCode: try reader.error(),
            message: try reader.nullableString(),
            text: String(buffer: try reader.bytes())
        )
    }

    /// Logs in by PLAIN; the answer.
    func plain(_ user: String, _ password: String) async throws -> Step? {
        let handshake = try await handshake("PLAIN")
        #expect(handshake.errorCode == .none)
        return try await authenticate("\0\(user)\0\(password)".utf8)
    }
}

extension WireReader {
    mutating func error() throws -> ErrorCode { try #require(ErrorCode(rawValue: try int16())) }

    mutating func strings() throws -> [String] {
        try (0..<Int(int32())).map { _ in try string() }
    }
}

/// The client's part of SCRAM, written from the RFCs and naively.
struct SCRAMClient {
    var mechanism: SCRAMMechanism
    var user: String
    var password: String
    var nonce = "fyko+d2lbbFgONRv9qkxdawL"

    var first: String { "n,,\(bare)" }
    private var bare: String { "n=\(user),r=\(nonce)" }

    /// The last message, and what the server has to answer.
    func last(
        _ challenge: String,
        nonce changed: String? = nil,
        header: String = "biws"
    ) throws -> (message: String, answer: String) {
        let fields = challenge.split(separator: ",").map { $0.dropFirst(2) }
        try #require(fields.count == 3)
        let salt = try #require(Base64.decode(fields[1]))
        let salted = saltedPassword(salt, try #require(Int(fields[2])))
        let withoutProof = "c=\(header),r=\(changed ?? String(fields[0]))"
        let signed = Array("\(bare),\(challenge),\(withoutProof)".utf8)
        let clientKey = code(Array("Client Key".utf8), salted)
        let signature = code(signed, hash(clientKey))
        let proof = Base64.encode(zip(clientKey, signature).map { $0 ^ $1 })
        let answer = Base64.encode(code(signed, code(Array("Server Key".utf8), salted)))
        return ("\(withoutProof),p=\(proof)", "v=\(answer)")
    }

    /// By what they were made of: an unoptimised build takes a good part of a second for one, and a login has ten.
    private static let saltedPasswords = Mutex<[[String]: [UInt8]]>([:])

    private func saltedPassword(_ salt: [UInt8], _ iterations: Int) -> [UInt8] {
        let origin = [mechanism.rawValue, Base64.encode(salt), password, "\(iterations)"]
        if let known = SCRAMClient.saltedPasswords.withLock({ $0[origin] }) { return known }
        let password = Array(password.utf8)
        var block = code(salt + [0, 0, 0, 1], password)
        var salted = block
        for _ in 1..<iterations {
            block = code(block, password)
            for index in salted.indices { salted[index] ^= block[index] }
        }
        SCRAMClient.saltedPasswords.withLock { $0[origin] = salted }
        return salted
    }

    private func hash(_ bytes: [UInt8]) -> [UInt8] {
        mechanism == .sha256 ? Array(SHA256.hash(data: bytes)) : Array(SHA512.hash(data: bytes))
    }

    private func code(_ bytes: [UInt8], _ key: [UInt8]) -> [UInt8] {
        let key = SymmetricKey(data: key)
        return mechanism == .sha256
            ? Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
            : Array(HMAC<SHA512>.authenticationCode(for: bytes, using: key))
    }
}
