// The faults that Tests/Shims/FaultyDisk can make, and what it says of a run.
import Foundation
import Platform
import Testing

/// What a cut of the power leaves of what was not synced.
enum Loss: String, CaseIterable, Sendable {
    case all, part, torn, data, names
}

/// How a call fails.
enum Failure: String, CaseIterable, Sendable {
    case inputOutput = "EIO"
    case noSpace = "ENOSPC"
    case interrupted = "EINTR"
    case tooManyFiles = "EMFILE"
    case short
    case clean, revert

    /// The kinds of call that can fail so: the shim's own table.
    func applies(to kind: String) -> Bool {
        switch self {
        case .inputOutput: true
        case .noSpace: ["create", "write", "mkdir", "rename"].contains(kind)
        case .interrupted: ["open", "create", "write", "truncate"].contains(kind)
        case .tooManyFiles: ["open", "create"].contains(kind)
        case .short: kind == "write"
        case .clean, .revert: kind == "sync"
        }
    }

    /// A signal does not interrupt for ever.
    var canLast: Bool { self != .interrupted && self != .clean && self != .revert }
}

/// One fault of the shim, at one call.
enum Fault: Sendable, CustomStringConvertible {
    case cut(at: Int, Loss)
    case failure(at: Int, Failure, lasting: Bool)

    func earlier(by calls: Int) -> Fault {
        switch self {
        case .cut(let call, let loss): .cut(at: max(1, call - calls), loss)
        case .failure(let call, let failure, let lasting):
            .failure(at: max(1, call - calls), failure, lasting: lasting)
        }
    }

    var description: String {
        switch self {
        case .cut(let call, let loss): "at=\(call) cut=\(loss.rawValue)"
        case .failure(let call, let failure, let lasting):
            "at=\(call) fail=\(failure.rawValue)\(lasting ? " for=good" : "") end=all"
        }
    }
}

/// The bugs that the shim plants: what the daemon is told of a sync is not true.
enum Lie: String, Sendable {
    case sync, directory, alerts, retry, space
}

/// What the shim wrote about one run.
struct DiskReport {
    struct Call {
        var kind: String
        var name: String
        /// Bytes of a write, changes that a sync makes durable.
        var count = 0
    }

    private(set) var calls: [Call] = []
    /// The call that was hit first.
    private(set) var fault: Call?

    init(path: String) {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 4 else { continue }
            let count = words.count > 4 ? Int(words[4]) : nil
            let call = Call(kind: String(words[2]), name: String(words[3]), count: count ?? 0)
            if words[0] == "call" { calls.append(call) }
            if words[0] == "fault", fault == nil { fault = call }
        }
    }
}

/// What a sweep came to; printed as one line of JSON.
struct SweepVerdict: Encodable {
    var sweep: String
    var seed: UInt64
    var planned = 0
    var injected = 0
    /// Records that a reader had seen before the fault.
    var acknowledged = 0
    /// Of those, how many were compared afterwards and were the same.
    var verified = 0
    var findings: [String] = []

    mutating func add(_ other: SweepVerdict) {
        injected += other.injected
        acknowledged += other.acknowledged
        verified += other.verified
        findings += other.findings
    }

    func report() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(self), as: UTF8.self))
    }
}
