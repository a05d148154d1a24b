// The options that every fleet has, whatever carries its payloads.
import ArgumentParser

/// What happens to the fleet.
enum Scenario: String, ExpressibleByArgument, CaseIterable {
    /// Ordinary days.
    case steady
    /// The device `freezer-7` warms above -15 °C after a while, and recovers.
    case freezerFailure = "freezer-failure"
}

/// The fleet as the command line describes it.
struct FleetOptions: ParsableArguments {
    @Option(help: "Devices in the fleet; they take turns.")
    var devices = 10

    @Option(help: "Readings per second of the whole fleet; 0 is as fast as it goes.")
    var rate = 10.0

    @Option(help: "Readings to send, then end; 0 is until stopped.")
    var count: UInt64 = 0

    @Option(help: "The same seed and options send the same bytes.")
    var seed: UInt64 = 1

    @Option(help: "What happens to the fleet.")
    var scenario = Scenario.steady

    @Option(help: ArgumentHelp("When freezer-7 fails, in seconds at --rate.", valueName: "seconds"))
    var failureAfter = 15.0

    @Option(help: ArgumentHelp("How long it stays failed, in seconds at --rate.", valueName: "seconds"))
    var failureFor = 20.0

    @Option(help: ArgumentHelp("Percentage of payloads that are malformed instead.", valueName: "percent"))
    var garbage = 0.0

    @Option(
        help: ArgumentHelp(
            "Put a device time into every payload: this one (RFC 3339, UTC) plus the reading's place at --rate.",
            valueName: "time"
        )
    )
    var start: String?

    mutating func validate() throws {
        guard (1...1_000_000).contains(devices) else { throw ValidationError("--devices must be 1 to 1000000.") }
        guard rate == 0 || (0.001...100_000_000).contains(rate) else {
            throw ValidationError("--rate must be 0, or 0.001 to 100000000.")
        }
        guard (0...100).contains(garbage) else { throw ValidationError("--garbage must be 0 to 100.") }
        if let start, DeviceTime.milliseconds(rfc3339: start) == nil {
            throw ValidationError("--start must be a time such as 2026-11-23T19:10:00Z.")
        }
        guard scenario == .freezerFailure else { return }
        guard rate > 0 else { throw ValidationError("--scenario freezer-failure needs a --rate above 0.") }
        guard (0...1e6).contains(failureAfter), (0.001...1e6).contains(failureFor) else {
            throw ValidationError("--failure-after and --failure-for must be up to 1000000 seconds.")
        }
    }

    /// The fleet's payloads in `format`.
    func source(format: PayloadFormat, csvHeader: Bool) -> PayloadSource {
        PayloadSource(
            fleet: fleet(format: format),
            encoder: PayloadEncoder(format: format, csvHeader: csvHeader, hasTime: start != nil),
            clock: start.flatMap(DeviceTime.milliseconds(rfc3339:)).map { DeviceTime(start: $0, rate: rate) },
            garbage: GarbageMaker(seed: seed, percent: garbage, format: format)
        )
    }

    private func fleet(format: PayloadFormat) -> [Device] {
        let rotation = format == .nmea ? DeviceKind.nmeaRotation : DeviceKind.rotation
        let fails = scenario == .freezerFailure
        var freezers = 0
        return (0..<devices).map { index in
            let failing = fails && index == 0
            let kind = failing ? DeviceKind.freezer : rotation[index % rotation.count]
            let name: String
            if kind == .freezer {
                // Numbers begin at 7 where freezer-7 fails, so that the name stays its own.
                freezers += 1
                name = "freezer-\(fails ? freezers + 6 : freezers)"
            } else {
                name = Self.sensorName(index + 1)
            }
            return Device(index: index, seed: seed, name: name, kind: kind, failure: failing ? failure : nil)
        }
    }

    /// `sensor-0001`; more digits where there are more devices.
    private static func sensorName(_ number: Int) -> String {
        let digits = String(number)
        return "sensor-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    private var failure: FreezerFailure {
        let readingsPerSecond = rate / Double(devices)
        return FreezerFailure(
            firstSequence: UInt64(failureAfter * readingsPerSecond) + 1,
            readings: max(1, UInt64(failureFor * readingsPerSecond))
        )
    }
}
