// The messages of PLAIN and SCRAM: the examples of their RFCs, and everything that is close to one.
import KafkaProtocol
import NIOCore
import Testing

private func message(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

@Suite("SASL: PLAIN")
struct SASLPlainTests {
    @Test("name and password, with or without an authorization id")
    func good() throws {
        let plain = try SASLPlainMessage(parsing: message("\0user\0secret"))
        #expect(plain.authorizationID.isEmpty && plain.userName == "user" && plain.password == "secret")
        let other = try SASLPlainMessage(parsing: message("admin\0üser\0=,p"))
        #expect(other.authorizationID == "admin" && other.userName == "üser" && other.password == "=,p")
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", "\0", "\0\0", "\0user", "user\0secret", "\0user\0", "\0\0secret", "a\0b\0c\0", "a\0b\0c\0d",
            "\0user\0sec\0ret",
        ]
    )
    func bad(text: String) {
        #expect(throws: WireError(.malformedText, at: 0)) { try SASLPlainMessage(parsing: message(text)) }
    }

    @Test("bytes that are no UTF-8 are refused where they stand")
    func notUTF8() {
        #expect(throws: WireError(.notUTF8, at: 3)) {
            try SASLPlainMessage(parsing: buffer([0, 0x61, 0, 0xff]))
        }
    }

    @Test("names and messages have limits")
    func limits() throws {
        let longest = String(repeating: "n", count: Limits.saslNameBytesMax)
        #expect(try SASLPlainMessage(parsing: message("\0\(longest)\0\(longest)")).userName == longest)
        #expect(throws: WireError(.tooLong, at: 1)) {
            try SASLPlainMessage(parsing: message("\0\(longest)n\0p"))
        }
        #expect(throws: WireError(.tooLong, at: 0)) {
            let zeros = [UInt8](repeating: 0, count: Limits.saslMessageBytesMax + 1)
            _ = try SASLPlainMessage(parsing: buffer(zeros))
        }
    }

    @Test("a description does not tell the password")
    func description() throws {
        let plain = try SASLPlainMessage(parsing: message("\0user\0secret"))
        #expect("\(plain)" == "PLAIN of user")
        #expect(String(reflecting: plain) == "PLAIN of user")
    }
}

@Suite("SASL: SCRAM")
struct SCRAMTests {
    /// Client-first, server's nonce, salt, server-first, client-final, its proof's first byte, server-final.
    struct Exchange: Sendable {
        var first: String
        var serverNonce: String
        var salt: [UInt8]
        var serverFirst: String
        var final: String
        var serverFinal: String
    }

    static let exchanges = [
        // RFC 5802, section 5.
        Exchange(
            first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
            serverNonce: "3rfcNHYJY1ZVvWVs7j",
            salt: [0x41, 0x25, 0xc2, 0x47, 0xe4, 0x3a, 0xb1, 0xe9, 0x3c, 0x6d, 0xff, 0x76],
            serverFirst: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            final: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            serverFinal: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="
        ),
        // RFC 7677, section 3.
        Exchange(
            first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            serverNonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
            salt: [0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81],
            serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            final: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        ),
    ]

    @Test("the examples of the RFCs", arguments: exchanges)
    func examples(exchange: Exchange) throws {
        let first = try SCRAMClientFirst(parsing: message(exchange.first))
        #expect(first.userName == "user" && first.authorizationID.isEmpty && first.header == "n,,")
        #expect(first.bare == String(exchange.first.dropFirst(3)))
        let serverFirst = SCRAMServerFirst(
            client: first,
            serverNonce: exchange.serverNonce,
            salt: exchange.salt,
            iterations: 4_096
        )
        #expect(serverFirst.text == exchange.serverFirst)
        let final = try SCRAMClientFinal(parsing: message(exchange.final))
        #expect(final.follows(first, serverFirst))
        #expect(exchange.final.hasPrefix(final.withoutProof + ",p="))
        #expect(
            SCRAMAuthMessage.text(first, serverFirst, final)
                == "\(exchange.first.dropFirst(3)),\(exchange.serverFirst),\(final.withoutProof)"
        )
        // The signature's Base64 is taken apart by way of a proof, and put together again.
        let signature = try SCRAMClientFinal(parsing: message("c=biws,r=a,p=\(exchange.serverFinal.dropFirst(2))"))
            .proof
        #expect(SCRAMServerFinal(signature: signature).text == exchange.serverFinal)
    }

    @Test("authorization ids, flags, escapes and extensions")
    func clientFirst() throws {
        let first = try SCRAMClientFirst(parsing: message("y,a=ad=2Cmin,n=us=3D=2Cer,r=x!~,tokenauth=true,b=2"))
        #expect(first.header == "y,a=ad=2Cmin,")
        #expect(first.authorizationID == "ad,min")
        #expect(first.userName == "us=,er")
        #expect(first.nonce == "x!~")
        #expect(first.bare == "n=us=3D=2Cer,r=x!~,tokenauth=true,b=2")
    }

    @Test(
        "a first message that is none is refused",
        arguments: [
            "", "n", "n,", "n,,", "n,,n=u", "n,,n=u,", "n,,n=u,r=", "n,,n=,r=x", "n,,r=x,n=u", "x,,n=u,r=x",
            "N,,n=u,r=x",
            "p=tls-unique,,n=u,r=x", "n,b=c,n=u,r=x", "n,a=,n=u,r=x", "n,,m=e,n=u,r=x", "n,,n=u=,r=x", "n,,n=u=2c,r=x",
            "n,,n=u=2,r=x", "n,,n=u=41,r=x", "n,,n=u,r=a b", "n,,n=u,r=\u{7f}", "n,,n=u,r=ä", "n,,n=u,r=x,",
            "n,,n=u,r=x,1=2",
            "n,,n=u,r=x,m=2", "n,,n=u,r=x,a", "n,,n=u,r=x,a=", "n,,n=u\0,r=x", " n,,n=u,r=x",
        ]
    )
    func badFirst(text: String) {
        let error = #expect(throws: WireError.self) { try SCRAMClientFirst(parsing: message(text)) }
        #expect(error?.code == .malformedText)
    }

    @Test("extensions stand in front of the proof and are signed")
    func finalExtensions() throws {
        let final = try SCRAMClientFinal(parsing: message("c=biws,r=xy,e=1,f=2,p=AAEC"))
        #expect(final.proof == [0, 1, 2])
        #expect(final.withoutProof == "c=biws,r=xy,e=1,f=2")
    }

    @Test("a character that joins with the comma before the proof takes nothing of what is signed")
    func prepend() throws {
        // U+0600 and the comma behind it are one character for Swift.
        let final = try SCRAMClientFinal(parsing: message("c=biws,r=xy,e=\u{0600},p=AAEC"))
        #expect(final.withoutProof == "c=biws,r=xy,e=\u{0600}")
    }

    @Test(
        "a last message that is none is refused",
        arguments: [
            "", "c=biws", "c=biws,r=x", "c=biws,r=x,", "c=biws,r=x,p=", "r=x,c=biws,p=AAEC", "c=,r=x,p=AAEC",
            "c=biw,r=x,p=AAEC", "c=biws,r=x,p=AAE", "c=biws,r=x,p=AAE==", "c=biws,r=x,p=AA=C", "c=biws,r=x,p=A===",
            "c=biws,r=x,p=====", "c=biws,r=x,p=AAF=", "c=biws,r=x,p=AB==", "c=biws,r=x,p=AA C", "c=biws,r=x,p=AA_-",
            "c=biws,r=x,p=AAEC,", "c=biws,r=x,m=1,p=AAEC", "c=biws,r=x,p=AAEC,e=1",
        ]
    )
    func badFinal(text: String) {
        let error = #expect(throws: WireError.self) { try SCRAMClientFinal(parsing: message(text)) }
        #expect(error?.code == .malformedText)
    }

    @Test(
        "Base64 of every length comes back",
        arguments: [
            ([0x66], "Zg=="), ([0x66, 0x6f], "Zm8="), ([0x66, 0x6f, 0x6f], "Zm9v"),
            ([0x66, 0x6f, 0x6f, 0x62], "Zm9vYg=="),
            ([0xfb, 0xff, 0xbf], "+/+/"), ([0xff, 0xff], "//8="),
        ] as [([UInt8], String)]
    )
    func base64(bytes: [UInt8], text: String) throws {
        #expect(SCRAMServerFinal(signature: bytes).text == "v=\(text)")
        #expect(try SCRAMClientFinal(parsing: message("c=biws,r=x,p=\(text)")).proof == bytes)
    }

    @Test("a last message with another nonce or header does not follow")
    func follows() throws {
        let first = try SCRAMClientFirst(parsing: message("n,,n=user,r=abc"))
        let server = SCRAMServerFirst(client: first, serverNonce: "def", salt: [1], iterations: 4_096)
        let good = try SCRAMClientFinal(parsing: message("c=biws,r=abcdef,p=AAEC"))
        #expect(good.follows(first, server))
        for text in ["c=biws,r=abc,p=AAEC", "c=biws,r=abcdefg,p=AAEC", "c=eSws,r=abcdef,p=AAEC"] {
            #expect(try !SCRAMClientFinal(parsing: message(text)).follows(first, server), "\(text)")
        }
    }

    @Test("bytes that are no UTF-8, and messages beyond the limit, are refused")
    func limits() {
        #expect(throws: WireError(.notUTF8, at: 0)) { try SCRAMClientFirst(parsing: buffer([0x6e, 0x2c, 0xff])) }
        let long = "n,,n=user,r=" + String(repeating: "x", count: Limits.saslMessageBytesMax)
        #expect(throws: WireError(.tooLong, at: 0)) { try SCRAMClientFirst(parsing: message(long)) }
        let name = "n,,n=" + String(repeating: "x", count: Limits.saslNameBytesMax + 1) + ",r=x"
        let error = #expect(throws: WireError.self) { try SCRAMClientFirst(parsing: message(name)) }
        #expect(error?.code == .tooLong)
    }
}
