// Kafka's own clients, as the scripts of Tests/Scripts drive them against a box.
import Foundation
import Testing

/// A script `kafka_NAME.py`, which reports one object of JSON in its last line, and ends with a sentence and 1 where something
/// is not as with Kafka.
enum KafkaScript {
    /// For scripts that ask for topics before they make them.
    static let automaticTopics = "log: { auto_create: { enabled: true, partitions: 1 } }\n"

    /// Seconds after which a script is ended: none takes half as long, and each has deadlines of its own.
    private static let patience = 900

    private static func path(_ name: String) -> String { Workbench.script("kafka_\(name).py") }

    /// Runs a script to its end; its report. Fails the test where the script found something.
    static func run(_ name: String, _ arguments: [String]) throws -> [String: Any] {
        let bounds = ["--kill-after=5", "\(patience)"]
        let run = try Command.run("/usr/bin/timeout", bounds + [Workbench.python, path(name)] + arguments)
        guard run.status == 0 else {
            throw WorkbenchError(description: "kafka_\(name).py: exit \(run.status): \(run.error.suffix(2000))")
        }
        print("kafka_\(name).py \(arguments.dropFirst().joined(separator: " ")): \(run.output)", terminator: "")
        return try #require(report(run.output), "kafka_\(name).py said nothing")
    }

    /// Starts a script in the background.
    static func start(_ bench: Workbench, _ name: String, _ arguments: [String]) throws -> Child {
        try bench.start("kafka_\(name)", Workbench.python, [path(name)] + arguments)
    }

    /// The last whole line of output that is an object; nil where there is none yet.
    static func report(_ output: String) -> [String: Any]? {
        let end = output.lastIndex(of: "\n") ?? output.startIndex
        for line in output[..<end].split(separator: "\n").reversed() where line.hasPrefix("{") {
            return (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
        }
        return nil
    }
}

extension Box {
    /// Where Kafka clients connect.
    var brokers: String { "127.0.0.1:\(kafka)" }
}
