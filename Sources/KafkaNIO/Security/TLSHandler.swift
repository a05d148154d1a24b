// Sits behind TLS: who the client is by its certificate, and what becomes of TLS's errors.
internal import NIOCore
internal import NIOSSL
internal import NIOTLS

/// Runs on the connection's event loop.
final class TLSHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: ConnectionState

    init(connection: ConnectionState) {
        self.connection = connection
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            do {
                // It has been verified: TLS fails where it could not be.
                let certificate = try context.pipeline.syncOperations.nioSSL_peerCertificate()
                try connection.endHandshake(certificate: certificate?.toDERBytes())
            } catch {
                context.fireErrorCaught(ConnectionFailure(reason: .tls))
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOSSLError.uncleanShutdown:
            // Most clients end without TLS's goodbye; frames have their lengths, so that nothing can be cut off unseen.
            break
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            context.fireErrorCaught(ConnectionFailure(reason: .tls))
        default:
            context.fireErrorCaught(error)
        }
    }
}
