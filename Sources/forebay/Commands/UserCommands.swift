// The command `users`: who may log in to the Kafka listener.
import Appliance
import ArgumentParser
import Foundation

struct UsersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "users",
        abstract: "Users of the Kafka listener, in the file that `listen.kafka.users_file` names.",
        discussion:
            "A running daemon takes changes with `forebay reload`. What users may do: `listen.kafka.permissions`.",
        subcommands: [List.self, Add.self, Delete.self]
    )

    struct FileOption: ParsableArguments {
        @Option(help: ArgumentHelp("The file of users; else the configuration's.", valueName: "file"), transform: given)
        var file: String?

        @OptionGroup var configuration: ConfigurationOption

        func users() throws -> KafkaUsersFile {
            if let file { return KafkaUsersFile(file) }
            guard let path = try configuration.load().configuration.listen.kafka?.usersFile else {
                throw CommandFailure(
                    ExitStatus.usage,
                    "the configuration names no file of users",
                    hint: "set `listen.kafka.users_file`, or name one with --file FILE"
                )
            }
            return KafkaUsersFile(path)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "All users, and the mechanisms they have.")

        @OptionGroup var output: OutputOption
        @OptionGroup var file: FileOption

        func run() async throws {
            try output.print(try file.users().users(), headings: ["USER", "MECHANISMS"]) {
                [$0.user, $0.mechanisms.joined(separator: " ")]
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a user, or gives one another password.",
            discussion: "Asks for the password twice on a terminal; else standard input's first line is the password."
        )

        @Argument(help: "The user's name.", transform: given)
        var name: String

        @OptionGroup var file: FileOption

        func run() async throws {
            let users = try file.users()
            try users.set(name, password: try Password.read(for: name))
            Console.line("\(Table.printable(name)) is in \(users.path); `forebay reload` tells a running daemon")
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes a user.",
            discussion: "Connections that it has stay until they end."
        )

        @Argument(help: "The user's name.", transform: given)
        var name: String

        @OptionGroup var file: FileOption

        func run() async throws {
            let users = try file.users()
            try users.delete(name)
            Console.line("\(Table.printable(name)) is gone from \(users.path); `forebay reload` tells a running daemon")
        }
    }
}

/// Asks for a password.
private enum Password {
    static func read(for name: String) throws -> String {
        guard isatty(STDIN_FILENO) == 1 else {
            guard let line = readLine(strippingNewline: true) else {
                throw CommandFailure(ExitStatus.usage, "standard input holds no password")
            }
            return line
        }
        let first = try ask("Password for \(Table.printable(name)): ")
        guard first == (try ask("The same again: ")) else {
            throw CommandFailure(ExitStatus.usage, "the two passwords are not the same; nothing was changed")
        }
        return first
    }

    /// Without echo.
    private static func ask(_ prompt: String) throws -> String {
        guard let typed = getpass(prompt) else {
            throw CommandFailure(ExitStatus.usage, "no password was typed")
        }
        defer { memset(typed, 0, strlen(typed)) }
        return String(cString: typed)
    }
}
