// `line_protocol`: `measurement,tag=value field=value timestamp`, as InfluxDB and Telegraf write it.
internal import EventModel

/// Decodes line protocol, one event per line; lines that begin with `#` are comments.
///
/// The device is a tag (`device` and the names beside it, else `host`), else the measurement; other tags are labels. A
/// field's key is its metric; a field named `value` takes the measurement's name.
package final class LineProtocolDecoder: PayloadDecoder {
    private let fields: WellKnownFields
    private let numericStrings: Bool
    private var lines = PayloadLines()

    package init(_ options: DecoderOptions) {
        fields = WellKnownFields(options)
        numericStrings = options.numericStrings
    }

    package func begin() {
        lines = PayloadLines()
    }

    package func next(_ payload: RawSpan, into collector: inout EventCollector) -> DecodeOutcome {
        var lines = lines
        defer { self.lines = lines }
        let hash = UInt8(ascii: "#")
        guard let line = lines.nextEvent(payload, comment: hash, into: &collector) else {
            return lines.outcomeAtEnd(payload)
        }
        var reader = LineProtocolReader(position: line.start, numericStrings: numericStrings)
        let text = payload.extracting(0..<line.end)
        return reader.read(text, fields, into: &collector)?.outcome ?? .event
    }
}
