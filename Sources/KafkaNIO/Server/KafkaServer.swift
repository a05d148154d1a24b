// The listener: accepts connections and hands each to its handler.
package import CommitLog
package import NIOCore
internal import NIOPosix
package import Platform

/// Serves the log over the Kafka protocol.
///
/// Lifecycle: `start` once, `stop` once afterwards. Connections run on the loops of the group, which is not shut down here.
package final class KafkaServer: Sendable {
    private let broker: Broker
    private let channel: any Channel

    /// The port that it listens on: what the kernel chose where the configuration said 0.
    package let port: UInt16

    package var metrics: ListenerMetrics {
        var metrics = broker.counters.metrics
        metrics.connections = broker.connectionCount
        return metrics
    }

    /// Opens the listener; connections are accepted on return.
    ///
    /// - Throws: `KafkaServerError` where the address cannot be listened on.
    package static func start(
        _ configuration: KafkaListenerConfiguration,
        log: CommitLog,
        clock: any Platform.Clock,
        eventLoops: any EventLoopGroup
    ) async throws(KafkaServerError) -> KafkaServer {
        let broker: Broker
        do {
            broker = try Broker(configuration: configuration, log: log, clock: clock, eventLoops: eventLoops)
        } catch {
            throw KafkaServerError(error, address: configuration.listen)
        }
        let bootstrap = ServerBootstrap(group: eventLoops)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 256 << 10))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try broker.configure(channel) }
            }
        let address = configuration.listen
        do {
            let channel = try await bootstrap.bind(host: address.host, port: Int(address.port)).get()
            return KafkaServer(broker: broker, channel: channel)
        } catch {
            await broker.stop()
            throw KafkaServerError(error, address: address)
        }
    }

    private init(broker: Broker, channel: any Channel) {
        self.broker = broker
        self.channel = channel
        port = UInt16(exactly: channel.localAddress?.port ?? 0) ?? 0
    }

    /// Closes the listener and every connection; what was not answered is not.
    package func stop() async {
        try? await channel.close()
        await broker.closeConnections()
        await broker.stop()
    }
}

/// Why the listener could not be opened.
package struct KafkaServerError: Error, CustomStringConvertible {
    package var address: HostAndPort
    /// 0 where no system call failed.
    package var errno: Int32
    package var message: String

    init(_ error: any Error, address: HostAndPort) {
        self.address = address
        errno = (error as? IOError)?.errnoCode ?? 0
        message = errno == 0 ? "\(error)" : systemErrorText(errno)
    }

    package var description: String { "cannot listen on \(address.host):\(address.port) for Kafka: \(message)" }
}
