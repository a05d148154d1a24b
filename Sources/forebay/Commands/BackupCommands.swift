// The commands `backup` and `restore`: a box as one file, and back.
import Appliance
import ArgumentParser
import Foundation

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Log, registry, cursors and configuration as one tar archive, while the daemon runs or not.",
        discussion: """
            FILE must not be there yet; - is standard output. Files that the configuration names (password_file, \
            certificates, keys) are not in the archive. Every member's SHA-256 stands in manifest.json.
            """
    )

    @Argument(help: ArgumentHelp("The archive to write; - for standard output.", valueName: "file"))
    var file: String

    @OptionGroup var data: DataOption

    func run() async throws {
        let directory = try data.directory()
        let files = data.data == nil ? try ConfigurationLoader().files(path: data.configuration.config).get() : nil
        let backup = Backup(data: directory, configuration: files)
        let outcome = try await backup.write(
            to: file == "-" ? .standardOutput : .file(URL(fileURLWithPath: file).standardizedFileURL.path)
        )
        for remark in outcome.remarks { Console.error("forebay: \(remark)") }
        Console.error("\(file == "-" ? "backup" : file): \(outcome.members) members, \(outcome.bytes) bytes")
    }
}

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Makes a data directory from a backup, verified before it is put in place.",
        discussion: "DIR must not exist or be empty. The configuration of the backup lies in DIR/configuration then."
    )

    @Argument(help: ArgumentHelp("The archive; - for standard input.", valueName: "file"))
    var file: String

    @Option(help: ArgumentHelp("The data directory to make.", valueName: "dir"))
    var data: String

    func run() throws {
        let directory = URL(fileURLWithPath: data).standardizedFileURL.path
        let outcome = try Restore(directory: directory).read(file)
        for remark in outcome.remarks { Console.error("forebay: \(remark)") }
        Console.line(
            "\(directory): the backup of \(outcome.created), \(outcome.members) members, \(outcome.records) records: verified"
        )
        if let configuration = outcome.configuration {
            Console.line(
                "its configuration is in \(configuration); put it in place, with the files that it names, and set `data` there"
            )
        }
        if geteuid() == 0 {
            Console.line(
                "the files belong to root: chown -R USER:GROUP \(directory), for the user that runs the daemon"
            )
        }
    }
}
