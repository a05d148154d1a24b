// Reads configurations from text and from temporary directories for the tests of this folder.
import Appliance
import Foundation
import Testing

/// A configuration in a directory of its own, removed with the value's last use.
final class ConfigurationFixture {
    let directory: String

    init(_ files: [String: String] = [:]) throws {
        directory = NSTemporaryDirectory() + "forebay-configuration-\(UUID().uuidString)"
        for (name, text) in files { try write(text, to: name) }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    var path: String { directory + "/forebay.yaml" }

    func write(_ text: String, to name: String) throws {
        let url = URL(fileURLWithPath: directory + "/" + name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    func load(_ environment: [String: String] = [:]) -> Result<LoadedConfiguration, ConfigurationFailure> {
        ConfigurationLoader(environment: environment, hostName: "edge-01").load(path: path)
    }

    /// The lines that `check` would print, with this directory's path left out.
    func problems(_ environment: [String: String] = [:]) -> [String] {
        lines(load(environment)).map { $0.replacingOccurrences(of: directory + "/", with: "") }
    }
}

/// Reads text alone, as a file `c.yaml`.
func read(_ text: String, _ environment: [String: String] = [:]) -> Result<LoadedConfiguration, ConfigurationFailure> {
    ConfigurationLoader(environment: environment, hostName: "edge-01").read(text, file: "c.yaml")
}

/// The configuration in `text`, which must hold.
func configuration(_ text: String, _ environment: [String: String] = [:]) throws -> Configuration {
    switch read(text, environment) {
    case .success(let loaded): return loaded.configuration
    case .failure(let failure):
        Issue.record("\(failure)")
        throw failure
    }
}

/// Everything that is said about `text`, errors and warnings.
func problems(_ text: String, _ environment: [String: String] = [:]) -> [String] {
    lines(read(text, environment))
}

func lines(_ result: Result<LoadedConfiguration, ConfigurationFailure>) -> [String] {
    switch result {
    case .success(let loaded): loaded.problems.map(\.description)
    case .failure(.invalid(let problems)): problems.map(\.description)
    case .failure(.notFound(let paths)): ["not found: \(paths.joined(separator: " "))"]
    }
}
