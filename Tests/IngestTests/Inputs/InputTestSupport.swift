// What the tests of all inputs share: scratch directories, free ports, child processes, and stepping until something is so.
import Glibc
import Ingest
import Platform
import Synchronization
import Testing

/// A directory of its own for one test; removed with everything in it.
final class ScratchDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/forebay-inputs-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: \(systemErrorText(errno))") }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit {
        try? run(["rm", "-rf", "--", path], log: "/dev/null")
    }

    func file(_ name: String, _ text: String) throws -> String {
        let path = "\(path)/\(name)"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw TestFailure("\(path): \(systemErrorText(errno))") }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else { throw TestFailure("short write of \(path)") }
        return path
    }

    func text(of name: String) -> String? {
        let descriptor = open("\(path)/\(name)", O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

struct TestFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// The machine's clocks, with a monotonic one that a test can move ahead.
final class ShiftedClock: Clock {
    private let system = SystemClock(trustsWallClock: true)
    private let ahead = Atomic<Int64>(0)

    var bootID: String { system.bootID }
    func now() -> Timestamp { system.now() }
    func quality() -> ClockQuality { system.quality() }

    func monotonic() -> MonotonicInstant {
        MonotonicInstant(nanoseconds: system.monotonic().nanoseconds &+ ahead.load(ordering: .relaxed))
    }

    func advance(by duration: Duration) {
        ahead.wrappingAdd(duration.wholeNanoseconds, ordering: .relaxed)
    }
}

/// Steps `adapter` until `condition` holds; fails after a time that only a hang needs.
func drive(
    _ adapter: any InputAdapter,
    _ what: String,
    location: SourceLocation = #_sourceLocation,
    until condition: () throws -> Bool
) throws {
    try repeatUntil(what, location: location, condition) { adapter.step() }
}

/// Does `action` again and again until `condition` holds.
func repeatUntil(
    _ what: String,
    location: SourceLocation = #_sourceLocation,
    _ condition: () throws -> Bool,
    _ action: () -> Void
) throws {
    let clock = SystemClock()
    let end = clock.monotonic().advanced(by: .seconds(60))
    while try !condition() {
        guard clock.monotonic() < end else {
            Issue.record("not within a minute: \(what)", sourceLocation: location)
            throw TestFailure("gave up on: \(what)")
        }
        action()
    }
}

extension InputEnvironment {
    static func forTests(_ directory: ScratchDirectory, clock: any Clock = ShiftedClock()) -> InputEnvironment {
        InputEnvironment(
            clock: clock,
            disk: PosixDisk(),
            directory: directory.path,
            commitInterval: .milliseconds(10),
            seed: 7
        )
    }
}

/// A port of the loopback that was free a moment ago.
func freeTCPPort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(port: 0)
    let bound = withSocketAddress(&address) { bind(descriptor, $0, $1) }
    guard bound == 0 else { throw TestFailure("bind: \(systemErrorText(errno))") }
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &length) }
    }
    return UInt16(bigEndian: address.sin_port)
}

func loopback(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return address
}

func withSocketAddress<Address, Result>(
    _ address: inout Address,
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
    let length = socklen_t(MemoryLayout<Address>.size)
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
}

/// A child process; killed when it goes out of scope.
final class ChildProcess {
    private var identifier: pid_t = 0

    /// `log`: where its output goes.
    init(_ arguments: [String], log: String) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        words.append(nil)
        var variables: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/sbin:/usr/bin:/bin"), nil]
        defer { (words + variables).forEach { free($0) } }
        let code = posix_spawnp(&identifier, arguments[0], &actions, nil, &words, &variables)
        guard code == 0 else { throw TestFailure("\(arguments[0]): \(systemErrorText(code))") }
    }

    deinit {
        end(SIGKILL)
    }

    /// Sends `signal` and waits for the end; the exit status where it ended by itself.
    @discardableResult
    func end(_ signal: Int32) -> Int32 {
        guard identifier > 0 else { return -1 }
        kill(identifier, signal)
        return waitForExit()
    }

    @discardableResult
    func waitForExit() -> Int32 {
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
        identifier = 0
        return status
    }
}

/// Runs a command to its end; throws unless it exits with 0.
func run(_ arguments: [String], log: String) throws {
    let status = try ChildProcess(arguments, log: log).waitForExit()
    guard status == 0 else { throw TestFailure("\(arguments.joined(separator: " ")) ended with \(status)") }
}
