// TLS at the listener, with certificates of OpenSSL's: who is let in, as whom, and what becomes of the others.
import Foundation
import KafkaNIO
import KafkaProtocol
import NIOCore
import NIOSSL
import Platform
import Testing

/// An authority with its listener's and clients' certificates, and a stranger with another client's.
private struct Certificates {
    let directory: ScratchDirectory

    init() throws {
        directory = try ScratchDirectory()
        for name in ["authority", "stranger"] {
            try openssl(
                ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
                    + ["-subj", "/CN=\(name)", "-keyout", path("\(name).key"), "-out", path("\(name).pem")]
            )
        }
        try issue("server", "/CN=localhost", "subjectAltName=IP:127.0.0.1")
        try issue("client", "/O=Works/CN=lena")
        try issue("nameless", "/O=Works")
        try issue("twofold", "/CN=root/CN=lena")
        try issue("forged", "/CN=lena", by: "stranger")
    }

    func path(_ name: String) -> String { "\(directory.path)/\(name)" }

    private func issue(
        _ name: String,
        _ subject: String,
        _ extensions: String = "extendedKeyUsage=clientAuth",
        by issuer: String = "authority"
    ) throws {
        try openssl(
            ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", subject]
                + ["-keyout", path("\(name).key"), "-out", path("\(name).csr")]
        )
        let file = try directory.file("\(name).ext", extensions + "\n")
        try openssl(
            ["x509", "-req", "-in", path("\(name).csr"), "-CA", path("\(issuer).pem"), "-CAkey", path("\(issuer).key")]
                + ["-CAcreateserial", "-days", "2", "-extfile", file, "-out", path("\(name).pem")]
        )
    }

    private func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "openssl \(arguments.joined(separator: " "))")
    }

    func listenerTLS(verifiesClients: Bool = false) throws -> KafkaTLS {
        try KafkaTLS(
            certificateFile: path("server.pem"),
            keyFile: path("server.key"),
            clientCAFile: verifiesClients ? path("authority.pem") : nil,
            disk: PosixDisk()
        )
    }

    /// A client that trusts the authority, with a certificate of its own where it is named.
    func clientTLS(
        _ name: String? = nil,
        _ change: (inout TLSConfiguration) -> Void = { _ in }
    ) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .file(path("authority.pem"))
        if let name {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(path("\(name).pem"))
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: path("\(name).key"), format: .pem))
        }
        change(&configuration)
        return try NIOSSLContext(configuration: configuration)
    }
}

@Suite("TLS at the Kafka listener", .serialized, .timeLimit(.minutes(3)))
struct ListenerTLSTests {
    @Test("TLS 1.2 and 1.3 are spoken, older versions are not")
    func versions() async throws {
        let certificates = try Certificates()
        try await SecureListener.run({ $0.tls = try? certificates.listenerTLS() }) { listener in
            for version in [TLSVersion.tlsv12, .tlsv13] {
                let client = try await listener.client(
                    certificates.clientTLS {
                        $0.minimumTLSVersion = version
                        $0.maximumTLSVersion = version
                    }
                )
                #expect(try await client.isServed(), "\(version)")
            }
            let old = try await listener.client(
                certificates.clientTLS {
                    $0.minimumTLSVersion = .tlsv1
                    $0.maximumTLSVersion = .tlsv11
                }
            )
            #expect(try await !old.isServed())
            #expect(try await listener.hasClosed(1, .tls))
        }
    }

    @Test("plain bytes to a TLS port end that connection, and disturb no other")
    func plainToTLS() async throws {
        let certificates = try Certificates()
        try await SecureListener.run({ $0.tls = try? certificates.listenerTLS() }) { listener in
            let before = try await listener.client(certificates.clientTLS())
            #expect(try await before.isServed())
            for bytes in ["GET / HTTP/1.1\r\n\r\n", "\0\0\0\u{4}abcd", String(repeating: "\0", count: 5_000)] {
                let client = try await listener.client()
                client.send(ByteBuffer(string: bytes))
                #expect(try await client.hasEnded())
            }
            #expect(try await listener.hasClosed(3, .tls))
            #expect(try await listener.hasClosed(0, .loginTimeout))
            #expect(try await before.isServed())
        }
    }

    @Test("TLS to a plain port ends that connection, and disturbs no other")
    func tlsToPlain() async throws {
        let certificates = try Certificates()
        try await SecureListener.run { listener in
            let before = try await listener.client()
            #expect(try await before.isServed())
            let client = try await listener.client(certificates.clientTLS())
            #expect(try await !client.isServed())
            #expect(try await listener.hasClosed(1, .tls))
            #expect(try await before.isServed())
        }
    }

    @Test("a handshake that goes nowhere ends in time; who has ended it may be silent longer", .tags(.slow))
    func slow() async throws {
        let certificates = try Certificates()
        try await SecureListener.run({ $0.tls = try? certificates.listenerTLS() }) { listener in
            let quiet = try await listener.client(certificates.clientTLS())
            #expect(try await quiet.isServed())
            let silent = try await listener.client()
            let begun = try await listener.client()
            begun.send(ByteBuffer(bytes: [0x16, 3, 1, 2, 0, 1]))
            for client in [silent, begun] { #expect(try await client.hasEnded()) }
            #expect(try await listener.hasClosed(2, .loginTimeout))
            #expect(try await listener.hasClosed(0, .tls))
            #expect(try await quiet.isServed())
        }
    }

    @Test("a client's own end is nobody's fault")
    func end() async throws {
        let certificates = try Certificates()
        try await SecureListener.run({ $0.tls = try? certificates.listenerTLS() }) { listener in
            for _ in 0..<5 {
                let client = try await listener.client(certificates.clientTLS())
                #expect(try await client.isServed())
            }
            while listener.server.metrics.connections > 0 { await Task.yield() }
            #expect(listener.server.metrics.closed.isEmpty)
        }
    }

    @Test("a renewed certificate is shown to whoever connects next; TLS itself stays as it was")
    func renewed() async throws {
        let (old, renewed) = (try Certificates(), try Certificates())
        try await SecureListener.run({ $0.tls = try? old.listenerTLS() }) { listener in
            let before = try await listener.client(old.clientTLS())
            #expect(try await before.isServed())
            #expect(try await !listener.client(renewed.clientTLS()).isServed())
            let changes = try listener.server.apply(tls: renewed.listenerTLS(), users: nil, permissions: nil)
            #expect(changes == ["listen.kafka: the certificates are others"])
            #expect(try listener.server.apply(tls: renewed.listenerTLS(), users: nil, permissions: nil).isEmpty)
            #expect(try await listener.client(renewed.clientTLS()).isServed())
            #expect(try await !listener.client(old.clientTLS()).isServed())
            try listener.server.apply(tls: nil, users: nil, permissions: nil)
            #expect(try await listener.client(renewed.clientTLS()).isServed())
            #expect(try await before.isServed())
        }
    }

    // MARK: Certificates of clients

    @Test("a client's certificate lets in as whom it names, with that user's permissions")
    func mutual() async throws {
        let certificates = try Certificates()
        let change: (inout KafkaListenerConfiguration) -> Void = { configuration in
            configuration.tls = try? certificates.listenerTLS(verifiesClients: true)
            configuration.permissions = [KafkaPermission(user: "lena", topics: ["plain"], allow: [.read])]
        }
        try await SecureListener.run(change) { listener in
            let client = try await listener.client(certificates.clientTLS("client"))
            #expect(try await client.topics() == ["plain"])
        }
    }

    @Test(
        "no certificate, one of a stranger, and one that does not say whose it is let nobody in",
        arguments: [nil, "forged", "stranger", "server", "nameless", "twofold"]
    )
    func refused(name: String?) async throws {
        let certificates = try Certificates()
        try await SecureListener.run({ $0.tls = try? certificates.listenerTLS(verifiesClients: true) }) { listener in
            let before = try await listener.client(certificates.clientTLS("client"))
            #expect(try await before.isServed())
            let client = try await listener.client(certificates.clientTLS(name))
            // The name in the listener's own certificate is a name like any other.
            #expect(try await client.isServed() == (name == "server"))
            #expect(try await listener.hasClosed(name == "server" ? 0 : 1, .tls))
            #expect(try await before.isServed())
        }
    }

    @Test("with users, too, a client needs both, and is known as the user")
    func both() async throws {
        let certificates = try Certificates()
        let change: (inout KafkaListenerConfiguration) -> Void = { configuration in
            configuration.tls = try? certificates.listenerTLS(verifiesClients: true)
            configuration.users = try? KafkaUsers(
                parsing: KafkaUsers.lines(name: "marta", password: "p", iterations: 4_096).joined(separator: "\n")
            )
            configuration.permissions = [
                KafkaPermission(user: "marta", topics: ["hidden"], allow: [.read]),
                KafkaPermission(user: "lena", topics: ["plain"], allow: [.read]),
            ]
        }
        try await SecureListener.run(change) { listener in
            let client = try await listener.client(certificates.clientTLS("client"))
            #expect(try await client.plain("marta", "p")?.errorCode == ErrorCode.none)
            #expect(try await client.topics() == ["hidden"])
            let early = try await listener.client(certificates.clientTLS("client"))
            #expect(try await !early.isServed())
            #expect(try await listener.hasClosed(1, .unauthenticated))
        }
    }

    @Test("a certificate that is cut off or has any byte flipped is read without harm")
    func damagedCertificates() throws {
        let certificates = try Certificates()
        let file = try NIOSSLCertificate.fromPEMFile(certificates.path("client.pem"))
        let bytes = try #require(file.first).toDERBytes()
        #expect(CommonName.of(certificate: bytes) == "lena")
        for count in bytes.indices { #expect(CommonName.of(certificate: Array(bytes.prefix(count))) == nil) }
        for index in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[index] ^= 1 << UInt8(bit)
                _ = CommonName.of(certificate: damaged)
            }
        }
        for byte in UInt8.min...UInt8.max {
            _ = CommonName.of(certificate: [UInt8](repeating: byte, count: 64))
        }
        let huge: [UInt8] = [0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x30, 0x80]
        #expect(CommonName.of(certificate: huge) == nil)
    }

    // MARK: Files

    @Test("files that cannot be used are named, with the reason")
    func files() throws {
        let certificates = try Certificates()
        let garbage = try certificates.directory.file("garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n")
        let empty = try certificates.directory.file("empty", "")
        let (server, key) = (certificates.path("server.pem"), certificates.path("server.key"))
        let absent = certificates.path("absent")
        for (certificate, key, authority, named, reason) in [
            (absent, key, nil, absent, "No such file or directory"), (server, absent, nil, absent, "No such file"),
            (server, key, absent, absent, "No such file"), (garbage, key, nil, garbage, "no certificates"),
            (empty, key, nil, empty, "no certificates"), (server, garbage, nil, garbage, "no private key"),
            (server, server, nil, server, "no private key"), (server, key, garbage, garbage, "no certificates"),
            (server, key, empty, empty, "no certificates"),
            (server, certificates.path("client.key"), nil, certificates.path("client.key"), "is not the key of"),
        ] as [(String, String, String?, String, String)] {
            let error = #expect(throws: KafkaTLSError.self) {
                try KafkaTLS(certificateFile: certificate, keyFile: key, clientCAFile: authority, disk: PosixDisk())
            }
            #expect(error?.file == named)
            #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
        }
        #expect(throws: Never.self) { try certificates.listenerTLS(verifiesClients: true) }
    }
}
