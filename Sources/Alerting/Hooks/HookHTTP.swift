// The HTTP clients of hooks: one that all share, and one of its own for a hook that has certificates.
internal import AsyncHTTPClient
package import NIOCore
internal import NIOSSL
internal import Platform

/// No redirects by themselves, no silent retries, a short time to connect, no forbidden peer.
package final class HookHTTP: Sendable {
    let shared: HTTPClient
    private let eventLoops: any EventLoopGroup
    private let addresses: HookAddresses

    /// `eventLoops`: the process's; they outlive this.
    package init(on eventLoops: any EventLoopGroup, addresses: HookAddresses = HookAddresses()) {
        self.eventLoops = eventLoops
        self.addresses = addresses
        shared = HookHTTP.client(on: eventLoops, addresses, nil)
    }

    /// Once, after every hook was closed.
    package func shutdown() async throws {
        try await shared.shutdown()
    }

    func client(_ tls: TLSConfiguration) -> HTTPClient { HookHTTP.client(on: eventLoops, addresses, tls) }

    private static func client(
        on eventLoops: any EventLoopGroup,
        _ addresses: HookAddresses,
        _ tls: TLSConfiguration?
    ) -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.tlsConfiguration = tls
        // Followed by `HookPost`, which knows what another host must not see.
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(5)
        configuration.decompression = .disabled
        configuration.connectionPool.retryConnectionEstablishment = false
        // Named for debugging, they are called with each connection before a request goes over it, and may refuse it.
        configuration.http1_1ConnectionDebugInitializer = { addresses.check($0) }
        configuration.http2ConnectionDebugInitializer = { addresses.check($0) }
        return HTTPClient(eventLoopGroupProvider: .shared(eventLoops), configuration: configuration)
    }
}

/// The client of one hook. Files are looked at before each attempt, so that a renewed certificate needs no reload.
actor HookClient {
    /// A client with the contents of the files that it was made with.
    private struct Own {
        var files: [[UInt8]]
        var client: HTTPClient
    }

    nonisolated let transport: HookTransport
    private let http: HookHTTP
    private var own: Own?
    private var isClosed = false

    init(_ transport: HookTransport, http: HookHTTP) {
        self.transport = transport
        self.http = http
    }

    /// Throws where a file cannot be read, or is none.
    func current() async throws -> HTTPClient {
        guard !isClosed else { throw CancellationError() }
        guard transport.hasFiles else { return http.shared }
        var files: [[UInt8]] = []
        for path in [transport.caFile, transport.certificateFile, transport.keyFile] {
            let limit = AlertingLimits.certificateBytesMax
            files.append(try path.map { try PosixDisk().wholeFile($0, bytesMax: limit) } ?? [])
        }
        if let own, own.files == files { return own.client }
        let old = own
        let fresh = Own(files: files, client: http.client(try HookClient.tls(transport, files)))
        own = fresh
        try? await old?.client.shutdown()
        return fresh.client
    }

    /// Once, when no request is on its way.
    func close() async {
        isClosed = true
        let old = own
        own = nil
        try? await old?.client.shutdown()
    }

    private static func tls(_ transport: HookTransport, _ files: [[UInt8]]) throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        if let path = transport.caFile {
            let certificates = try named(path) { try NIOSSLCertificate.fromPEMBytes(files[0]) }
            tls.trustRoots = .certificates(certificates)
        }
        if let path = transport.certificateFile {
            let chain = try named(path) { try NIOSSLCertificate.fromPEMBytes(files[1]) }
            tls.certificateChain = chain.map { .certificate($0) }
        }
        if let path = transport.keyFile {
            tls.privateKey = .privateKey(try named(path) { try NIOSSLPrivateKey(bytes: files[2], format: .pem) })
        }
        return tls
    }

    private static func named<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch { throw UnusableFile(path: path) }
    }
}

/// Nothing of what stands in it is said: it may be a key.
struct UnusableFile: Error, CustomStringConvertible {
    var path: String

    var description: String { "\(path) holds no certificate or key in PEM format that can be used" }
}
