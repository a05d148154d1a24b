// Every lock has a row in ARCHITECTURE.md, so that who adds one thinks of the others.
import Foundation

enum LockTable {
    /// The types that stand in backticks in the section on locks.
    static func listed(in architecture: String) -> Set<String> {
        let section = architecture.components(separatedBy: "\n## Locks\n").dropFirst().first ?? ""
        let rows = (section.components(separatedBy: "\n## ").first ?? "").split(separator: "\n")
            .filter { $0.hasPrefix("| `") }
        return Set(
            rows.flatMap { row in
                let cell = row.split(separator: "|").first ?? ""
                return cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
                    .filter { !$0.offset.isMultiple(of: 2) }.map { String($0.element) }
            }
        )
    }

    /// The locks of the file whose type is not in the table. The demo's are its own.
    static func check(_ file: SourceFile, listed: Set<String>) -> [Finding] {
        guard !file.path.contains("/Demo/"), !file.path.hasSuffix("/Condition.swift") else { return [] }
        var type = ""
        var findings: [Finding] = []
        for (index, line) in file.codeLines.enumerated() {
            let words = line.split(separator: " ")
            if !line.hasPrefix(" "),
                let kind = words.firstIndex(where: { ["class", "struct", "enum", "actor"].contains($0) }),
                kind + 1 < words.count
            {
                type = String(words[kind + 1].prefix { $0.isLetter || $0.isNumber })
            }
            let isLock = words.contains { word in
                ["Mutex", "Condition"].contains { word.hasPrefix("\($0)<") || word.hasPrefix("\($0)(") }
            }
            if isLock, !listed.contains(type) {
                let message = "a lock of \(type), which ARCHITECTURE.md does not list"
                findings.append(Finding(path: file.path, line: index + 1, message: message))
            }
        }
        return findings
    }
}
