// Payloads as a test sends them: fleets of forebay-sim, and single ones.
import Foundation
import Testing

extension Workbench {
    /// Starts `forebay-sim` in the background; its report is its last line of output.
    func simulate(_ name: String, _ arguments: [String]) throws -> Child {
        try start(name, Workbench.binaries.appendingPathComponent("forebay-sim").path, arguments)
    }

    /// Runs `forebay-sim` to its end.
    func simulated(_ arguments: [String]) throws -> SimulatorReport {
        let run = try Command.run("forebay-sim", arguments)
        guard run.status == 0 else {
            throw WorkbenchError(description: "forebay-sim \(arguments): exit \(run.status): \(run.error)")
        }
        return try SimulatorReport(run.output)
    }
}

/// The line of JSON that every fleet ends with.
struct SimulatorReport {
    private let values: [String: Any]

    init(_ output: String) throws {
        let line = try #require(output.split(separator: "\n").last, "the simulator said nothing")
        values = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    /// 0 where the fleet does not report it.
    func count(_ key: String) -> Int { (values[key] as? NSNumber)?.intValue ?? 0 }
}

/// A socket that sends single datagrams to loopback.
final class DatagramSocket {
    private let descriptor: Int32

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        guard descriptor >= 0, TCP.connect(descriptor, port) else {
            throw WorkbenchError(description: "no datagram socket")
        }
    }

    deinit {
        close(descriptor)
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        guard Foundation.send(descriptor, bytes, bytes.count, 0) == bytes.count else {
            throw WorkbenchError(description: "the datagram was not sent")
        }
    }
}

/// Randomness that a failing run can repeat: FOREBAY_SEED, else the time.
struct TestRandom: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    init() {
        let wanted = ProcessInfo.processInfo.environment["FOREBAY_SEED"].flatMap { UInt64($0) }
        seed = wanted ?? UInt64(Date().timeIntervalSince1970 * 1000)
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
