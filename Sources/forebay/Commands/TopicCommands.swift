// The command `topics`: which topics the log has, and those of clients' own as people make and change them.
import Appliance
import ArgumentParser
import Foundation
import HTTPAPI

struct TopicsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics",
        abstract: "Topics of the log.",
        subcommands: [List.self, Describe.self, Create.self, Alter.self, Delete.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "All partitions with their offsets and sizes.")

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let topics = try await data.withBox { try await $0.topics() }
            try output.print(
                topics.topics.flatMap(\.partitions),
                headings: ["TOPIC", "PARTITION", "START", "END", "SEGMENTS", "BYTES"]
            ) { partition in
                [
                    partition.topic, "\(partition.partition)", "\(partition.logStartOffset)",
                    "\(partition.logEndOffset)",
                    "\(partition.segments)", "\(partition.bytes)",
                ]
            }
        }
    }

    struct Describe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "One topic with its settings.")

        @Argument(help: "The topic.", transform: given)
        var topic: String

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let document = try await data.withBox { try await $0.topic(topic) }
            try output.print(document) { TopicsCommand.text(document) }
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a topic.",
            discussion: "What is not said is as for topics of Kafka clients: 1 partition, kept for 7 days."
        )

        @Argument(help: "Its name.", transform: given)
        var topic: String

        @OptionGroup var settings: TopicSettingsOption
        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let document = try await data.withBox { try await $0.createTopic(topic, settings.settings) }
            try output.print(document) { TopicsCommand.text(document) }
        }
    }

    struct Alter: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Changes a topic's settings.",
            discussion: "Not of the topics under `log.topics` in the configuration: those are changed there."
        )

        @Argument(help: "The topic.", transform: given)
        var topic: String

        @OptionGroup var settings: TopicSettingsOption
        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func validate() throws {
            guard settings.settings != TopicSettings() else { throw ValidationError("Say what is to be changed.") }
        }

        func run() async throws {
            let document = try await data.withBox { try await $0.alterTopic(topic, settings.settings) }
            try output.print(document) { TopicsCommand.text(document) }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes topics with all that is in them; what they were.",
            discussion: "One after the other; it ends with the first one that cannot be deleted."
        )

        @Argument(help: "The topics.", transform: given)
        var topics: [String]

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let (deleted, failure) = try await data.withBox { box in
                await upToFailure(topics) { try await box.deleteTopic($0) }
            }
            if failure == nil || !deleted.isEmpty {
                try output.print(deleted, headings: ["DELETED", "PARTITIONS", "BYTES"]) { topic in
                    [topic.topic, "\(topic.partitions.count)", "\(topic.partitions.reduce(0) { $0 + $1.bytes })"]
                }
            }
            if let failure { throw failure }
        }
    }

    private static func text(_ document: TopicDocument) -> String {
        var lines = [document.topic]
        for (key, value) in document.configuration.sorted(by: { $0.key < $1.key }) {
            lines.append("  \(key): \(value)")
        }
        for partition in document.partitions {
            lines.append(
                "  partition \(partition.partition): offsets \(partition.logStartOffset) up to "
                    + "\(partition.logEndOffset), \(partition.segments) segments, \(partition.bytes) bytes"
            )
        }
        return lines.joined(separator: "\n")
    }
}

/// What can be set of a topic, in the words of the configuration.
struct TopicSettingsOption: ParsableArguments {
    @Option(help: ArgumentHelp("How many; they only grow.", valueName: "n"))
    var partitions: Int?

    @Option(
        help: ArgumentHelp("How long records stay, e.g. 7d; none for ever.", valueName: "duration"),
        transform: given
    )
    var retention: String?

    @Option(
        help: ArgumentHelp("How much of the whole topic stays, e.g. 1GiB; none for no limit.", valueName: "size"),
        transform: given
    )
    var retentionBytes: String?

    @Option(help: ArgumentHelp("delete, or compact: the newest record of each key stays.", valueName: "kind"))
    var cleanup: String?

    @Option(help: ArgumentHelp("Of what Forebay writes there: none, lz4 or zstd.", valueName: "codec"))
    var compression: String?

    @Option(help: ArgumentHelp("refuse or drop_oldest, when the disk is full.", valueName: "policy"))
    var onFull: String?

    var settings: TopicSettings {
        TopicSettings(
            partitions: partitions,
            retention: retention,
            retentionBytes: retentionBytes,
            cleanup: cleanup,
            compression: compression,
            onFull: onFull
        )
    }
}

/// Does something with each name until it fails for one; what came of those before, and the failure.
func upToFailure<Value>(
    _ names: [String],
    _ body: (String) async throws -> Value
) async -> (done: [Value], failure: (any Error)?) {
    var done: [Value] = []
    for name in names {
        do { done.append(try await body(name)) } catch { return (done, error) }
    }
    return (done, nil)
}
