// What protects both ends of a webhook: a signature, bounds of the answer, and addresses that are never sent anything.
import Alerting
import Platform
import Rules
import Testing

@Suite("Webhook guards", .timeLimit(.minutes(5)))
struct WebhookGuardTests {
    /// What Python's hmac says of the body.
    private func signature(of body: [UInt8], _ secret: String, _ harness: AlertingHarness) async throws -> String {
        let directory = harness.directory.path
        try write(body, to: directory + "/signed")
        let script = try harness.directory.file(
            "sign.py",
            """
            import hmac, sys
            body = open(sys.argv[2] + "/signed", "rb").read()
            open(sys.argv[2] + "/signature", "w").write(hmac.new(sys.argv[1].encode(), body, "sha256").hexdigest())
            """
        )
        let command = ["/usr/bin/python3", "-X", "utf8", script, secret, directory]
        let hook = HookSettings(name: "sign", target: .exec(command: command), timeout: .seconds(60))
        try await withHooks(harness, [hook]) { dispatcher in
            let result = await dispatcher.test("sign")
            #expect(result?.delivered == true, "\(result?.error ?? "")")
        }
        return try #require(harness.directory.lines(of: "signature").first)
    }

    /// The signature of one delivery, and what it should be under `secret`.
    private func signatures(_ own: String?, checkedWith secret: String) async throws -> (sent: String?, wanted: String)
    {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        let target = HookTarget.webhook(url: receiver.url(), headers: ["X-Forebay-Signature": "forged"], secret: own)
        try await withHooks(harness, [HookSettings(name: "pager", target: target)]) { dispatcher in
            try harness.appendAlerts([.sample(summary: "größer als -15 °C")])
            try await eventually("it is delivered") { dispatcher.status().delivered == 1 }
        }
        let request = try #require(receiver.requests.first)
        return (request.headers["x-forebay-signature"], try await signature(of: request.body, secret, harness))
    }

    @Test("with a secret, the body is signed: Python computes the same")
    func signed() async throws {
        let (sent, wanted) = try await signatures("7f3a-größe", checkedWith: "7f3a-größe")
        #expect(wanted.count == 64)
        #expect(sent == "sha256=" + wanted)
    }

    @Test("the planted bug: a receiver with another secret does not find the signature right")
    func signedOtherwise() async throws {
        let (sent, wanted) = try await signatures("7f3a-größe", checkedWith: "7f3a")
        #expect(sent != "sha256=" + wanted)
    }

    @Test("an answer without an end holds nothing up: delivered is delivered, refused says its first bytes")
    func endlessAnswer() async throws {
        let receiver = try HTTPReceiver { _, number in number == 1 ? .endless(200) : .endless(400) }
        let harness = try AlertingHarness()
        try await withHooks(harness, [webhook("pager", receiver)]) { dispatcher in
            try harness.appendAlerts([.sample("A")])
            try await eventually("it is delivered") { dispatcher.status().delivered == 1 }
            try harness.appendAlerts([.sample("B")])
            try await eventually("it is refused") { dispatcher.status().refused == 1 }
            #expect(dispatcher.status().failed == 0)
            let error = try #require(dispatcher.status().lastError)
            #expect(error.hasPrefix("HTTP 400 Bad Request: more more "))
            #expect(error.utf8.count < 1000)
        }
    }

    // MARK: Addresses

    @Test(
        "link-local and metadata addresses are sensitive, however they are written",
        arguments: [
            "169.254.169.254", "169.254.0.1", "169.254.255.255", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254",
            "fe80::1", "febf::1", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192",
        ]
    )
    func sensitive(text: String) throws {
        #expect(try #require(HookAddress(text)).isSensitive)
    }

    @Test(
        "others are not, those of the own network included",
        arguments: [
            "127.0.0.1", "10.0.0.1", "192.168.169.254", "169.253.255.255", "169.255.0.0", "::1", "fec0::1", "fe7f::1",
            "fd00::1", "2001:db8::1", "::ffff:10.0.0.1", "100.100.100.201",
        ]
    )
    func ordinary(text: String) throws {
        #expect(try !#require(HookAddress(text)).isSensitive)
    }

    @Test(
        "what is no address is none",
        arguments: ["", "localhost", "169.254.169", "0x7f.1", "fe80::1%eth0", "1.2.3.4/8"]
    )
    func noAddress(text: String) {
        #expect(HookAddress(text) == nil)
    }

    /// A hook whose receiver listens at an address that is refused; how it stands after two attempts or a delivery.
    ///
    /// The receiver's is one of loopback, for no other is sure to be there; that real ones are refused is the test above.
    private func status(host: String, allowed: [String]) async throws -> (status: HookStatus, requests: Int) {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        let addresses = HookAddresses { $0.description == "127.0.0.1" }
        addresses.allow(Set(allowed.compactMap { HookAddress($0) }))
        let url = receiver.url().replacing("127.0.0.1", with: host)
        let hook = HookSettings(name: "pager", target: .webhook(url: url, headers: [:]), timeout: .seconds(60))
        var status = HookStatus(name: "pager", type: "none")
        try await withHooks(harness, [hook], addresses: addresses) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("it is delivered, or fails") {
                dispatcher.status().delivered > 0 || dispatcher.status().failed >= 2
            }
            status = dispatcher.status()
        }
        return (status, receiver.requests.count)
    }

    @Test("nothing is sent to a refused address, be it written or resolved", arguments: ["127.0.0.1", "localhost"])
    func refused(host: String) async throws {
        let (status, requests) = try await status(host: host, allowed: ["10.0.0.1"])
        #expect(status.delivered == 0)
        #expect(status.refused == 0, "a name may resolve otherwise tomorrow")
        #expect(requests == 0)
        if host == "127.0.0.1" { #expect(status.lastError?.contains("refused to send to 127.0.0.1") == true) }
    }

    @Test("the planted bug: without the look at the peer, or with the address allowed, it is sent")
    func allowed() async throws {
        let (status, requests) = try await status(host: "localhost", allowed: ["127.0.0.1"])
        #expect(status.delivered == 1)
        #expect(requests == 1)
    }
}
