// The decoders that an input's `format` may name. A new one is a file of its own and one line here.

/// Why a decoder cannot be made from its input's configuration; a sentence for the person who wrote it.
package struct DecoderOptionError: Error, Sendable, CustomStringConvertible {
    /// The key of the configuration that is wrong, such as `columns`.
    package var key: String
    package var description: String

    init(_ key: String, _ description: String) {
        self.key = key
        self.description = description
    }
}

/// One format that payloads may have.
package struct DecoderDefinition: Sendable {
    /// The word in the configuration.
    package var name: String
    /// One line for people.
    package var summary: String
    /// Makes a decoder for one input; may be called from any thread.
    package var make: @Sendable (DecoderOptions) throws(DecoderOptionError) -> any PayloadDecoder
}

package enum DecoderRegistry {
    package static let all: [DecoderDefinition] = [
        DecoderDefinition(name: "auto", summary: "recognises the format of each payload") {
            (options) throws(DecoderOptionError) in
            try AutoDecoder(options)
        },
        DecoderDefinition(name: "json", summary: "objects, flat or nested, or arrays of them") { options in
            JSONPayloadDecoder(options)
        },
        DecoderDefinition(name: "senml", summary: "SenML packs in JSON (RFC 8428)") { options in
            SenMLDecoder(options)
        },
        DecoderDefinition(name: "line_protocol", summary: "InfluxDB line protocol") { options in
            LineProtocolDecoder(options)
        },
        DecoderDefinition(name: "csv", summary: "comma-separated values") {
            (options) throws(DecoderOptionError) in
            try CSVDecoder(options)
        },
        DecoderDefinition(name: "key_value", summary: "k=v pairs") { options in
            KeyValueDecoder(options)
        },
        DecoderDefinition(name: "value", summary: "a bare number or word, named by the topic") { options in
            ValueDecoder(options)
        },
        DecoderDefinition(name: "nmea", summary: "NMEA 0183 weather, depth and position sentences") { options in
            NMEADecoder(options)
        },
    ]

    package static func definition(named name: String) -> DecoderDefinition? {
        all.first { $0.name == name }
    }
}
