// The listener: accepts connections and hands each to its handler.
package import CommitLog
package import NIOCore
internal import NIOPosix
package import Platform

/// Serves the log over the Kafka protocol.
///
/// Lifecycle: `start` once, `stop` once afterwards. Connections run on the loops of the group, which is not shut down here.
package final class KafkaServer: Sendable {
    let broker: Broker
    private let channel: any Channel

    /// The port that it listens on: what the kernel chose where the configuration said 0.
    package let port: UInt16

    package var metrics: ListenerMetrics {
        var metrics = broker.counters.metrics
        metrics.connections = broker.connectionCount
        return metrics
    }

    /// What a topic is made with by those who do not say.
    package static let topicDefaults = TopicSetting.defaults

    /// Opens the listener; connections are accepted on return.
    ///
    /// - Throws: `KafkaServerError` where the address cannot be listened on, or must not be (`problem`).
    package static func start(
        _ configuration: KafkaListenerConfiguration,
        log: CommitLog,
        clock: any Platform.Clock,
        eventLoops: any EventLoopGroup
    ) async throws(KafkaServerError) -> KafkaServer {
        if let problem = configuration.problem {
            throw KafkaServerError(address: configuration.listen, errno: 0, message: problem)
        }
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

    /// Changes who may do what, and the certificates where TLS is spoken; connections that are open keep what they have.
    ///
    /// - Returns: what of the files is not what it was, for people.
    /// - Throws: `KafkaServerError` where the listener must not be open to those (`KafkaListenerConfiguration.problem`); then
    ///   nothing is changed.
    @discardableResult
    package func apply(
        tls: KafkaTLS?,
        users: KafkaUsers?,
        permissions: [KafkaPermission]?
    ) throws(KafkaServerError) -> [String] {
        let old = broker.security
        var configuration = broker.configuration
        (configuration.users, configuration.permissions) = (users, permissions)
        if configuration.tls != nil { configuration.tls = tls ?? broker.security.tls }
        if let problem = configuration.problem {
            throw KafkaServerError(address: configuration.listen, errno: 0, message: problem)
        }
        broker.security = Security(configuration)
        var changes: [String] = []
        if let tls, let before = old.tls, tls.differs(from: before) {
            changes.append("listen.kafka: the certificates are others")
        }
        if let users, let before = old.users, users != before {
            changes.append("listen.kafka: the users or their passwords are others; there are \(users.count)")
        }
        return changes
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

    fileprivate init(address: HostAndPort, errno: Int32, message: String) {
        self.address = address
        self.errno = errno
        self.message = message
    }

    init(_ error: any Error, address: HostAndPort) {
        let errno = (error as? IOError)?.errnoCode ?? 0
        self.init(address: address, errno: errno, message: errno == 0 ? "\(error)" : systemErrorText(errno))
    }

    package var description: String { "cannot listen on \(address.host):\(address.port) for Kafka: \(message)" }
}
