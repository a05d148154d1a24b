// The daemon, the broker and the commands as a test drives them.
import Foundation
import Platform
import Testing

/// A mosquitto of the test's own, with the settings that config/mosquitto/forebay.conf ships.
struct Broker {
    let port: UInt16
    private let bench: Workbench

    /// `more`: further lines of its configuration; of two that set the same, mosquitto takes the last.
    init(_ bench: Workbench, more: String = "") throws {
        self.bench = bench
        port = try freePort()
        try FileManager.default.createDirectory(atPath: bench.path("broker"), withIntermediateDirectories: true)
        try bench.write(
            "mosquitto.conf",
            """
            listener \(port) 127.0.0.1
            allow_anonymous true
            persistence true
            persistence_location \(bench.path("broker"))/
            max_queued_messages 0
            max_inflight_messages 2000
            user root
            \(more)

            """
        )
    }

    func start() async throws -> Child {
        let child = try bench.start("mosquitto", "/usr/sbin/mosquitto", ["-c", bench.path("mosquitto.conf")])
        try await eventually("the broker accepts connections") { TCP.accepts(port) }
        return child
    }
}

enum TCP {
    static func accepts(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        return connect(descriptor, port)
    }

    /// Connects a socket, of any type, to loopback.
    static func connect(_ descriptor: Int32, _ port: UInt16) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

/// One `forebay run` with its data directory.
struct Box {
    let bench: Workbench
    let http: UInt16
    let kafka: UInt16
    var data: String { bench.path("data") }

    /// `configuration`: YAML below `data` and `listen`, which the box adds. `access`: what `listen.kafka` says beside the
    /// address.
    init(_ bench: Workbench, access: String = "", configuration: String) throws {
        self.bench = bench
        http = try freePort()
        kafka = try freePort()
        let more = access.isEmpty ? "" : ", \(access)"
        try bench.write(
            "forebay.yaml",
            """
            name: bench
            data: \(bench.path("data"))
            clock: trust
            listen: { http: "127.0.0.1:\(http)", kafka: { listen: "127.0.0.1:\(kafka)"\(more) } }

            """ + configuration
        )
    }

    /// Starts the daemon and waits until it is ready. Its program is run by `env`: a preloaded libfaketime moves the
    /// environment of the first program that it meets, and Swift finds a program's arguments beside its environment.
    /// `wrapper`: a command that runs the one which follows it.
    func start(
        under wrapper: [String] = ["/usr/bin/env"],
        environment: [String: String] = [:],
        ready: Bool = true
    ) async throws -> Child {
        let forebay = Workbench.binaries.appendingPathComponent("forebay").path
        let child = try bench.start(
            "forebay",
            wrapper[0],
            wrapper.dropFirst() + [forebay, "run", "--config", bench.path("forebay.yaml")],
            environment: environment
        )
        guard ready else { return child }
        try await eventually("the daemon is ready: \(child.output)", within: 60) {
            guard child.isRunning else { throw WorkbenchError(description: "the daemon ended: \(child.output)") }
            return (try? await get("/readyz")) != nil
        }
        return child
    }

    /// The body of an answer with status 200.
    func get(_ path: String) async throws -> String {
        let answer = try HTTP.get(http, path)
        guard let answer, answer.status == 200 else {
            throw WorkbenchError(description: "\(path): \(answer.map { "\($0.status)" } ?? "nobody answers")")
        }
        return answer.body
    }

    /// The sum of a metric over all of its labels that contain `label`.
    func metric(_ name: String, _ label: String = "") async throws -> Double {
        try await get("/metrics").split(separator: "\n").reduce(0) { sum, line in
            guard line.hasPrefix(name), let next = line.dropFirst(name.count).first, next == "{" || next == " ",
                label.isEmpty || line.contains(label), let space = line.lastIndex(of: " ")
            else { return sum }
            return sum + (Double(line[line.index(after: space)...]) ?? 0)
        }
    }

    /// Runs a command of the command line on the box's data; its standard output.
    func command(_ arguments: [String], expecting status: Int32 = 0) throws -> String {
        let run = try Command.run("forebay", arguments)
        guard run.status == status else {
            throw WorkbenchError(
                description: "forebay \(arguments.joined(separator: " ")): exit \(run.status): \(run.error)"
            )
        }
        return run.output
    }

    /// The records of a topic as `tail` prints them.
    func records(_ topic: String) throws -> [[String: Any]] {
        try command(["tail", topic, "--from", "earliest", "-o", "ndjson", "--data", data]).split(separator: "\n").map {
            line in
            try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }
}

/// A command that runs to its end.
enum Command {
    static func run(
        _ program: String,
        _ arguments: [String],
        input: Data = Data()
    ) throws -> (status: Int32, output: String, error: String) {
        let process = Process()
        process.executableURL =
            program.hasPrefix("/")
            ? URL(fileURLWithPath: program) : Workbench.binaries.appendingPathComponent(program)
        process.arguments = arguments
        let (output, error, feed) = (Pipe(), Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = error
        process.standardInput = feed
        try withNoSignalBlocked { try process.run() }
        let readers = DispatchQueue(label: "readers", attributes: .concurrent)
        let group = DispatchGroup()
        nonisolated(unsafe) var errorData = Data()
        readers.async(group: group) { errorData = error.fileHandleForReading.readDataToEndOfFile() }
        readers.async(group: group) {
            try? feed.fileHandleForWriting.write(contentsOf: input)
            try? feed.fileHandleForWriting.close()
        }
        let outputData = output.fileHandleForReading.readDataToEndOfFile()
        group.wait()
        process.waitUntilExit()
        return (
            process.terminationStatus, String(decoding: outputData, as: UTF8.self),
            String(decoding: errorData, as: UTF8.self)
        )
    }
}
