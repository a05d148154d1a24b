// The files of this repository, as the tidy tests read them.
import Foundation
import Testing

/// A text file with its path from the repository's root.
struct SourceFile {
    var path: String
    var text: String
    /// The same text, Swift's comments and string contents blanked out; as many lines, as many columns.
    var code: String

    init(path: String, text: String) {
        self.path = path
        self.text = text
        code = path.hasSuffix(".swift") ? SwiftText.blanked(text) : text
    }

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    var codeLines: [Substring] { code.split(separator: "\n", omittingEmptySubsequences: false) }
}

/// Something that the house rules do not allow.
struct Finding: Equatable, CustomStringConvertible {
    var path: String
    /// From 1.
    var line: Int
    var message: String

    var description: String { "\(path):\(line): \(message)" }
}

enum Repository {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// The files below `folders` whose names end in one of `suffixes`, by path.
    static func files(below folders: [String], suffixes: [String]) throws -> [SourceFile] {
        var files: [SourceFile] = []
        for folder in folders {
            let names = try #require(FileManager.default.enumerator(atPath: root + "/" + folder))
            for case let name as String in names where suffixes.contains(where: { name.hasSuffix($0) }) {
                let path = folder + "/" + name
                let text = try String(contentsOfFile: root + "/" + path, encoding: .utf8)
                files.append(SourceFile(path: path, text: text))
            }
        }
        return files.sorted { $0.path < $1.path }
    }

    /// The Swift files that ship.
    static func sources() throws -> [SourceFile] {
        try files(below: ["Sources", "simulators"], suffixes: [".swift"])
    }
}
