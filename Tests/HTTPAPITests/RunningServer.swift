// Starts a real server on a free port and on a socket in a directory of its own, for the length of a test.
import Foundation
import HTTPAPI
import Logging
import NIOPosix
import ServiceLifecycle

struct RunningServer: Sendable {
    let appliance: FakeAppliance
    let network: Peer
    let control: Peer
    let socketPath: String
    let group: ServiceGroup

    func stop() async {
        await group.triggerGracefulShutdown()
    }
}

func temporaryDirectory() throws -> String {
    let path = FileManager.default.temporaryDirectory.path + "/forebay-http-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    return path
}

func makeServer(_ configuration: APIServerConfiguration, _ appliance: FakeAppliance = FakeAppliance()) -> APIServer {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return APIServer(
        configuration: configuration,
        providers: appliance.providers,
        clock: FixedClock(),
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
        logger: logger
    )
}

/// Runs `body` against a server that listens on both, stops the server, and waits until it is gone.
func withServer(_ body: @Sendable (RunningServer) async throws -> Void) async throws {
    let directory = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let appliance = FakeAppliance()
    let socketPath = directory + "/control.sock"
    let server = makeServer(
        APIServerConfiguration(network: ListenAddress(host: "127.0.0.1", port: 0), controlSocketPath: socketPath),
        appliance
    )
    let group = ServiceGroup(services: [server], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        let addresses = try await server.listening()
        let running = RunningServer(
            appliance: appliance,
            network: .port(addresses.networkPort ?? 0),
            control: .path(addresses.controlSocketPath ?? ""),
            socketPath: socketPath,
            group: group
        )
        do {
            try await body(running)
        } catch {
            await running.stop()
            throw error
        }
        await running.stop()
        try await tasks.waitForAll()
    }
}
