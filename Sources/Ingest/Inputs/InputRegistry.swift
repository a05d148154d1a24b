// The registry of inputs: a new one is a file of its own and a line here.
package import Platform

/// The configuration of one input, as its type defines it.
package protocol InputSettings: Sendable {
    /// The word behind `type:` in the configuration.
    static var typeName: String { get }
}

/// One configured input with what was built for it. Its pipeline belongs to the adapter's thread from the first `step()`.
package struct InputEndpoint {
    /// The operator's name for it, and the key of its rejects.
    package let name: String
    package let settings: any InputSettings
    package let pipeline: IngestPipeline
    package let state: InputStateBox

    package init(name: String, settings: any InputSettings, pipeline: IngestPipeline, state: InputStateBox) {
        self.name = name
        self.settings = settings
        self.pipeline = pipeline
        self.state = state
    }
}

/// What every adapter needs of its surroundings.
package struct InputEnvironment: Sendable {
    package let clock: any Clock
    package let disk: any Disk
    /// `<data>/inputs`: what inputs remember across restarts. It exists.
    package let directory: String
    /// The longest that a batch waits for its sync; naps stay well below it.
    package let commitInterval: Duration
    /// For jitter; any number.
    package let seed: UInt64

    package init(clock: any Clock, disk: any Disk, directory: String, commitInterval: Duration, seed: UInt64) {
        self.clock = clock
        self.disk = disk
        self.directory = directory
        self.commitInterval = commitInterval
        self.seed = seed
    }
}

/// One type of input.
package struct InputDefinition: Sendable {
    /// The word behind `type:` in the configuration.
    package let name: String
    /// One sentence for people.
    package let summary: String
    /// Whether all inputs of this type run on one thread, in one adapter; else each has its own.
    package let sharesThread: Bool
    /// Builds an adapter for endpoints whose settings are of this type: one of them unless `sharesThread`.
    /// Throws what `forebay check` reports beforehand: settings that contradict themselves.
    package let makeAdapter:
        @Sendable ([InputEndpoint], InputEnvironment) throws(InputDefinitionError) -> any InputAdapter
}

/// Settings from which no adapter can be made.
package struct InputDefinitionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The input's name.
    package var input: String
    package var reason: String

    package var description: String { "input \"\(input)\": \(reason)" }
}

/// All types of input.
package enum InputRegistry {
    package static let definitions: [InputDefinition] = [
        MQTTInput.definition,
        UDPInput.definition,
        SerialInputs.definition,
    ]

    /// The definition with this name; nil where there is none.
    package static func definition(named name: String) -> InputDefinition? {
        definitions.first { $0.name == name }
    }
}
