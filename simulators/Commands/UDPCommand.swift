// The command `udp`: a fleet that sends datagrams.
import ArgumentParser
internal import CSimulator

struct UDPCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "udp",
        abstract: "A fleet that sends datagrams.",
        discussion: """
            Ends with {"sent":N,"payloads":N,"bytes":N,"garbage":N,"refused":N,"seconds":S,"rate":R}: readings, \
            datagrams, their bytes, malformed ones among them, answers that nobody listens.
            """
    )

    @OptionGroup var fleet: FleetOptions

    @Option(help: "What the datagrams hold; `value` needs a topic and is for MQTT.")
    var format = PayloadFormat.json

    @Option(help: "Name or address, IPv4 or IPv6.")
    var host = "127.0.0.1"

    @Option(help: "UDP port.")
    var port: UInt16

    @Option(help: "Readings in every datagram.")
    var readingsPerDatagram = 1

    @Flag(help: "Let the kernel cut trains of equally long datagrams (UDP_SEGMENT): many times faster.")
    var gso = false

    mutating func validate() throws {
        guard format != .value else { throw ValidationError("--format value names no device; it is for MQTT topics.") }
        guard (1...200).contains(readingsPerDatagram) else {
            throw ValidationError("--readings-per-datagram must be 1 to 200.")
        }
    }

    mutating func run() throws {
        sim_catch_stop_signals()
        let socket = sim_connect_datagram_socket(host, port)
        guard socket >= 0 else {
            FileOutput.standardError.writeLine("cannot reach \(host) port \(port): \(systemErrorText(-socket))")
            throw ExitCode(SimulatorExit.unavailable)
        }
        var source = fleet.source(format: format, csvHeader: true)
        var sender = DatagramSender(socket: socket, readingsPerDatagram: readingsPerDatagram, trains: gso)
        let (report, failure) = sender.run(&source, rate: fleet.rate, count: fleet.count)
        report.write()
        if let failure {
            FileOutput.standardError.writeLine("cannot send to \(host) port \(port): \(systemErrorText(failure))")
            throw ExitCode(SimulatorExit.ioError)
        }
    }
}
