// One exchange of SCRAM, from the client's first message on.
package import KafkaProtocol
package import NIOCore

/// Waits for the client's last message. One message only: what comes second begins with another nonce.
package struct SCRAMExchange: Sendable {
    private let client: SCRAMClientFirst
    private let server: SCRAMServerFirst
    private let credential: SCRAMCredential

    /// `serverNonce` must be printable ASCII without commas, and new for each exchange.
    package init(_ client: SCRAMClientFirst, credential: SCRAMCredential, serverNonce: String) {
        self.client = client
        self.credential = credential
        server = SCRAMServerFirst(
            client: client,
            serverNonce: serverNonce,
            salt: credential.salt,
            iterations: credential.iterations
        )
    }

    package var userName: String { client.userName }

    /// The server's first message.
    package var challenge: String { server.text }

    /// The server's last message; nil where the client's does not prove that it knows the password.
    package func answer(to message: ByteBuffer) -> String? {
        guard let final = try? SCRAMClientFinal(parsing: message), final.follows(client, server) else { return nil }
        let signed = SCRAMAuthMessage.text(client, server, final)
        guard credential.accepts(proof: final.proof, of: signed) else { return nil }
        return SCRAMServerFinal(signature: credential.signature(of: signed)).text
    }
}
