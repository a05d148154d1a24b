// What systemd itself says of the unit: that it has no mistake, and that the service is shut in.
import Foundation
import Testing

@Suite("systemd unit")
struct UnitFileTests {
    /// The unit with programs that exist on every machine, in a directory of its own.
    private final class Unit {
        let directory = NSTemporaryDirectory() + "forebay-unit-\(UUID().uuidString)"
        var path: String { directory + "/forebay.service" }

        init(changing change: (String) -> String = { $0 }) throws {
            let text = try String(contentsOfFile: Repository.root + "/systemd/forebay.service", encoding: .utf8)
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let runnable = text.replacingOccurrences(of: "/usr/bin/forebay", with: "/bin/true")
            try change(runnable).write(toFile: path, atomically: true, encoding: .utf8)
        }

        deinit {
            try? FileManager.default.removeItem(atPath: directory)
        }
    }

    /// Runs `systemd-analyze` on the unit, which lives until it has ended.
    private func analyze(_ arguments: [String], _ unit: Unit) throws -> (status: Int32, output: String) {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/systemd-analyze")
        process.arguments = arguments + [unit.path]
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        withExtendedLifetime(unit) { process.waitUntilExit() }
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }

    @Test("systemd-analyze verify is silent")
    func verify() throws {
        let result = try analyze(["verify"], Unit())
        #expect(result.status == 0)
        #expect(result.output.isEmpty, "\(result.output)")
    }

    @Test("an unknown key would be found")
    func verifyTwin() throws {
        let unit = try Unit { $0.replacingOccurrences(of: "WatchdogSec=", with: "WatchdogSecs=") }
        #expect(try !analyze(["verify"], unit).output.isEmpty)
    }

    @Test("the exposure level is 2.0 or lower, with the serial ports open and no capability")
    func security() throws {
        let unit = try Unit()
        let text = try String(contentsOfFile: unit.path, encoding: .utf8)
        let result = try analyze(["security", "--offline=true", "--threshold=20", "--no-pager"], unit)
        #expect(result.status == 0, "\(result.output)")
        #expect(text.contains("\nCapabilityBoundingSet=\n"))
        for kind in ["ttyS", "ttyUSB", "ttyACM"] { #expect(text.contains("\nDeviceAllow=char-\(kind) rw\n")) }
        #expect(!text.contains("PrivateDevices=yes"))
    }

    @Test("a unit with less protection would be found")
    func securityTwin() throws {
        let unit = try Unit { $0.replacingOccurrences(of: "ProtectSystem=strict", with: "ProtectSystem=no") }
        let result = try analyze(["security", "--offline=true", "--threshold=20", "--no-pager"], unit)
        #expect(result.status != 0)
    }
}
