// The listeners themselves: what keeps them from opening, the socket's file, the limits.
import Foundation
import Glibc
import HTTPAPI
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@Suite("Listeners")
struct ListenerTests {
    private func runError(_ server: APIServer) async -> APIServerError? {
        do {
            try await server.run()
            return nil
        } catch {
            return error as? APIServerError
        }
    }

    @Test("a port that is taken is said by the probe, by run and by listening, with the address")
    func portTaken() async throws {
        try await withServer { running in
            var used: UInt16?
            if case .port(let port) = running.network { used = port }
            let port = try #require(used, "the server listens on a port")
            let address = ListenAddress(host: "127.0.0.1", port: port)
            let probed = #expect(throws: APIServerError.self) { try address.probe() }
            #expect(probed?.code == .addressInUse)
            let server = makeServer(APIServerConfiguration(network: address, controlSocketPath: nil))
            async let failed = runError(server)
            let waited = await #expect(throws: APIServerError.self) { try await server.listening() }
            #expect(waited?.code == .addressInUse)
            #expect(await failed == waited)
            #expect(waited?.description.contains("127.0.0.1:\(port)") == true)
            #expect(waited?.hint?.contains("ss -lptn") == true)
        }
    }

    @Test("a free port is free after the probe too")
    func freePort() async throws {
        try ListenAddress(host: "127.0.0.1", port: 0).probe()
        try await withServer { running in
            let answer = try await running.network.get("/healthz")
            #expect(answer.status == 200)
        }
    }

    @Test("an address that is not this box's is an error", arguments: ["192.0.2.1", "no-such-host.invalid"])
    func foreignAddress(host: String) {
        let error = #expect(throws: APIServerError.self) { try ListenAddress(host: host, port: 0).probe() }
        #expect(error?.code == .addressNotAvailable)
    }

    @Test("the control socket is the owner's and the group's, and goes when the server goes")
    func socketMode() async throws {
        let path = try await withServerReturningSocketPath { running in
            var status = stat()
            #expect(lstat(running.socketPath, &status) == 0)
            #expect(status.st_mode & S_IFMT == S_IFSOCK)
            #expect(status.st_mode & 0o777 == 0o660)
        }
        #expect(access(path, F_OK) != 0)
    }

    private func withServerReturningSocketPath(
        _ body: @escaping @Sendable (RunningServer) async throws -> Void
    ) async throws -> String {
        let box = PathBox()
        try await withServer { running in
            box.path = running.socketPath
            try await body(running)
        }
        return box.path
    }

    @Test("a socket that a killed daemon left is replaced")
    func staleSocket() async throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/control.sock"
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
        close(descriptor)
        try await serve(APIServerConfiguration(network: nil, controlSocketPath: path)) {
            let answer = try await Peer.path(path).get("/healthz")
            #expect(answer.status == 200)
        }
    }

    @Test("a file in the place of the socket is an error and stays")
    func fileInPlace() async throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/control.sock"
        try Data("precious".utf8).write(to: URL(fileURLWithPath: path))
        let error = await runError(makeServer(APIServerConfiguration(network: nil, controlSocketPath: path)))
        #expect(error?.address == path)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    }

    @Test("a directory that is not there is named")
    func noDirectory() async {
        let path = "/nonexistent-\(UUID().uuidString.prefix(8))/control.sock"
        let error = await runError(makeServer(APIServerConfiguration(network: nil, controlSocketPath: path)))
        #expect(error?.description.contains(path) == true)
        #expect(error?.errno == ENOENT)
    }

    @Test("a path that no socket address holds is refused; one byte less is not", arguments: [103, 104])
    func pathLength(count: Int) async throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/" + String(repeating: "s", count: count - directory.utf8.count - 1)
        let configuration = APIServerConfiguration(network: nil, controlSocketPath: path)
        if count > APILimits.socketPathBytesMax {
            #expect(await runError(makeServer(configuration))?.code == .socketPathTooLong)
        } else {
            try await serve(configuration) {
                let answer = try await Peer.path(path).get("/healthz")
                #expect(answer.status == 200)
            }
        }
    }

    @Test("with no listener at all it waits for the end")
    func noListener() async throws {
        let server = makeServer(APIServerConfiguration(network: nil, controlSocketPath: nil))
        let group = ServiceGroup(services: [server], logger: .init(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let events = EventList()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                // A service that ends before it is told to is an error of its group.
                try await group.run()
                events.add("ended")
            }
            let addresses = try await server.listening()
            #expect(addresses.networkPort == nil)
            #expect(addresses.controlSocketPath == nil)
            events.add("told to end")
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(events.names == ["told to end", "ended"])
    }

    private func serve(
        _ configuration: APIServerConfiguration,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let server = makeServer(configuration)
        let group = ServiceGroup(services: [server], logger: .init(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            _ = try await server.listening()
            try await body()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}

/// What happened, in order.
final class EventList: Sendable {
    private let list = Mutex<[String]>([])

    var names: [String] { list.withLock { $0 } }

    func add(_ name: String) {
        list.withLock { $0.append(name) }
    }
}

/// A place for one string; written and read one after the other.
final class PathBox: @unchecked Sendable {
    var path = ""
}

@Suite("Request limits")
struct RequestLimitTests {
    @Test("a body that is too long is a 413 and changes nothing; the longest is taken")
    func bodyLimit() async throws {
        try await withServer { server in
            func body(_ count: Int) -> String {
                let frame = #"{"name":""}"#
                return #"{"name":""# + String(repeating: "x", count: count - frame.utf8.count) + #""}"#
            }
            let longest = try await server.control.ask("PATCH", "/api/v1/devices/a", body: body(APILimits.bodyBytesMax))
            #expect(longest.status == 200)
            let longer = try await server.control.ask(
                "PATCH",
                "/api/v1/devices/a",
                body: body(APILimits.bodyBytesMax + 1)
            )
            #expect(longer.status == 413)
            #expect(server.appliance.seen.changes.count == 1)
        }
    }

    @Test("headers that are too long or too many are refused and the connection closed")
    func headerLimit() async throws {
        try await withServer { server in
            let long = ["X-Long: " + String(repeating: "x", count: APILimits.headerBytesMax)]
            let tooLong = try await server.network.ask("GET", "/healthz", headers: long)
            #expect(tooLong.status == 400)
            let many = (0...APILimits.headersMax).map { "X-\($0): y" }
            let tooMany = try await server.network.ask("GET", "/healthz", headers: many)
            #expect(tooMany.status == 400)
            #expect(try await server.network.get("/healthz").status == 200)
        }
    }

    @Test(
        "bytes that are no HTTP are answered with a 400 and a closed connection",
        arguments: [
            "\r\n\r\n\r\nnonsense\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
            "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n",
        ]
    )
    func nonsense(bytes: String) async throws {
        try await withServer { server in
            let answer = try await offPool {
                let connection = try RawConnection(server.network)
                try connection.send(bytes)
                return try connection.answer()
            }
            #expect(answer.status == 400)
            #expect(try await server.network.get("/healthz").status == 200)
        }
    }
}
