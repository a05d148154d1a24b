// A real HTTP receiver for webhooks, in a process of its own.
import Foundation
import Testing

/// Answers by path: `/ok` with 200, `/fail` with 500, `/refuse` with 404, `/hang` with nothing for a minute.
struct WebhookReceiver {
    /// One request as it came.
    struct Request {
        let path: String
        let headers: [String: String]
        let body: [String: Any]

        var status: String? { body["status"] as? String }
        var alerts: [[String: Any]] { body["alerts"] as? [[String: Any]] ?? [] }
    }

    let port: UInt16
    private let log: String

    init(_ bench: Workbench) async throws {
        let port = try freePort()
        self.port = port
        log = bench.path("webhooks.ndjson")
        let child = try bench.start(
            "receiver",
            "/usr/bin/python3",
            [Workbench.script("webhook_receiver.py"), "\(port)", log]
        )
        try await eventually("the receiver listens") {
            guard child.isRunning else { throw WorkbenchError(description: child.output) }
            return TCP.accepts(port)
        }
    }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    func requests(_ path: String? = nil) throws -> [Request] {
        guard let text = try? String(contentsOfFile: log, encoding: .utf8) else { return [] }
        return try text.split(separator: "\n").compactMap { line in
            let value = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            let request = try Request(
                path: #require(value?["path"] as? String),
                headers: #require(value?["headers"] as? [String: String]),
                body: #require(value?["body"] as? [String: Any])
            )
            return path == nil || request.path == path ? request : nil
        }
    }
}

extension Workbench {
    /// A file of the repository.
    static func repository(_ path: String) -> String {
        binaries.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent(path).path
    }

    /// A file of Tests/Scripts.
    static func script(_ name: String) -> String { repository("Tests/Scripts/\(name)") }

    /// The interpreter that has kafka-python; `.ci/python` makes it.
    static var python: String {
        binaries.deletingLastPathComponent().appendingPathComponent("venv/bin/python3").path
    }

    /// A library of Tests/Shims, for LD_PRELOAD.
    static func shim(_ name: String) -> String {
        binaries.appendingPathComponent("lib\(name).so").path
    }
}
