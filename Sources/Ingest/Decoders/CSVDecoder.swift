// `csv`: rows of values; columns from the configuration, a header line, or device,metric,value[,time].
internal import EventModel

/// Decodes comma-separated rows (RFC 4180, but a field never holds a line feed), one event per row.
///
/// Without `columns`, a row of names only is a header where one of them is well known (`device`, `time`, `value`, …). It
/// holds for the rows behind it in its payload; on a stream (a serial port) for later payloads too, until another one
/// comes. Elsewhere it must not: payloads of many senders pass through one decoder.
package final class CSVDecoder: PayloadDecoder {
    private enum Source {
        case byDefault
        case header
        case configured
    }

    private let fields: WellKnownFields
    private let isStream: Bool
    private var lines = PayloadLines()
    private var layout = CSVLayout()
    private var source = Source.byDefault

    package init(_ options: DecoderOptions) throws(DecoderOptionError) {
        fields = WellKnownFields(options)
        isStream = options.isStream
        guard let columns = options.columns else {
            layout.becomeDefault()
            return
        }
        source = .configured
        try setColumns(columns)
    }

    private func setColumns(_ columns: [String]) throws(DecoderOptionError) {
        guard !columns.isEmpty else { throw DecoderOptionError("columns", "names at least one column") }
        for (index, column) in columns.enumerated() {
            if !column.isEmpty, columns[..<index].contains(column) {
                throw DecoderOptionError("columns", "names \(column) twice")
            }
            var column = column
            let isAdded = column.withUTF8 { bytes in
                let name = UnsafeRawBufferPointer(bytes)
                let isName = UTF8Text.isPrintable(name)
                return isName && layout.append(name, role: fields.role(name.bytes, start: 0, count: name.count))
            }
            guard isAdded else {
                throw DecoderOptionError(
                    "columns",
                    "holds up to \(CSVLayout.columnsMax) names of up to \(EventCollector.metricBytesMax) printable bytes"
                )
            }
        }
    }

    package func begin() {
        lines = PayloadLines()
        if source == .header, !isStream { forgetHeader() }
    }

    package func next(_ payload: RawSpan, into collector: inout EventCollector) -> DecodeOutcome {
        var lines = lines
        defer { self.lines = lines }
        while let line = lines.next(payload) {
            if source != .configured, isHeader(payload, line, into: &collector) {
                // A header is content only where it is of use to later payloads; alone it is then in order.
                if isStream { lines.noteContent() }
                guard takeHeader(payload, line, into: &collector) else {
                    lines.noteContent()
                    return .rejected(.tooComplex, position: line.start)
                }
                continue
            }
            lines.noteContent()
            return row(payload, line, into: &collector)?.outcome ?? .event
        }
        return lines.outcomeAtEnd(payload)
    }

    // MARK: Header

    private func forgetHeader() {
        layout.becomeDefault()
        source = .byDefault
    }

    /// Whether the line holds names only, one of them well known.
    private func isHeader(_ payload: RawSpan, _ line: PayloadLine, into collector: inout EventCollector) -> Bool {
        let first = payload.unsafeLoad(fromByteOffset: line.start, as: UInt8.self)
        guard first > 0x39 || first == 0x22 else { return false }
        collector.rewindScratch(to: 0)
        let text = payload.extracting(0..<line.end)
        var reader = CSVFieldReader(position: line.start)
        var isKnown = false
        while case .field(let field, _)? = reader.next(text, into: &collector) {
            guard !field.isEmpty, field.count <= EventCollector.metricBytesMax, !field.isInScratch,
                case .word = PlainText.bareValue(field, payload: text, into: &collector),
                text.unsafeLoad(fromByteOffset: Int(field.start), as: UInt8.self) > 0x39
            else { return false }
            if fields.role(text, start: Int(field.start), count: field.count) != .other { isKnown = true }
        }
        return reader.isAtEnd && isKnown
    }

    private func takeHeader(_ payload: RawSpan, _ line: PayloadLine, into collector: inout EventCollector) -> Bool {
        layout.removeAll()
        source = .header
        let text = payload.extracting(0..<line.end)
        var reader = CSVFieldReader(position: line.start)
        while case .field(let field, _)? = reader.next(text, into: &collector) {
            let role = fields.role(text, start: Int(field.start), count: field.count)
            let isAdded = collector.withText(field, text) { span, start, count in
                span.extracting(start..<start &+ count).withUnsafeBytes { name in
                    UTF8Text.isPrintable(name) && layout.append(name, role: role)
                }
            }
            guard isAdded else {
                forgetHeader()
                return false
            }
        }
        return true
    }

    // MARK: Rows

    private func row(
        _ payload: RawSpan,
        _ line: PayloadLine,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        collector.rewindScratch(to: 0)
        collector.noteEventStart(line.start)
        guard layout.appendNames(to: &collector) else { return DecodeFailure(.tooComplex, at: line.start) }
        let text = payload.extracting(0..<line.end)
        var reader = CSVFieldReader(position: line.start)
        var assembly = EventAssembly()
        var index = 0
        while true {
            let start = reader.position
            guard let next = reader.next(text, into: &collector) else { break }
            guard case .field(let field, let isQuoted) = next else {
                return DecodeFailure(next == .noSpace ? .tooComplex : .malformed, at: reader.position)
            }
            guard index < layout.columnCount else { return DecodeFailure(.malformed, at: start) }
            let column = layout.column(index)
            index &+= 1
            if field.isEmpty || column.nameCount == 0 {
                assembly.takeAbsent(column.role)
                continue
            }
            let name = TextRef(scratchStart: column.nameStart, count: column.nameCount)
            // Quotes protect commas; they do not say that a number is none.
            let grammar = isQuoted && field.isInScratch ? TextGrammar.quoted(numericStrings: true) : .bare
            let reason = assembly.takeText(
                column.role,
                name: name,
                text: field,
                grammar: grammar,
                payload: text,
                into: &collector
            )
            if let reason { return DecodeFailure(reason, at: start) }
        }
        guard index >= layout.requiredCount else { return DecodeFailure(.malformed, at: line.end) }
        return assembly.finish(payload: text, into: &collector).map { DecodeFailure($0, at: line.start) }
    }
}
