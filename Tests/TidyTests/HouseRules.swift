// What the formatter cannot see: headers, lengths, banned calls, stray markers, documentation, the list of public files.

import Foundation

enum HouseRules {
    static let fileLinesMax = 600
    static let functionLinesMax = 70

    // MARK: Header

    /// Each Swift file begins with one `//` sentence that says what it is for.
    static func checkHeader(_ file: SourceFile) -> [Finding] {
        var comment: [Substring] = []
        for line in file.lines.drop(while: { $0.hasPrefix("// swift-tools-version") }) {
            guard line.hasPrefix("// "), !line.hasPrefix("// |") else { break }
            comment.append(line.dropFirst(2))
        }
        let text = comment.joined(separator: " ").split(separator: " ").joined(separator: " ")
        guard !text.isEmpty else {
            return [
                Finding(path: file.path, line: 1, message: "must begin with a `//` sentence that says what it is for")
            ]
        }
        let isSentence = (text.first?.isUppercase ?? false || text.first == "`") && [".", ":", "?"].contains(text.last)
        return isSentence ? [] : [Finding(path: file.path, line: 1, message: "the header is not a sentence: \(text)")]
    }

    // MARK: Lengths

    static func checkFileLength(_ file: SourceFile) -> [Finding] {
        let count = file.lines.count - 1
        guard count > fileLinesMax else { return [] }
        return [
            Finding(
                path: file.path,
                line: fileLinesMax,
                message: "\(count) lines; \(fileLinesMax) are enough: split it"
            )
        ]
    }

    /// Bodies of functions, initialisers and the like, from the line of their `func` to their closing brace.
    static func checkFunctionLengths(_ file: SourceFile) -> [Finding] {
        let lines = file.codeLines
        var findings: [Finding] = []
        for (index, line) in lines.enumerated() where declaresFunction(line) {
            guard let last = endOfBody(lines, from: index) else { continue }
            let count = last - index + 1
            if count > functionLinesMax {
                let message = "a function of \(count) lines; \(functionLinesMax) are enough: split it"
                findings.append(Finding(path: file.path, line: index + 1, message: message))
            }
        }
        return findings
    }

    private static func declaresFunction(_ line: Substring) -> Bool {
        let words = line.split(separator: " ")
        guard
            let index = words.firstIndex(where: { word in
                word == "func"
                    || ["init", "subscript"].contains {
                        word == $0 || word.hasPrefix("\($0)(") || word.hasPrefix("\($0)<")
                    }
                    || word.hasPrefix("init?(") || word == "deinit"
            })
        else { return false }
        // Only modifiers and attributes stand before a declaration; a call such as `self.init(` has others.
        return words[..<index].allSatisfy { $0.hasPrefix("@") || modifiers.contains(String($0)) }
    }

    private static let modifiers: Set = [
        "public", "package", "internal", "fileprivate", "private", "static", "class", "final", "override", "mutating",
        "nonmutating", "consuming", "borrowing", "convenience", "required", "nonisolated", "prefix", "postfix", "infix",
        "isolated", "unsafe",
    ]

    /// The line of the brace that closes the body of the declaration in line `start`; nil where it has no body.
    private static func endOfBody(_ lines: [Substring], from start: Int) -> Int? {
        var parentheses = 0
        var braces = 0
        for index in start..<lines.count {
            let line = lines[index]
            if index > start, braces == 0, parentheses == 0, !continues(line) { return nil }
            for character in line {
                switch character {
                case "(", "[": parentheses += 1
                case ")", "]": parentheses -= 1
                case "{" where parentheses == 0 || braces > 0: braces += 1
                case "}" where braces > 0:
                    braces -= 1
                    if braces == 0 { return index }
                default: break
                }
            }
        }
        return nil
    }

    /// Whether a line can belong to a signature that ended before it.
    private static func continues(_ line: Substring) -> Bool {
        let text = line.drop { $0 == " " }
        return text.isEmpty || ["{", "->", "where ", "throws", "async", ")"].contains { text.hasPrefix($0) }
    }

    // MARK: Banned calls

    private struct Ban {
        var text: String
        var reason: String
        /// Path prefixes where it is allowed all the same.
        var exempt: [String]
    }

    private static let bans = [
        Ban(text: "try!", reason: "handle the error", exempt: []),
        Ban(text: "fatalError(", reason: "use `precondition` with a sentence", exempt: []),
        Ban(text: "Date()", reason: "time is a parameter: `Clock`", exempt: ["Sources/Platform/", "simulators/"]),
        Ban(
            text: "ContinuousClock()",
            reason: "time is a parameter: `Clock`",
            exempt: ["Sources/Platform/", "simulators/"]
        ),
        Ban(
            text: "ContinuousClock.now",
            reason: "time is a parameter: `Clock`",
            exempt: ["Sources/Platform/", "simulators/"]
        ),
        Ban(
            text: "SuspendingClock()",
            reason: "time is a parameter: `Clock`",
            exempt: ["Sources/Platform/", "simulators/"]
        ),
        Ban(text: "SystemRandomNumberGenerator", reason: "randomness is a parameter", exempt: ["Sources/Platform/"]),
        Ban(text: ".random(in:", reason: "randomness is a parameter", exempt: ["Sources/Platform/"]),
        Ban(text: ".randomElement()", reason: "randomness is a parameter", exempt: ["Sources/Platform/"]),
        Ban(text: ".shuffled()", reason: "randomness is a parameter", exempt: ["Sources/Platform/"]),
        Ban(text: "print(", reason: "only the command line prints", exempt: ["Sources/forebay/", "simulators/"]),
    ]

    static func checkBannedCalls(_ file: SourceFile) -> [Finding] {
        var findings: [Finding] = []
        for (index, line) in file.codeLines.enumerated() {
            for ban in bans where !ban.exempt.contains(where: { file.path.hasPrefix($0) }) {
                guard let range = line.range(of: ban.text), !line.contains("using:") else { continue }
                let before = line[..<range.lowerBound].last
                let isWordBefore = before.map { $0.isLetter || $0.isNumber || $0 == "_" } ?? false
                let isPartOfName = isWordBefore && ban.text.first != "."
                if isPartOfName || (ban.text == "print(" && before == ".") { continue }
                findings.append(Finding(path: file.path, line: index + 1, message: "`\(ban.text)`: \(ban.reason)"))
            }
        }
        return findings
    }

    // MARK: Markers

    /// Put together here, so that this file does not find itself.
    private static let markers = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK:"]

    static func checkMarkers(_ file: SourceFile) -> [Finding] {
        var findings: [Finding] = []
        for (index, line) in file.lines.enumerated() {
            for marker in markers where line.contains(marker) {
                findings.append(
                    Finding(path: file.path, line: index + 1, message: "`\(marker)`: finish it, or open an issue")
                )
            }
        }
        return findings
    }

    // MARK: Documentation

    /// Declarations that say everything with their name, or take their words from a protocol.
    private static let selfExplaining = [
        "init(", "init?(", "init<", "var description", "var debugDescription", "func <", "func ==", "func hash(",
        "func +",
        "func -",
    ]

    /// Types and functions that other targets see have a `///` comment. The header of the file speaks for its first type.
    static func checkPackageDocumentation(_ file: SourceFile) -> [Finding] {
        let lines = file.lines
        var findings: [Finding] = []
        for (index, line) in file.codeLines.enumerated() {
            let text = line.drop { $0 == " " }
            guard text.hasPrefix("package ") || text.hasPrefix("public "), !text.contains(" import ") else { continue }
            let isType = ["struct ", "class ", "enum ", "protocol ", "actor "].contains { text.contains($0) }
            let isFunction = text.contains(" func ") || text.contains("subscript")
            guard isType || isFunction, !selfExplaining.contains(where: { text.contains($0) }) else { continue }
            var before = index - 1
            while before >= 0, lines[before].drop(while: { $0 == " " }).hasPrefix("@") { before -= 1 }
            let isDocumented = before >= 0 && lines[before].drop { $0 == " " }.hasPrefix("///")
            let isFirst = isType && !lines[..<index].contains { $0.hasPrefix("}") || $0.hasPrefix("///") }
            if !isDocumented, !isFirst {
                findings.append(Finding(path: file.path, line: index + 1, message: "no `///` comment: \(text)"))
            }
        }
        return findings
    }

    // MARK: Public declarations

    /// Whether a file declares something `public`, which only what is called per reading or per record may be.
    static func declaresPublic(_ file: SourceFile) -> Bool {
        file.codeLines.contains { line in
            let words = line.split(separator: " ").drop { $0.hasPrefix("@") }
            guard let first = words.first, first == "public" || first == "open" else { return false }
            return words.dropFirst().first != "import"
        }
    }
}
