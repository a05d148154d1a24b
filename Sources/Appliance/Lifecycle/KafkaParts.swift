// The Kafka listener as part of the daemon.
internal import CommitLog
internal import KafkaNIO
internal import NIOPosix
internal import Platform
internal import Synchronization

/// `start` at most once, then `stop`; without a start, `stop` does nothing.
final class KafkaParts: Sendable {
    private struct Running {
        var server: KafkaServer
        var eventLoops: MultiThreadedEventLoopGroup
    }

    /// nil where `listen.kafka` is `none`.
    private let configuration: KafkaListenerConfiguration?
    private let log: CommitLog
    private let clock: any Clock
    private let running = Mutex<Running?>(nil)

    init(_ configuration: Configuration, log: CommitLog, clock: any Clock) {
        self.configuration = KafkaListenerConfiguration(configuration)
        self.log = log
        self.clock = clock
    }

    /// What the listener has counted; nil while there is none.
    var metrics: ListenerMetrics? { running.withLock { $0?.server.metrics } }
    var port: UInt16? { running.withLock { $0?.server.port } }

    /// Returns when clients may connect.
    func start() async throws {
        guard let configuration else { return }
        // Encrypting and copying a consumer's records keeps one loop busy; the other serves everybody else.
        let eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        do {
            let server = try await KafkaServer.start(configuration, log: log, clock: clock, eventLoops: eventLoops)
            running.withLock { $0 = Running(server: server, eventLoops: eventLoops) }
        } catch {
            try? await eventLoops.shutdownGracefully()
            throw error
        }
    }

    func stop() async {
        let stopped = running.withLock { running in
            let stopped = running
            running = nil
            return stopped
        }
        guard let stopped else { return }
        await stopped.server.stop()
        try? await stopped.eventLoops.shutdownGracefully()
    }
}

extension KafkaListenerConfiguration {
    /// nil where there is to be no listener.
    init?(_ configuration: Configuration) {
        guard let kafka = configuration.listen.kafka else { return nil }
        self.init(
            listen: HostAndPort(kafka.address),
            advertised: kafka.advertised.map(HostAndPort.init),
            autoCreatePartitions: configuration.log.autoCreatePartitions
        )
    }
}

extension HostAndPort {
    init(_ address: HostPort) {
        self.init(host: address.host, port: address.port)
    }
}
