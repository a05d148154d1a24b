// Records of a topic as `tail` shows them.
import EventModel
import Foundation
import HTTPAPI

/// Prints one record after the other. `ndjson` passes the line through untouched.
struct RecordPrinter {
    private struct Record: Decodable {
        var topic: String
        var partition: Int
        var offset: Int64
        var timestamp: Int64
        var key: JSONDocument
        var headers: [String: JSONDocument]
        var value: JSONDocument
    }

    private let format: OutputFormat
    private let topic: String
    private var isFirst = true

    init(format: OutputFormat, topic: String) {
        self.format = format
        self.topic = topic
    }

    func begin() {
        switch format {
        case .json: Console.write(Data("[".utf8))
        case .csv: Console.line("topic,partition,offset,timestamp,time,device,metric,value,unit,quality")
        case .table, .ndjson: break
        }
    }

    func end() {
        if format == .json { Console.line(isFirst ? "]" : "\n]") }
    }

    mutating func print(_ line: Data) {
        defer { isFirst = false }
        switch format {
        case .ndjson:
            Console.write(line + [0x0A])
        case .json:
            Console.write(Data((isFirst ? "\n" : ",\n").utf8) + line)
        case .table, .csv:
            guard let record = try? JSONDecoder().decode(Record.self, from: line) else {
                Console.line(Table.printable(String(decoding: line, as: UTF8.self)))
                return
            }
            let rows = format == .csv ? csv(record) : text(record, line)
            for row in rows { Console.line(row) }
        }
    }

    // MARK: Rows

    /// One row per reading and state of an event; one row for any other record.
    private func csv(_ record: Record) -> [String] {
        let place = [record.topic, "\(record.partition)", "\(record.offset)", "\(record.timestamp)"]
        func row(_ cells: [String]) -> String { (place + cells).map(CSV.field).joined(separator: ",") }
        let values = measured(record)
        guard !values.isEmpty else {
            return [row(["", record.key.plainText, "", record.value.plainText, "", ""])]
        }
        return values.map { value in
            row([
                record.value["time"]?.text ?? "", record.value["device"]?.text ?? "", value.metric, value.text,
                value.unit,
                record.value["quality"]?.text ?? "",
            ])
        }
    }

    /// What came from outside is made printable piece by piece, before our own colours are put around it.
    private func text(_ record: Record, _ line: Data) -> [String] {
        let offset = Console.dim("\(record.offset)")
        switch record.topic {
        case "readings":
            let values = measured(record).map { value in
                let unit = value.unit.isEmpty ? "" : " \(Table.printable(value.unit))"
                return "\(Table.printable(value.metric)) \(Console.bold(Table.printable(value.text)))\(unit)"
            }
            let device = Table.printable(record.value["device"]?.text ?? "")
            let time = Table.printable(record.value["received"]?.text ?? "")
            return ["\(offset) \(time)  \(device)  \(values.joined(separator: "  "))"]
        case "rejected":
            let payload = RejectText.payload(record.value, in: line)
            return RejectText(headers: record.headers, payload: payload, offset: record.offset).lines
        default:
            return [
                "\(offset) \(Table.printable(record.key.plainText))  \(Table.printable(record.value.plainText))"
            ]
        }
    }

    private func measured(_ record: Record) -> [(metric: String, text: String, unit: String)] {
        ["readings", "states"].flatMap { section -> [(metric: String, text: String, unit: String)] in
            guard case .object(let members)? = record.value[section] else { return [] }
            return members.sorted { $0.key < $1.key }.map { metric, value in
                (metric, value.plainText, record.value["units"]?[metric]?.text ?? "")
            }
        }
    }
}

/// A reject for people: the reason, the payload with a caret under the first bad byte, and its bytes in hex.
struct RejectText {
    private let headers: [String: JSONDocument]
    private let payload: [UInt8]
    private let offset: Int64
    private static let window = 72

    init(headers: [String: JSONDocument], payload: [UInt8], offset: Int64) {
        self.headers = headers
        self.payload = payload
        self.offset = offset
    }

    var lines: [String] {
        let position = headers["position"]?.text.flatMap(Int.init) ?? 0
        let start = max(0, min(position, payload.count) - RejectText.window / 2)
        let shown = payload[start..<min(payload.count, start + RejectText.window)]
        let line = String(decoding: shown.map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
        let hex = shown.prefix(24).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined(
            separator: " "
        )
        return [
            Console.dim("\(offset)") + " \(text("received"))  \(text("input")) from \(text("from")): "
                + Console.red(text("reason")) + " at \(position) (\(text("format")))",
            "  " + line,
            "  " + String(repeating: " ", count: max(0, min(position, payload.count) - start)) + "^",
            "  " + hex,
        ]
    }

    private func text(_ header: String) -> String { Table.printable(headers[header]?.text ?? "") }

    /// The payload's bytes: a JSON payload lies in the line as it came, and positions count its bytes.
    static func payload(_ value: JSONDocument, in line: Data) -> [UInt8] {
        if let text = value.text { return Array(text.utf8) }
        if let base64 = value["base64"]?.text, let bytes = Data(base64Encoded: base64) { return Array(bytes) }
        return rawValue(in: Array(line))
    }

    /// The bytes behind the key `value`, which is the last one of a record's line.
    private static func rawValue(in line: [UInt8]) -> [UInt8] {
        let bytes = line.span.bytes
        var scanner = JSONScanner(position: 1)
        while let key = scanner.string(bytes), scanner.consume(UInt8(ascii: ":"), bytes) {
            if line[key.start..<key.start + key.count].elementsEqual("value".utf8) {
                return Array(line[scanner.position..<line.count - 1])
            }
            guard scanner.skipValue(bytes), scanner.consume(UInt8(ascii: ","), bytes) else { break }
        }
        return line
    }
}
