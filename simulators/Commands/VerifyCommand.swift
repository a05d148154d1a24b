// The command `verify`: what was sent, against what arrived.
import ArgumentParser
internal import Foundation

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Counts what was lost, duplicated and reordered.",
        discussion: """
            Reads records as `forebay tail --from earliest -o ndjson` prints them on standard input, and writes one \
            JSON object: per device and in total, `sent` (the largest seq), `received` (distinct), `lost`, \
            `duplicated` and `reordered`. Exits with 1 where anything is lost, a line is unreadable, or no record has a \
            seq: then nothing is verified. With --expect-acknowledged, lost is what the broker acknowledged and the records \
            lack; gaps that nobody acknowledged are then no loss.
            """
    )

    @Option(help: ArgumentHelp("The file that forebay-sim mqtt --acknowledged-file wrote.", valueName: "file"))
    var expectAcknowledged: String?

    /// How many missing messages are named one by one.
    private static let missingShown = 20

    mutating func run() throws {
        var verification = Verification()
        var lines = LineReader(FileHandle.standardInput)
        while let line = try lines.next() { verification.take(line: line) }
        var result = verification.json
        var lost = verification.total.lost
        if let expectAcknowledged {
            lost = try compare(verification, with: expectAcknowledged, into: &result)
        }
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
        FileHandle.standardOutput.write(try JSONSerialization.data(withJSONObject: result, options: options))
        FileHandle.standardOutput.write(Data([0x0A]))
        guard lost == 0, verification.unreadable == 0, verification.total.received > 0 else { throw ExitCode(1) }
    }

    /// Returns how many acknowledged messages are missing.
    private func compare(
        _ verification: Verification,
        with path: String,
        into result: inout [String: Any]
    ) throws -> UInt64 {
        guard let file = FileHandle(forReadingAtPath: path) else {
            FileOutput.standardError.writeLine("cannot open \(path)")
            throw ExitCode(SimulatorExit.noInput)
        }
        var expected: UInt64 = 0
        var missing: UInt64 = 0
        var shown: [String] = []
        var lines = LineReader(file)
        while let line = try lines.next() {
            let parts = String(decoding: line, as: UTF8.self).split(separator: " ")
            guard parts.count == 2, let sequence = UInt64(parts[1]) else {
                FileOutput.standardError.writeLine("\(path) is no file of acknowledged messages")
                throw ExitCode(SimulatorExit.noInput)
            }
            expected += 1
            guard !verification.contains(device: String(parts[0]), sequence: sequence) else { continue }
            missing += 1
            if shown.count < Self.missingShown { shown.append("\(parts[0]) \(sequence)") }
        }
        result["acknowledged"] = ["expected": expected, "missing": missing, "first_missing": shown] as [String: Any]
        return missing
    }
}
