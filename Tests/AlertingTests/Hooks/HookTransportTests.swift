// Certificates and redirects of hooks, with OpenSSL's certificates and Python's TLS server.
import Alerting
import Foundation
import Glibc
import Platform
import Testing

/// Authorities, a server's certificate and a client's, made by openssl in a directory of the test's.
private struct Certificates {
    let directory: TemporaryDirectory

    init(_ directory: TemporaryDirectory) throws {
        self.directory = directory
        for name in ["authority", "stranger"] {
            try tool(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=\(name)",
                "-keyout",
                path("\(name).key"),
                "-out",
                path("\(name).pem")
            )
        }
        try issue("server", by: "authority", extensions: "subjectAltName=IP:127.0.0.1,DNS:localhost")
        try issue("client", by: "authority", extensions: "extendedKeyUsage=clientAuth")
        try issue("forged", by: "stranger", extensions: "extendedKeyUsage=clientAuth")
    }

    func path(_ name: String) -> String { directory.path + "/" + name }

    private func issue(_ name: String, by issuer: String, extensions: String) throws {
        try tool(
            "openssl",
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            "/CN=\(name)",
            "-keyout",
            path("\(name).key"),
            "-out",
            path("\(name).csr")
        )
        let file = try directory.file("\(name).ext", extensions + "\n")
        try tool(
            "openssl",
            "x509",
            "-req",
            "-in",
            path("\(name).csr"),
            "-CA",
            path("\(issuer).pem"),
            "-CAkey",
            path("\(issuer).key"),
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            file,
            "-out",
            path("\(name).pem")
        )
    }
}

/// Python's HTTPS server, which asks for a certificate of the authority; each request is a line of its log.
private final class TLSReceiver {
    let port: UInt16
    private let certificates: Certificates
    private let process = Process()

    /// `redirect`: where POSTs to `/elsewhere` are sent.
    init(_ certificates: Certificates, redirect: String = "") async throws {
        self.certificates = certificates
        port = try MosquittoBench.freePort()
        let script = try certificates.directory.file(
            "receiver.py",
            """
            import http.server, ssl, sys
            port, directory, redirect = int(sys.argv[1]), sys.argv[2], sys.argv[3]
            class Receiver(http.server.BaseHTTPRequestHandler):
                def do_POST(self):
                    self.rfile.read(int(self.headers["Content-Length"]))
                    name = dict(pair[0] for pair in self.connection.getpeercert()["subject"])["commonName"]
                    with open(directory + "/requests", "a") as log:
                        log.write(name + " " + self.path + "\\n")
                    self.send_response(307 if self.path == "/elsewhere" else 200)
                    if self.path == "/elsewhere": self.send_header("Location", redirect)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                def log_message(self, *arguments): pass
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(directory + "/server.pem", directory + "/server.key")
            context.load_verify_locations(directory + "/authority.pem")
            context.verify_mode = ssl.CERT_REQUIRED
            server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            server.serve_forever()
            """
        )
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = [script, "\(port)", certificates.directory.path, redirect]
        process.standardError = FileHandle.nullDevice
        try process.run()
        let port = port
        try await eventually("the receiver listens") { MosquittoBench.accepts(port) }
    }

    deinit {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    func requests() throws -> [String] {
        try certificates.directory.exists("requests") ? certificates.directory.lines(of: "requests") : []
    }
}

@Suite("Hook transport", .serialized, .timeLimit(.minutes(5)))
struct HookTransportTests {
    private func hook(_ url: String, _ change: (inout HookTransport) -> Void, secret: String? = nil) -> HookSettings {
        var transport = HookTransport()
        change(&transport)
        let target = HookTarget.webhook(url: url, headers: ["Authorization": "Bearer 7f3a"], secret: secret)
        return HookSettings(name: "pager", target: target, timeout: .seconds(30), transport: transport)
    }

    /// How the hook stands after one delivery or two attempts that failed.
    private func status(_ harness: AlertingHarness, _ hook: HookSettings) async throws -> HookStatus {
        var status = HookStatus(name: "pager", type: "none")
        try await withHooks(harness, [hook]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("it is delivered, or fails") {
                dispatcher.status().delivered > 0 || dispatcher.status().failed >= 2
            }
            status = dispatcher.status()
        }
        return status
    }

    @Test("with authority, certificate and key of its own a hook delivers where a certificate is asked for")
    func mutual() async throws {
        let harness = try AlertingHarness()
        let certificates = try Certificates(harness.directory)
        let receiver = try await TLSReceiver(certificates)
        let settings = hook("https://127.0.0.1:\(receiver.port)/alert") { transport in
            transport.caFile = certificates.path("authority.pem")
            transport.certificateFile = certificates.path("client.pem")
            transport.keyFile = certificates.path("client.key")
        }
        let status = try await status(harness, settings)
        #expect(status.delivered == 1, "\(status.lastError ?? "")")
        #expect(try receiver.requests() == ["client /alert"])
    }

    @Test(
        "the planted bugs: without a certificate, with a stranger's, or without the authority nothing gets through",
        arguments: ["none", "forged", "system"]
    )
    func refused(what: String) async throws {
        let harness = try AlertingHarness()
        let certificates = try Certificates(harness.directory)
        let receiver = try await TLSReceiver(certificates)
        let settings = hook("https://127.0.0.1:\(receiver.port)/alert") { transport in
            if what != "system" { transport.caFile = certificates.path("authority.pem") }
            guard what != "none" else { return }
            let name = what == "forged" ? "forged" : "client"
            transport.certificateFile = certificates.path("\(name).pem")
            transport.keyFile = certificates.path("\(name).key")
        }
        let status = try await status(harness, settings)
        #expect(status.delivered == 0 && status.failed >= 2)
        #expect(try receiver.requests().isEmpty)
    }

    @Test("a certificate that is renewed, or put in order, is used with the next attempt")
    func renewed() async throws {
        let harness = try AlertingHarness()
        let certificates = try Certificates(harness.directory)
        let receiver = try await TLSReceiver(certificates)
        let file = try harness.directory.file("own.pem", "nothing yet\n")
        let settings = hook("https://127.0.0.1:\(receiver.port)/alert") { transport in
            transport.caFile = certificates.path("authority.pem")
            transport.certificateFile = file
            transport.keyFile = certificates.path("client.key")
        }
        try await withHooks(harness, [settings]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("two attempts fail") { dispatcher.status().failed >= 2 }
            #expect(dispatcher.status().lastError?.contains("\(file) holds no certificate") == true)
            try write(try contents(of: certificates.path("client.pem")), to: file)
            try await eventually("it is delivered") { dispatcher.status().delivered == 1 }
        }
        #expect(try receiver.requests() == ["client /alert"])
    }

    // MARK: Redirects

    /// A receiver whose `/alert` leads to `location`, with this status.
    private func redirecting(_ status: Int = 307, to location: @escaping @Sendable () -> String) throws -> HTTPReceiver
    {
        try HTTPReceiver { request, _ in
            request.path == "/alert" ? .status(status, headers: ["Location": location()]) : .status(200)
        }
    }

    @Test("as many redirects as allowed are followed, with method and body", arguments: [301, 302, 307, 308])
    func followed(code: Int) async throws {
        let receiver = try redirecting(code) { "/moved" }
        let status = try await status(AlertingHarness(), hook(receiver.url(), { $0.redirectsMax = 1 }, secret: "s"))
        #expect(status.delivered == 1 && status.failed == 0)
        let requests = receiver.requests
        try #require(requests.map(\.path) == ["/alert", "/moved"])
        #expect(requests.map(\.method) == ["POST", "POST"])
        #expect(requests[0].body == requests[1].body && !requests[1].body.isEmpty)
        for name in ["authorization", "x-forebay-signature", "idempotency-key", "content-type"] {
            #expect(requests[1].headers[name] == requests[0].headers[name] && requests[1].headers[name] != nil)
        }
    }

    @Test("one more than allowed, and one that asks for something else, are not", arguments: [(307, 2), (303, 5)])
    func notFollowed(code: Int, max: Int) async throws {
        let receiver = try HTTPReceiver { request, _ in
            .status(code, headers: ["Location": "/\(request.path.utf8.count)\(request.path)"])
        }
        let status = try await status(AlertingHarness(), hook(receiver.url(), { $0.redirectsMax = max }))
        #expect(status.delivered == 0 && status.failed >= 2)
        #expect(status.lastError?.hasPrefix("HTTP \(code)") == true)
    }

    @Test("a redirect to a port that is none is an attempt that failed")
    func noPort() async throws {
        let receiver = try redirecting { "http://127.0.0.1:99999/" }
        let status = try await status(AlertingHarness(), hook(receiver.url(), { $0.redirectsMax = 1 }))
        #expect(status.delivered == 0 && status.failed >= 2)
    }

    @Test("another host gets the body, and nothing that is secret", arguments: [true, false])
    func anotherHost(isAnother: Bool) async throws {
        let other = try HTTPReceiver()
        let url = other.url("/moved")
        let first = try redirecting { isAnother ? url : "/moved" }
        let status = try await status(AlertingHarness(), hook(first.url(), { $0.redirectsMax = 2 }, secret: "s"))
        #expect(status.delivered == 1)
        let last = try #require((isAnother ? other : first).requests.last)
        #expect(last.path == "/moved" && last.headers["idempotency-key"] != nil && !last.body.isEmpty)
        // The twin: on the same host both go along.
        #expect((last.headers["authorization"] == nil) == isAnother)
        #expect((last.headers["x-forebay-signature"] == nil) == isAnother)
    }

    @Test("a redirect from https to http is not followed")
    func downgrade() async throws {
        let harness = try AlertingHarness()
        let plain = try HTTPReceiver()
        let certificates = try Certificates(harness.directory)
        let receiver = try await TLSReceiver(certificates, redirect: plain.url("/moved"))
        let settings = hook("https://127.0.0.1:\(receiver.port)/elsewhere") { transport in
            transport.caFile = certificates.path("authority.pem")
            transport.certificateFile = certificates.path("client.pem")
            transport.keyFile = certificates.path("client.key")
            transport.redirectsMax = 3
        }
        let status = try await status(harness, settings)
        #expect(status.delivered == 0 && status.failed >= 2)
        #expect(status.lastError?.contains("from https to http") == true)
        #expect(plain.requests.isEmpty)
    }

    @Test("each hop is looked at: a redirect to an address that is refused sends nothing there")
    func guarded() async throws {
        let receiver = try HTTPReceiver(host: "127.0.0.2")
        let target = receiver.url("/moved")
        let first = try redirecting { target }
        let harness = try AlertingHarness()
        let addresses = HookAddresses { $0.description == "127.0.0.2" }
        let settings = hook(first.url()) { $0.redirectsMax = 2 }
        try await withHooks(harness, [settings], addresses: addresses) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("two attempts fail") { dispatcher.status().failed >= 2 }
            #expect(dispatcher.status().lastError?.contains("refused to send to 127.0.0.2") == true)
        }
        #expect(receiver.requests.isEmpty)
    }
}
