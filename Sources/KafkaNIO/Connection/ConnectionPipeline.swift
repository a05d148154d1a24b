// What a connection passes through: frames, then requests.
internal import NIOCore
internal import NIOSSL
internal import Platform

extension Broker {
    /// Sets up an accepted connection, or closes it where there are too many. On its event loop.
    func configure(_ channel: any Channel) throws {
        guard open(channel) else { throw ConnectionFailure(reason: .tooMany) }
        let local = channel.localAddress
        let advertised = configuration.advertised
        let connection = ConnectionState(
            broker: self,
            id: ObjectIdentifier(channel),
            worker: nextWorker(),
            address: ClientAddress(
                host: advertised?.host ?? local?.ipAddress ?? configuration.listen.host,
                port: Int32(advertised?.port ?? UInt16(exactly: local?.port ?? 0) ?? configuration.listen.port)
            ),
            peer: channel.remoteAddress?.ipAddress ?? ""
        )
        let pipeline = channel.pipeline.syncOperations
        if let tls = connection.security.tls {
            try pipeline.addHandler(NIOSSLServerHandler(context: tls.context))
            try pipeline.addHandler(TLSHandler(connection: connection))
        }
        try pipeline.addHandler(IdleStateHandler(allTimeout: TimeAmount(Limits.idleTimeout)))
        try pipeline.addHandler(FrameDecoder(connection: connection))
        try pipeline.addHandler(ConnectionHandler(connection: connection))
    }
}
