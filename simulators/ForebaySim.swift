// The simulators: device fleets for MQTT, UDP and serial lines, and the check of what arrived.
import ArgumentParser

@main
struct ForebaySim: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forebay-sim",
        abstract: "Simulated sensors over MQTT, UDP and serial lines, and a check of what arrived.",
        discussion: """
            The same options and seed send the same bytes. Every payload carries a per-device `seq` that starts at 1 \
            (formats `value` and `nmea` have no place for one). Each command ends with one line of JSON on standard \
            output, also after SIGTERM and SIGINT.
            """,
        subcommands: [MQTTCommand.self, UDPCommand.self, SerialCommand.self, VerifyCommand.self]
    )
}
