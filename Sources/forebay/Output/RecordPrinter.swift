// Records of a topic as `tail` shows them.
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
                Console.line(String(decoding: line, as: UTF8.self))
                return
            }
            let rows = format == .csv ? csv(record) : text(record)
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
            return [row(["", RecordPrinter.text(record.key), "", RecordPrinter.text(record.value), "", ""])]
        }
        return values.map { value in
            row([
                record.value["time"]?.text ?? "", record.value["device"]?.text ?? "", value.metric, value.text,
                value.unit,
                record.value["quality"]?.text ?? "",
            ])
        }
    }

    private func text(_ record: Record) -> [String] {
        switch record.topic {
        case "readings":
            let values = measured(record).map { value in
                "\(value.metric) \(Console.bold(value.text))\(value.unit.isEmpty ? "" : " \(value.unit)")"
            }
            let device = record.value["device"]?.text ?? ""
            let time = record.value["received"]?.text ?? ""
            return [
                RecordPrinter.printable(
                    "\(Console.dim("\(record.offset)")) \(time)  \(device)  \(values.joined(separator: "  "))"
                )
            ]
        case "rejected":
            return RejectText(headers: record.headers, value: record.value, offset: record.offset).lines
        default:
            return [
                Console.dim("\(record.offset)") + " " + Table.printable(RecordPrinter.text(record.key)) + "  "
                    + Table.printable(RecordPrinter.text(record.value))
            ]
        }
    }

    private func measured(_ record: Record) -> [(metric: String, text: String, unit: String)] {
        ["readings", "states"].flatMap { section -> [(metric: String, text: String, unit: String)] in
            guard case .object(let members)? = record.value[section] else { return [] }
            return members.sorted { $0.key < $1.key }.map { metric, value in
                (metric, RecordPrinter.text(value), record.value["units"]?[metric]?.text ?? "")
            }
        }
    }

    private static func text(_ value: JSONDocument) -> String {
        switch value {
        case .null: ""
        case .string(let text): text
        case .integer(let integer): String(integer)
        case .number(let number): String(number)
        case .bool(let bool): String(bool)
        case .array, .object: (try? JSONText.compact(value)) ?? ""
        }
    }

    /// Keeps our own colours, and nothing else that moves a terminal.
    private static func printable(_ text: String) -> String {
        Console.usesColour ? text : Table.printable(text)
    }
}

/// A reject for people: the reason, the payload with a caret under the first bad byte, and its bytes in hex.
struct RejectText {
    private let headers: [String: JSONDocument]
    private let value: JSONDocument
    private let offset: Int64
    private static let window = 72

    init(headers: [String: JSONDocument], value: JSONDocument, offset: Int64) {
        self.headers = headers
        self.value = value
        self.offset = offset
    }

    var lines: [String] {
        let payload = bytes
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

    private var bytes: [UInt8] {
        if let text = value.text { return Array(text.utf8) }
        if let base64 = value["base64"]?.text { return Array(Data(base64Encoded: base64) ?? Data()) }
        return Array((try? JSONText.compact(value))?.utf8 ?? "".utf8)
    }
}
