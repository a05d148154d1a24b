// The command `groups`: consumer groups of Kafka clients, how far they are behind, and where they go on.
import Appliance
import ArgumentParser
import Foundation
import HTTPAPI

struct GroupsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "groups",
        abstract: "Consumer groups of Kafka clients.",
        subcommands: [List.self, Describe.self, Reset.self, Delete.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "All groups with the records that they have not read yet."
        )

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let groups = try await data.withBox { try await $0.groups() }
            try output.print(groups, headings: ["GROUP", "STATE", "PROTOCOL TYPE", "MEMBERS", "LAG"]) { group in
                [group.group, group.state, group.protocolType ?? "", "\(group.members)", numberText(group.lag)]
            }
        }
    }

    struct Describe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One group: its partitions, how far each is read, and by whom."
        )

        @Argument(help: "The group.", transform: given)
        var group: String

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let document = try await data.withBox { try await $0.group(group) }
            if output.format == .table {
                Console.line(
                    "\(Table.printable(document.group))  \(document.state), \(document.members) members, "
                        + (document.lag.map { "lag \($0)" } ?? "nothing committed")
                )
            }
            try output.print(
                document.partitions,
                headings: ["TOPIC", "PARTITION", "COMMITTED", "LOG END", "LAG", "MEMBER ID", "CLIENT ID", "HOST"]
            ) { partition in
                [
                    partition.topic ?? "", numberText(partition.partition), numberText(partition.committedOffset),
                    numberText(partition.logEndOffset), numberText(partition.lag), partition.memberId ?? "",
                    partition.clientId ?? "", partition.host ?? "",
                ]
            }
        }
    }

    struct Reset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Has a group without members go on elsewhere; from where to where, for each partition.",
            discussion: """
                TO is earliest, latest, an offset, or a time such as 2026-11-23T19:10:00Z: the first record whose timestamp is \
                not before it. An offset beyond the ends of a partition is that end. Needs a running daemon.
                """
        )

        @Argument(help: "The group.", transform: given)
        var group: String

        @Option(help: ArgumentHelp("All of its partitions, or one: TOPIC:0.", valueName: "topic"), transform: given)
        var topic: String

        @Option(help: "Where to go on.", transform: given)
        var to: String

        @Flag(help: "Only says what would be done.")
        var dryRun = false

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func validate() throws { _ = try request() }

        func run() async throws {
            let request = try request()
            let document = try await data.withBox { try await $0.resetGroup(group, request) }
            if dryRun { Console.error("forebay: a dry run; nothing was changed") }
            try output.print(document.partitions, headings: ["TOPIC", "PARTITION", "FROM", "TO"]) { move in
                [move.topic, "\(move.partition)", numberText(move.from), "\(move.to)"]
            }
        }

        private func request() throws -> GroupResetRequest {
            guard HTTPAPI.RecordPosition(to) != nil else {
                throw ValidationError(
                    "--to takes earliest, latest, an offset, or a time such as 2026-11-23T19:10:00Z."
                )
            }
            let parts = topic.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count > 1 else { return GroupResetRequest(topic: topic, to: to, isDryRun: dryRun) }
            guard parts.count == 2, !parts[0].isEmpty, let partition = Int(parts[1]), partition >= 0 else {
                throw ValidationError("--topic takes TOPIC or TOPIC:PARTITION.")
            }
            return GroupResetRequest(topic: String(parts[0]), partition: partition, to: to, isDryRun: dryRun)
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes groups without members, with what they have committed; what they were.",
            discussion:
                "One after the other; it ends with the first one that cannot be deleted. Needs a running daemon."
        )

        @Argument(help: "The groups.", transform: given)
        var groups: [String]

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let (deleted, failure) = try await data.withBox { box in
                await upToFailure(groups) { try await box.deleteGroup($0) }
            }
            if failure == nil || !deleted.isEmpty {
                try output.print(deleted, headings: ["DELETED", "PARTITIONS", "LAG"]) { group in
                    [group.group, "\(group.partitions.count)", numberText(group.lag)]
                }
            }
            if let failure { throw failure }
        }
    }
}

/// Empty for what is not known.
private func numberText(_ number: (some BinaryInteger)?) -> String { number.map { "\($0)" } ?? "" }
