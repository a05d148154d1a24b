// The command `mqtt`: a fleet that publishes to a broker.
import ArgumentParser
internal import CSimulator
import Glibc

struct MQTTCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mqtt",
        abstract: "A fleet that publishes to an MQTT broker (3.1.1).",
        discussion: """
            Ends with {"sent":N,"payloads":N,"bytes":N,"garbage":N,"acknowledged":N,"seconds":S,"rate":R}; \
            `acknowledged` counts payloads that the broker took over, malformed ones included.
            """
    )

    @OptionGroup var fleet: FleetOptions

    @Option(help: "What the messages hold; `value` takes the metric's name from the topic and carries no seq.")
    var format = PayloadFormat.json

    @Option(help: "The broker's name or address.")
    var host = "127.0.0.1"

    @Option(help: "The broker's port.")
    var port: UInt16 = 1883

    @Option(help: "User name.")
    var user: String?

    @Option(help: ArgumentHelp("File with the password; its first line counts.", valueName: "file"))
    var passwordFile: String?

    @Option(help: "The client id; forebay-sim- and the process id unless told.")
    var clientID: String?

    @Option(
        help: "Topic with {device}, {metric} and {line}; forebay/sim/{device}, for values with /{metric}, unless told."
    )
    var topic: String?

    @Option(help: "0, 1 or 2.")
    var qos: Int32 = 1

    @Option(help: "The most messages without an acknowledgement.")
    var window = 100

    @Option(help: ArgumentHelp("How long the broker may be away.", valueName: "seconds"))
    var connectTimeout = 30.0

    @Option(help: ArgumentHelp("Append a line `device seq` for all that the broker acknowledged.", valueName: "file"))
    var acknowledgedFile: String?

    mutating func validate() throws {
        guard (0...2).contains(qos) else { throw ValidationError("--qos must be 0, 1 or 2.") }
        guard (1...20_000).contains(window) else { throw ValidationError("--window must be 1 to 20000.") }
        guard (0...86_400).contains(connectTimeout) else {
            throw ValidationError("--connect-timeout must be 0 to 86400 seconds.")
        }
        guard passwordFile == nil || user != nil else { throw ValidationError("--password-file needs --user.") }
        guard acknowledgedFile == nil || qos > 0 else { throw ValidationError("QoS 0 has no acknowledgements.") }
        guard TopicTable.isValid(topicTemplate) else {
            throw ValidationError("--topic must be a topic without wildcards, with {device}, {metric} and {line} only.")
        }
        guard format != .value || (topicTemplate.contains("{device}") && topicTemplate.contains("{metric}")) else {
            throw ValidationError("--format value needs {device} and {metric} in --topic.")
        }
    }

    mutating func run() throws {
        sim_catch_stop_signals()
        var source = fleet.source(format: format, csvHeader: true)
        let settings = MQTTSettings(
            host: host,
            port: Int32(port),
            clientID: clientID ?? "forebay-sim-\(getpid())",
            user: user,
            password: try password(),
            qos: qos,
            window: window,
            connectTimeout: connectTimeout
        )
        var acknowledged: AcknowledgedFile?
        if let path = acknowledgedFile {
            acknowledged = AcknowledgedFile(path: path, names: source.fleet.map(\.name))
            guard acknowledged != nil else {
                throw failed("cannot open \(path): \(systemErrorText(errno))", SimulatorExit.cannotCreate)
            }
        }
        let publisher: MQTTPublisher
        do throws(MQTTPublisherError) {
            publisher = try MQTTPublisher(
                settings: settings,
                topics: TopicTable(template: topicTemplate, fleet: source.fleet),
                acknowledged: acknowledged
            )
        } catch {
            throw failed(error.description, ExitCode.validationFailure.rawValue)
        }
        let (report, failure) = publisher.run(&source, rate: fleet.rate, count: fleet.count)
        report.write()
        if let failure { throw failed(failure.description, SimulatorExit.unavailable) }
        if let acknowledged, acknowledged.isBroken {
            throw failed("cannot write the file of what was acknowledged", SimulatorExit.ioError)
        }
    }

    private var topicTemplate: String {
        topic ?? (format == .value ? "forebay/sim/{device}/{metric}" : "forebay/sim/{device}")
    }

    private func password() throws -> String? {
        guard let passwordFile else { return nil }
        guard let file = fopen(passwordFile, "re") else {
            throw failed("cannot open \(passwordFile): \(systemErrorText(errno))", SimulatorExit.noInput)
        }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 1024)
        guard fgets(&line, Int32(line.count), file) != nil else { return "" }
        let end = [CChar(0), 0x0A, 0x0D]
        return String(decoding: line.prefix { !end.contains($0) }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func failed(_ text: String, _ code: Int32) -> ExitCode {
        FileOutput.standardError.writeLine(text)
        return ExitCode(code)
    }
}
