// The sample configuration against the compiled defaults, the registries and the documentation.
import Alerting
import Appliance
import CommitLog
import EventModel
import Foundation
import Ingest
import Testing

/// A file of the repository.
private func repositoryFile(_ path: String) throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
}

/// The sample with its `#` taken away: of the defaults, or of the examples as well. Line numbers stay.
private func uncommented(_ sample: String, examples: Bool) -> String {
    var isExample = false
    return sample.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
        if line.hasPrefix("## Example") { isExample = true }
        if line.isEmpty { isExample = false }
        guard line.hasPrefix("# ") else { return line.hasPrefix("##") ? "" : String(line.dropFirst()) }
        return isExample && !examples ? "" : String(line.dropFirst(2))
    }.joined(separator: "\n")
}

@Suite("Sample configuration")
struct SampleConfigurationTests {
    @Test("as it is shipped it says nothing, so the defaults hold")
    func shipped() throws {
        let value = try configuration(try repositoryFile("config/forebay.yaml"))
        var expected = Configuration()
        expected.name = "edge-01"
        #expect(value == expected)
    }

    @Test("its commented-out settings are the compiled defaults, and none is missing")
    func defaults() throws {
        let sample = uncommented(try repositoryFile("config/forebay.yaml"), examples: false)
        let loaded = try read(sample).get()
        var expected = Configuration()
        expected.name = "edge-01"
        #expect(loaded.configuration == expected)
        #expect(loaded.problems.isEmpty)
        for setting in Configuration().settings where setting.key != "name" {
            #expect(loaded.places[setting.path] != nil, "`\(setting.path)` is not in the sample")
        }
    }

    @Test("a default that differs from the sample would be found")
    func defaultsTwin() throws {
        let sample = uncommented(try repositoryFile("config/forebay.yaml"), examples: false)
        let planted = sample.replacingOccurrences(of: "segment_bytes: 64MiB", with: "segment_bytes: 32MiB")
        var expected = Configuration()
        expected.name = "edge-01"
        #expect(try configuration(planted) != expected)
    }

    @Test("its examples hold, and show every key, input, decoder and hook")
    func examples() throws {
        let text = uncommented(try repositoryFile("config/forebay.yaml"), examples: true)
        let loaded = try read(text).get()
        let value = loaded.configuration
        #expect(loaded.problems.isEmpty, "\(loaded.problems)")
        #expect(Set(value.inputs.map(\.transport.typeName)) == Set(InputRegistry.definitions.map(\.name)))
        #expect(Set(value.inputs.map(\.format)) == Set(DecoderRegistry.all.map(\.name)))
        #expect(Set(value.hooks.map(\.delivery.typeName)) == Set(HookRegistry.all.map(\.typeName)))
        for type in InputRegistry.definitions {
            let ofType = value.inputs.filter { $0.transport.typeName == type.name }
            let keys = Set(
                value.settings.filter { setting in ofType.contains { setting.part == .input($0.name) } }.map(\.key)
            )
            let common: Set = ["format", "numeric_strings", "believe.past", "believe.future", "required"]
            for key in keys.subtracting(common) {
                let isShown = ofType.contains { loaded.places["inputs.\($0.name).\(key)"] != nil }
                #expect(isShown, "`\(key)` of type `\(type.name)` is not in the sample")
            }
            for key in common {
                let isShown = value.inputs.contains { loaded.places["inputs.\($0.name).\(key)"] != nil }
                #expect(isShown, "`\(key)` is not in the sample")
            }
        }
    }

    @Test("the profile for SD cards holds and commits every 100 ms")
    func cardProfile() throws {
        let value = try configuration(try repositoryFile("config/forebay-sdcard.yaml"))
        #expect(value.log.commitInterval == .milliseconds(100))
        #expect(value.log.readings.retention == Configuration().log.readings.retention)
    }

    @Test("the documentation has every key, input, decoder, hook, reject reason and unit")
    func documentation() throws {
        let page = try repositoryFile("docs/configuration.md")
        let text = uncommented(try repositoryFile("config/forebay.yaml"), examples: true)
        let paths = try read(text).get().places.keys
        let names = Set(paths.flatMap { $0.split(separator: ".").map(String.init) })
        let own = [
            "home", "plant", "lan", "meters", "gateways", "scripts", "anything", "mast", "scale", "pager", "siren",
            "phones", "chat", "duty", "cluster", "mail", "bus", "office", "alive",
        ]
        let notKeys = Set(own + ["line", "X-Box", "Authorization", "FreezerTooWarm", "TankLow"])
        var wanted = names.subtracting(notKeys).map { "`\($0)`" }
        wanted += InputRegistry.definitions.map { "\n### Input `\($0.name)`\n" }
        wanted += DecoderRegistry.all.map { "\n### Format `\($0.name)`\n" }
        wanted += HookRegistry.all.map { "\n### Hook `\($0.typeName)`\n" }
        wanted += RejectReason.allCases.map { "| `\($0.name)` |" }
        wanted += UnitName.spellings.map { "| `\($0.canonical)` |" }
        let missing = wanted.filter { !page.contains($0) }
        #expect(missing.isEmpty)
    }
}
