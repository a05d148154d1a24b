// The Kafka listener as part of the daemon.
internal import CommitLog
internal import KafkaNIO
internal import NIOCore
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

    /// - Throws: where a file of users or certificates is not what it should be.
    init(_ configuration: Configuration, log: CommitLog, clock: any Clock) throws(KafkaFilesError) {
        var listener = try KafkaListenerConfiguration(configuration, disk: PosixDisk())
        let connectionsMax = OpenFiles.raiseLimit() / 2
        if let most = listener?.connectionsMax, most > connectionsMax { listener?.connectionsMax = connectionsMax }
        self.configuration = listener
        self.log = log
        self.clock = clock
    }

    /// nil before it has started, after it has stopped, and where there is to be none.
    var server: KafkaServer? { running.withLock { $0?.server } }
    /// What the listener has counted; nil while there is none.
    var metrics: ListenerMetrics? { server?.metrics }
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

    /// Certificates, users and permissions hold for whoever connects from now on; the rest of `listen` waits for a restart.
    ///
    /// - Returns: what of the files is not what it was, for people.
    /// - Throws: where a file of certificates or users is not what it should be, or nobody would have to log in any more
    ///   where other machines connect; nothing has changed then.
    func apply(_ configuration: Configuration) throws -> [String] {
        guard let fresh = try KafkaListenerConfiguration(configuration, disk: PosixDisk()),
            let server = running.withLock({ $0?.server })
        else { return [] }
        return try server.apply(tls: fresh.tls, users: fresh.users, permissions: fresh.permissions)
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

/// A file that `listen.kafka` names is not what it should be.
struct KafkaFilesError: Error, CustomStringConvertible {
    var description: String
}

extension KafkaListenerConfiguration {
    /// Reads the files that the configuration names; nil where there is to be no listener.
    init?(_ configuration: Configuration, disk: any Disk) throws(KafkaFilesError) {
        guard let kafka = configuration.listen.kafka else { return nil }
        self.init(
            listen: HostAndPort(kafka.address),
            advertised: kafka.advertised.map(HostAndPort.init),
            autoCreatePartitions: configuration.log.autoCreatePartitions,
            tls: try kafka.tls.map { files throws(KafkaFilesError) in try KafkaTLS(files, disk) },
            users: try kafka.usersFile.map { path throws(KafkaFilesError) in try KafkaUsers(file: path, disk) },
            permissions: kafka.permissions,
            isInsecure: kafka.isInsecure
        )
    }
}

extension KafkaTLS {
    fileprivate init(_ files: KafkaTLSFiles, _ disk: any Disk) throws(KafkaFilesError) {
        do {
            self = try KafkaTLS(
                certificateFile: files.certificate,
                keyFile: files.key,
                clientCAFile: files.clientAuthorities,
                disk: disk
            )
        } catch {
            throw KafkaFilesError(description: "\(error)")
        }
    }
}

extension KafkaUsers {
    fileprivate init(file: String, _ disk: any Disk) throws(KafkaFilesError) {
        let bytes: [UInt8]
        do {
            bytes = try disk.wholeFile(file, bytesMax: KafkaUsers.fileBytesMax)
        } catch {
            throw KafkaFilesError(description: "\(error)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw KafkaFilesError(description: "\(file): the text is not UTF-8")
        }
        do {
            self = try KafkaUsers(parsing: text)
        } catch {
            throw KafkaFilesError(description: "\(file): \(error)")
        }
    }
}

extension HostAndPort {
    init(_ address: HostPort) {
        self.init(host: address.host, port: address.port)
    }
}
