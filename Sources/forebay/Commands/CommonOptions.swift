// Options that many commands have.
import Appliance
import ArgumentParser
import Foundation
import HTTPAPI

/// Names and places must say something: an empty text, as an unset variable of a shell leaves it, is a usage error.
@Sendable
func given(_ text: String) throws -> String {
    guard !text.isEmpty else { throw ValidationError("it is empty.") }
    return text
}

struct ConfigurationOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The configuration; else /etc/forebay/forebay.yaml, else ./forebay.yaml.",
            valueName: "file"
        ),
        transform: given
    )
    var config: String?

    /// The configuration, or its problems on standard error and exit code 78.
    func load() throws -> LoadedConfiguration {
        let loaded = try examine()
        guard loaded.isValid else {
            for problem in loaded.problems { Console.error(problem.description) }
            throw ExitCode(ExitStatus.configuration)
        }
        return loaded
    }

    /// The configuration with whatever is wrong with it.
    func examine() throws -> LoadedConfiguration {
        do {
            try requireReadable()
            return try ConfigurationLoader().examine(path: config).get()
        } catch let failure as ConfigurationFailure {
            throw CommandFailure(ExitStatus.noInput, failure.description)
        }
    }

    /// What the configuration names as `data`, whatever else is wrong with it.
    func dataDirectory() throws -> String {
        do {
            try requireReadable()
            return try ConfigurationLoader().dataDirectory(path: config).get()
        } catch let failure as ConfigurationFailure {
            if case .notFound = failure { throw CommandFailure(ExitStatus.noInput, failure.description) }
            throw CommandFailure(ExitStatus.configuration, failure.description)
        }
    }

    private func requireReadable() throws {
        try AccessCheck.require(try ConfigurationLoader.locate(config).get(), R_OK)
    }
}

/// For commands that only read: a configuration that names the data directory, or the directory itself.
struct DataOption: ParsableArguments {
    @OptionGroup var configuration: ConfigurationOption

    @Option(help: ArgumentHelp("The data directory, without a configuration.", valueName: "dir"), transform: given)
    var data: String?

    func directory() throws -> String {
        if let data { return URL(fileURLWithPath: data).standardizedFileURL.path }
        return try configuration.dataDirectory()
    }

    /// `file` as it stands; where there is no such file and a data directory is named, the one below that.
    func path(_ file: String) throws -> String {
        guard data != nil || configuration.config != nil, !file.hasPrefix("/"),
            !FileManager.default.fileExists(atPath: file)
        else { return file }
        return try directory() + "/" + file
    }

    /// Opens the box, lets `body` work, and closes it again.
    func withBox<Value>(_ body: (BoxAccess) async throws -> Value) async throws -> Value {
        let box = try BoxAccess(data: try directory())
        do {
            let value = try await body(box)
            await box.close()
            return value
        } catch {
            await box.close()
            throw error
        }
    }
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table, json, ndjson, csv
}

struct OutputOption: ParsableArguments {
    @Option(name: .shortAndLong, help: "table, json, ndjson or csv; a table on a terminal, else ndjson.")
    var output: OutputFormat?

    var format: OutputFormat { output ?? (Console.isTerminal ? .table : .ndjson) }

    /// Prints a list of documents in the wanted format.
    func print<Document: Encodable>(_ documents: [Document], headings: [String], row: (Document) -> [String]) throws {
        switch format {
        case .json:
            Console.line(try JSONText.pretty(documents))
        case .ndjson:
            for document in documents { Console.line(try JSONText.compact(document)) }
        case .table, .csv:
            var table = Table(headings)
            for document in documents { table.add(row(document)) }
            Console.line(format == .csv ? table.csv() : table.text())
        }
    }

    /// Prints one document; `text` is what people see.
    func print<Document: Encodable>(_ document: Document, text: () -> String) throws {
        switch format {
        case .json: Console.line(try JSONText.pretty(document))
        case .ndjson: Console.line(try JSONText.compact(document))
        case .table: Console.line(text())
        case .csv: Console.line(try OutputOption.row(document).csv())
        }
    }

    /// One row, a column for each key; what is no single value stands there as JSON.
    private static func row(_ document: some Encodable) throws -> Table {
        let members = try JSONDecoder().decode([String: JSONDocument].self, from: JSONEncoder().encode(document))
        let columns = members.sorted { $0.key < $1.key }
        var table = Table(columns.map(\.key))
        table.add(columns.map(\.value.plainText))
        return table
    }
}

extension JSONDocument {
    /// As people write the value: a text without quotes, nothing for null, JSON for what has parts.
    var plainText: String {
        switch self {
        case .null: ""
        case .string(let text): text
        case .integer(let integer): String(integer)
        case .number(let number): String(number)
        case .bool(let bool): String(bool)
        case .array, .object: (try? JSONText.compact(self)) ?? ""
        }
    }
}

enum JSONText {
    static func pretty(_ document: some Encodable) throws -> String {
        try text(document, [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    }

    static func compact(_ document: some Encodable) throws -> String {
        try text(document, [.sortedKeys, .withoutEscapingSlashes])
    }

    private static func text(_ document: some Encodable, _ formatting: JSONEncoder.OutputFormatting) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        return String(decoding: try encoder.encode(document), as: UTF8.self)
    }
}

/// `10ms 30s 10m 2h 30d` on the command line.
struct DurationArgument: ExpressibleByArgument {
    let duration: Duration

    init?(argument: String) {
        let units: [(suffix: String, milliseconds: Int64)] = [
            ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
        ]
        for unit in units where argument.hasSuffix(unit.suffix) {
            guard let count = Int64(argument.dropLast(unit.suffix.count)), count >= 0, count <= 1_000_000_000 else {
                continue
            }
            duration = .milliseconds(count * unit.milliseconds)
            return
        }
        return nil
    }
}
