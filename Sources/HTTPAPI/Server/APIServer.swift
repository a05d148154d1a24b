// The listeners of the API: TCP for reads, the control socket for the commands.
internal import Glibc
internal import Hummingbird
package import Logging
package import NIOCore
package import Platform
internal import ServiceLifecycle

/// Where the API listens.
package struct APIServerConfiguration: Hashable, Sendable {
    /// Nil where `listen.http` is `none`.
    package var network: ListenAddress?
    /// `<data>/control.sock`; nil for none.
    package var controlSocketPath: String?

    package init(network: ListenAddress?, controlSocketPath: String?) {
        self.network = network
        self.controlSocketPath = controlSocketPath
    }
}

/// Where the API does listen.
package struct ListeningAddresses: Hashable, Sendable {
    /// The port that the kernel chose where the configuration said 0.
    package var networkPort: UInt16?
    package var controlSocketPath: String?
}

/// Answers HTTP on both listeners until it is told to stop.
///
/// A `Service`: `run` once. On a graceful shutdown it closes the listeners, ends what follows the log, finishes the
/// answers under way and returns. Handlers run on the cooperative pool, connections on the event loops of `init`.
package final class APIServer: Service {
    private let configuration: APIServerConfiguration
    private let providers: APIProviders
    private let clock: any Platform.Clock
    private let eventLoopGroup: any EventLoopGroup
    private let logger: Logger
    private let startup: ListenerStartup

    /// The event loops are shared with whoever else needs some; one thread is enough. They are not shut down here.
    package init(
        configuration: APIServerConfiguration,
        providers: APIProviders,
        clock: any Platform.Clock,
        eventLoopGroup: any EventLoopGroup,
        logger: Logger
    ) {
        self.configuration = configuration
        self.providers = providers
        self.clock = clock
        self.eventLoopGroup = eventLoopGroup
        self.logger = logger
        startup = ListenerStartup(
            wanted: (configuration.network == nil ? 0 : 1) + (configuration.controlSocketPath == nil ? 0 : 1)
        )
    }

    /// Suspends until every listener accepts connections.
    ///
    /// - Throws: Why one of them cannot; `run` throws the same.
    package func listening() async throws(APIServerError) -> ListeningAddresses {
        try await startup.result().get()
    }

    /// Serves until a graceful shutdown or cancellation.
    ///
    /// - Throws: `APIServerError` where a listener cannot be opened.
    package func run() async throws {
        if let path = configuration.controlSocketPath, path.utf8.count > APILimits.socketPathBytesMax {
            let error = APIServerError(
                code: .socketPathTooLong,
                address: path,
                message: "the path has more than \(APILimits.socketPathBytesMax) bytes",
                hint: "choose a shorter data directory",
                errno: ENAMETOOLONG
            )
            startup.fail(error)
            throw error
        }
        var services: [any Service] = []
        if let network = configuration.network { services.append(networkListener(network)) }
        if let path = configuration.controlSocketPath { services.append(controlListener(path)) }
        guard !services.isEmpty else { return try await gracefulShutdown() }
        let group = ServiceGroup(configuration: .init(services: services, logger: quietLogger))
        // Only a socket that was opened here: what else lies at that path is somebody's file.
        defer { if let path = startup.addresses.controlSocketPath { unlink(path) } }
        do {
            try await group.run()
            // Nobody waits for ever for a listener that was stopped before it opened.
            startup.fail(APIServerError(CancellationError(), address: "the API"))
        } catch {
            let failed = startup.failure ?? APIServerError(error, address: "the API")
            startup.fail(failed)
            throw failed
        }
    }

    private func networkListener(_ address: ListenAddress) -> any Service {
        listener(
            .network,
            at: .hostname(address.host, port: Int(address.port)),
            named: address.description,
            connectionsMax: APILimits.connectionsMax
        ) { [startup] channel in
            startup.opened(networkPort: UInt16(exactly: channel.localAddress?.port ?? Int(address.port)))
        }
    }

    private func controlListener(_ path: String) -> any Service {
        listener(
            .control,
            at: .unixDomainSocket(path: path),
            named: path,
            connectionsMax: APILimits.controlConnectionsMax
        ) { [startup] _ in
            // Until here the umask keeps the group out; from here on the file's group may change things.
            if chmod(path, 0o660) != 0 { startup.fail(APIServerError(errno: errno, address: path)) }
            startup.opened(controlSocketPath: path)
        }
    }

    private func listener(
        _ surface: APISurface,
        at address: BindAddress,
        named name: String,
        connectionsMax: Int,
        onOpen: @escaping @Sendable (any Channel) async -> Void
    ) -> any Service {
        let routes = APIRoutes(surface: surface, providers: providers, clock: clock, logger: logger)
        let application = Application(
            router: routes.makeRouter(),
            server: .http1(
                configuration: .init(
                    idleTimeout: TimeAmount(APILimits.idleTimeout),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: APILimits.headerBytesMax,
                        maxHeaderListSize: APILimits.headerBytesMax,
                        maxHeaderFieldCount: APILimits.headersMax
                    )
                )
            ),
            configuration: ApplicationConfiguration(
                address: address,
                serverName: "forebay",
                availableConnectionsDelegate: .maximum(connectionsMax, logger: quietLogger)
            ),
            onServerRunning: onOpen,
            eventLoopGroupProvider: .shared(eventLoopGroup),
            logger: quietLogger
        )
        return Listener(application: application, name: name, startup: startup)
    }

    /// The library says at `info` what `listening` says better, and logs each request at `debug`.
    private var quietLogger: Logger {
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        return logger
    }
}

/// One listener, which says by name why it could not open.
private struct Listener<Application: ApplicationProtocol>: Service {
    let application: Application
    let name: String
    let startup: ListenerStartup

    func run() async throws {
        do {
            try await application.run()
        } catch {
            let failure = APIServerError(error, address: name)
            startup.fail(failure)
            throw failure
        }
    }
}
