// Columns of text for a terminal, and the same rows as CSV.

/// Rows under headings. Cells are single lines.
struct Table {
    private let headings: [String]
    private var rows: [[String]] = []

    init(_ headings: [String]) {
        self.headings = headings
    }

    mutating func add(_ cells: [String]) {
        rows.append(cells.map(Table.printable))
    }

    /// Left-aligned columns, two spaces apart; nothing behind the last column.
    func text() -> String {
        var widths = headings.map(\.count)
        for row in rows {
            for (column, cell) in row.enumerated() where column < widths.count {
                widths[column] = max(widths[column], cell.count)
            }
        }
        return ([headings] + rows).map { line($0, widths) }.joined(separator: "\n")
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var text = ""
        for (column, cell) in cells.enumerated() {
            text += cell
            guard column < cells.count - 1 else { break }
            text += String(repeating: " ", count: max(0, widths[column] - cell.count) + 2)
        }
        return text
    }

    /// RFC 4180.
    func csv() -> String {
        ([headings] + rows).map { $0.map(CSV.field).joined(separator: ",") }.joined(separator: "\r\n")
    }

    /// Device names come from the network: nothing in them may move the cursor.
    static func printable(_ text: String) -> String {
        let isSafe = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
        guard !isSafe else { return text }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) ? $0 : "\u{FFFD}" }
            )
        )
    }
}

enum CSV {
    /// One field, quoted where it must be.
    static func field(_ text: String) -> String {
        guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
