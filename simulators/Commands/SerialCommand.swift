// The command `serial`: instruments on a serial line.
import ArgumentParser
internal import CSimulator

struct SerialCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serial",
        abstract: "Instruments that write lines to a tty, or to a pseudo-terminal of their own.",
        discussion: """
            With --pty nothing is sent before somebody has opened the link, and sending pauses while nobody has. Ends \
            with {"sent":N,"payloads":N,"bytes":N,"garbage":N,"replugged":N,"seconds":S,"rate":R}.
            """
    )

    @OptionGroup var fleet: FleetOptions

    @Option(
        help:
            "What the lines hold. CSV lines have no header: device,metric,value,seq, and time with --start."
    )
    var format = PayloadFormat.nmea

    @Option(help: ArgumentHelp("An existing tty to write to.", valueName: "path"))
    var port: String?

    @Option(help: ArgumentHelp("Open a pseudo-terminal and let this symbolic link name it.", valueName: "link"))
    var pty: String?

    @Option(help: "Any baud rate; 8N1.")
    var baud: UInt32 = 115_200

    @Option(help: ArgumentHelp("Unplug after this many lines, and plug in again; 0 is never.", valueName: "lines"))
    var replugEvery: UInt64 = 0

    @Option(help: ArgumentHelp("How long it stays unplugged.", valueName: "milliseconds"))
    var unpluggedFor: Int64 = 500

    mutating func validate() throws {
        guard format != .value else { throw ValidationError("--format value names no device; it is for MQTT topics.") }
        guard (port == nil) != (pty == nil) else { throw ValidationError("Say either --port or --pty.") }
        guard replugEvery == 0 || pty != nil else { throw ValidationError("--replug-every needs --pty.") }
        guard baud > 0 else { throw ValidationError("--baud must be above 0.") }
        guard (0...600_000).contains(unpluggedFor) else {
            throw ValidationError("--unplugged-for must be 0 to 600000 milliseconds.")
        }
    }

    mutating func run() throws {
        sim_catch_stop_signals()
        var sender = SerialSender(
            source: fleet.source(format: format, csvHeader: false),
            lineEnd: format == .nmea ? "\r\n" : "\n",
            rate: fleet.rate,
            count: fleet.count
        )
        do throws(SerialLineError) {
            repeat {
                let line = try openLine()
                try sender.run(line, lines: replugEvery)
                guard !sender.isFinished else { break }
                sender.countReplug()
                // The line is closed and the link is gone here.
                Pacer.sleep(unpluggedFor * 1_000_000)
            } while !isStopRequested()
            sender.report.write()
        } catch {
            sender.report.write()
            FileOutput.standardError.writeLine(error.description)
            throw ExitCode(pty == nil ? SimulatorExit.noInput : SimulatorExit.cannotCreate)
        }
    }

    private func openLine() throws(SerialLineError) -> SerialLine {
        if let pty { return try SerialLine(pseudoTerminalLink: pty, baud: baud) }
        return try SerialLine(port: port ?? "", baud: baud)
    }
}
