// The commands `tail` and `log`: what is in the log.
import Appliance
import ArgumentParser
import Foundation
import HTTPAPI

struct TailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail",
        abstract: "Records of a topic; without options the last 10.",
        discussion: """
            FROM and TO are earliest, latest, an offset, or a time of receipt such as 2026-11-23T19:10:00Z. As ndjson a \
            record is {"topic","partition","offset","timestamp","key","headers":{},"value"}.
            """
    )

    @Argument(help: "The topic.", transform: given)
    var topic = "readings"

    @Option(help: "Where to begin.", transform: given)
    var from: String?

    @Option(help: "Where to end; the record there is not shown.", transform: given)
    var to: String?

    @Option(help: "Only this partition.")
    var partition: Int?

    @Option(help: ArgumentHelp("Only devices that match, e.g. 'freezer-*'.", valueName: "glob"), transform: given)
    var device: String?

    @Option(help: "Only events with this metric.", transform: given)
    var metric: String?

    @Option(help: ArgumentHelp("The most records.", valueName: "n"))
    var max: Int?

    @Flag(name: .shortAndLong, help: "Go on with what is appended.")
    var follow = false

    @OptionGroup var output: OutputOption
    @OptionGroup var data: DataOption

    func run() async throws {
        if let max, max < 1 { throw ValidationError("--max is at least 1.") }
        if let max, from == nil, max > APILimits.lastRecordsMax {
            throw ValidationError("--max is at most \(APILimits.lastRecordsMax) without --from.")
        }
        let query = RecordQuery(
            topic: topic,
            from: try position(from, "--from"),
            to: try position(to, "--to"),
            partition: partition,
            device: device,
            metric: metric,
            count: max,
            follow: follow
        )
        var printer = RecordPrinter(format: output.format, topic: topic)
        printer.begin()
        try await data.withBox { box in
            try await box.records(query) { line in
                printer.print(line)
                return true
            }
        }
        printer.end()
    }

    private func position(_ text: String?, _ option: String) throws -> HTTPAPI.RecordPosition? {
        guard let text else { return nil }
        guard let position = HTTPAPI.RecordPosition(text) else {
            throw ValidationError(
                "\(option) takes earliest, latest, an offset, or a time such as 2026-11-23T19:10:00Z."
            )
        }
        return position
    }
}

struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "The log's files.",
        subcommands: [Verify.self, Dump.self]
    )

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads every byte of the log.",
            discussion: "Exits 1 where there is damage that is not yet known as a gap."
        )

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let document = try await data.withBox { try await $0.verify() }
            try output.print(document) { Verify.text(document) }
            if document.damage.contains(where: { !$0.known }) { throw ExitCode(ExitStatus.failed) }
        }

        private static func text(_ document: VerificationDocument) -> String {
            var table = Table(["TOPIC", "PARTITION", "START", "END", "SEGMENTS", "BYTES", "RECORDS"])
            for partition in document.partitions {
                table.add([
                    partition.topic, "\(partition.partition)", "\(partition.logStartOffset)",
                    "\(partition.logEndOffset)", "\(partition.segments)", "\(partition.bytes)", "\(partition.records)",
                ])
            }
            let damage = document.damage.map { damage in
                let text = "\(damage.segment): damage at byte \(damage.position): \(damage.reason)"
                return damage.known ? "\(text) (known as a gap)" : Console.red(text)
            }
            return ([table.text()] + damage).joined(separator: "\n")
        }
    }

    struct Dump: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Batches and records of one segment file.")

        @Argument(help: "A .log file, also below the directory that --data or --config names.", transform: given)
        var file: String

        @OptionGroup var data: DataOption

        func run() async throws {
            try SegmentDump.run(try data.path(file)) { Console.line($0) }
        }
    }
}
