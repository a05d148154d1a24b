// Where a test of the real binary works: a directory of its own, free ports, child processes that end with it.
import Foundation
import Platform
import Synchronization
import Testing

/// What went wrong outside of what a test is about.
struct WorkbenchError: Error, CustomStringConvertible {
    var description: String
}

/// One per test. Everything it started is ended and its directory removed by `close()`.
final class Workbench {
    let directory: URL
    private var children: [Child] = []

    /// The programs under test lie beside the test bundle, in the build directory.
    static let binaries: URL = {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return root.appendingPathComponent(".build/release")
    }()

    init() throws {
        var template = Array("/tmp/forebay-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw WorkbenchError(description: "no temporary directory") }
        directory = URL(
            fileURLWithPath: String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        )
    }

    func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: directory.appendingPathComponent(name))
    }

    /// Starts a program; its output goes to `NAME.log` in the directory.
    func start(
        _ name: String,
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = [:]
    ) throws -> Child {
        let child = try Child(
            name: name,
            program: program,
            arguments: arguments,
            environment: environment,
            log: path("\(name).log")
        )
        children.append(child)
        return child
    }

    func close() {
        for child in children { child.kill(SIGKILL) }
        try? FileManager.default.removeItem(at: directory)
    }

    /// Runs `body` with a fresh workbench, and cleans up whatever happens.
    static func use<Result>(_ body: (Workbench) async throws -> Result) async throws -> Result {
        let bench = try Workbench()
        defer { bench.close() }
        return try await body(bench)
    }
}

/// A child process.
final class Child: @unchecked Sendable {
    // Sendable: Process is used from one test at a time.
    let name: String
    let log: String
    private let process = Process()

    init(name: String, program: String, arguments: [String], environment: [String: String], log: String) throws {
        self.name = name
        self.log = log
        try Data().write(to: URL(fileURLWithPath: log))
        let output = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try withNoSignalBlocked { try process.run() }
    }

    var identifier: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }
    /// The exit code, or the signal, of a process that has ended.
    var status: Int32 { process.terminationStatus }
    var output: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

    /// Sends `signal`, and waits for the end where it is a deadly one.
    func kill(_ signal: Int32) {
        guard process.isRunning else { return }
        Foundation.kill(process.processIdentifier, signal)
        if signal == SIGKILL { process.waitUntilExit() }
    }

    /// Waits for the process to end by itself; its exit code.
    func exitCode() async throws -> Int32 {
        try await eventually("\(name) ends", within: 120) { !process.isRunning }
        return process.terminationStatus
    }
}

/// Asks until the answer is true; fails the test with the description after `seconds`.
func eventually(
    _ description: String,
    within seconds: Double = 30,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = Date().addingTimeInterval(seconds)
    while Date() < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    throw WorkbenchError(description: "not within \(Int(seconds)) s: \(description)")
}

/// Ports that tests take, each once, below those that the kernel gives to sockets that ask for none.
private let portsTaken = Atomic<UInt16>(.random(in: 0..<10_000))

/// A port of loopback that nobody uses now, and that no other test gets.
func freePort(_ type: __socket_type = SOCK_STREAM) throws -> UInt16 {
    for _ in 0..<10_000 {
        let port = 20_000 + portsTaken.add(1, ordering: .relaxed).newValue % 10_000
        if try isFree(port, type) { return port }
    }
    throw WorkbenchError(description: "no free port")
}

private func isFree(_ port: UInt16, _ type: __socket_type) throws -> Bool {
    let descriptor = socket(AF_INET, Int32(type.rawValue), 0)
    guard descriptor >= 0 else { throw WorkbenchError(description: "no socket: errno \(errno)") }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}
