// The house rules over the whole repository; each checker has a twin that shows it can find something.
import Foundation
import Testing

@Suite("Tidy")
struct TidyTests {
    @Test("imports stay inside the fences")
    func imports() throws {
        try expectNothing(Repository.sources().flatMap(ImportFences.check))
    }

    @Test("every target has its fence")
    func targets() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Repository.root + "/Sources")
        let swift = folders.filter { !$0.hasPrefix("C") || $0 == "CommitLog" }
        #expect(Set(swift).union(["simulators"]) == Set(ImportFences.allowed.keys))
    }

    @Test("every Swift file says first what it is for")
    func headers() throws {
        let files = try Repository.files(below: ["Sources", "simulators", "Tests"], suffixes: [".swift"])
        expectNothing(files.flatMap(HouseRules.checkHeader))
    }

    @Test("files and functions fit a reader")
    func lengths() throws {
        let sources = try Repository.sources()
        expectNothing(sources.flatMap(HouseRules.checkFileLength))
        expectNothing(sources.flatMap(HouseRules.checkFunctionLengths))
    }

    @Test("nobody calls what is banned")
    func bans() throws {
        try expectNothing(Repository.sources().flatMap(HouseRules.checkBannedCalls))
    }

    @Test("no stray markers")
    func markers() throws {
        let files = try Repository.files(
            below: ["Sources", "simulators", "Tests", "docs", "config", "systemd"],
            suffixes: [".swift", ".c", ".h", ".md", ".yaml", ".conf", ".service"]
        )
        expectNothing(files.flatMap(HouseRules.checkMarkers))
    }

    @Test("what other targets see of the log is documented")
    func documentation() throws {
        let files = try Repository.files(below: ["Sources/CommitLog"], suffixes: [".swift"])
        expectNothing(files.flatMap(HouseRules.checkPackageDocumentation))
    }

    @Test("every lock has a row in ARCHITECTURE.md")
    func locks() throws {
        let architecture = try String(contentsOfFile: Repository.root + "/ARCHITECTURE.md", encoding: .utf8)
        let listed = LockTable.listed(in: architecture)
        try expectNothing(Repository.sources().flatMap { LockTable.check($0, listed: listed) })
    }

    @Test("a lock without a row is found")
    func unlistedLock() {
        let listed = LockTable.listed(in: "# A\n\n## Locks\n\n| Lock | Guards |\n|---|---|\n| `A`, `B` | c |\n\n## D\n")
        #expect(listed == ["A", "B"])
        let text =
            "// A.\nfinal class B {\n    let a = Mutex(0)\n}\nenum E {\n    static let b = Condition<Int>(0)\n}\n"
        #expect(LockTable.check(SourceFile(path: "Sources/A.swift", text: text), listed: listed).map(\.line) == [6])
    }

    @Test("only what is called per reading or record is public")
    func publicFiles() throws {
        let files = try Repository.sources().filter(HouseRules.declaresPublic).map(\.path)
        let unlisted = Set(files).subtracting(PublicFiles.listed)
        let stale = PublicFiles.listed.subtracting(files)
        #expect(unlisted.isEmpty, "public, and not in PublicFiles.swift: \(unlisted.sorted())")
        #expect(stale.isEmpty, "in PublicFiles.swift, and not public: \(stale.sorted())")
    }

    private func expectNothing(_ findings: [Finding]) {
        let text = findings.map(\.description).joined(separator: "\n")
        #expect(findings.isEmpty, "\(text)")
    }
}

@Suite("Tidy checkers")
struct TidyCheckerTests {
    @Test(
        "an import over a fence is found",
        arguments: [
            ("Sources/EventModel/A.swift", "// A.\nimport Foundation\n"),
            ("Sources/Ingest/A.swift", "// A.\npackage import NIOCore\n"),
            ("Sources/CommitLog/A.swift", "// A.\n@preconcurrency internal import struct EventModel.Glob\n"),
            ("Sources/Rules/A.swift", "// A.\nlet clock: any Clock\n"),
            ("Sources/New/A.swift", "// A.\nimport Glibc\n"),
            ("simulators/A.swift", "// A.\nimport Ingest\n"),
        ]
    )
    func imports(path: String, text: String) {
        #expect(ImportFences.check(SourceFile(path: path, text: text)).map(\.line) == [2])
    }

    @Test("a commented-out import is none")
    func commentedImport() {
        let text = "// A.\n// import Foundation\n/* import Foundation\n*/\nlet a = \"\"\"\n    import NIO\n    \"\"\"\n"
        #expect(ImportFences.check(SourceFile(path: "Sources/Rules/A.swift", text: text)).isEmpty)
    }

    @Test(
        "a missing header is found",
        arguments: ["import Foundation\n", "/// Doc.\nstruct A {}\n", "// no sentence\n", "\n// Late.\n"]
    )
    func headers(text: String) {
        #expect(HouseRules.checkHeader(SourceFile(path: "A.swift", text: text)).count == 1)
        #expect(HouseRules.checkHeader(SourceFile(path: "A.swift", text: "// What it is for,\n// and more.\n")).isEmpty)
    }

    @Test("a file one line too long is found")
    func fileLength() {
        let full = String(repeating: "\n", count: HouseRules.fileLinesMax)
        #expect(HouseRules.checkFileLength(SourceFile(path: "A.swift", text: full)).isEmpty)
        #expect(HouseRules.checkFileLength(SourceFile(path: "A.swift", text: full + "\n")).count == 1)
    }

    @Test(
        "a function one line too long is found",
        arguments: [
            "func a() {", "    package static func a(\n        b: Int = { 1 }()\n    ) throws -> Int {",
            "    init?(b: Int)\n    where B: C {",
            "    @inlinable public mutating func a() {", "    deinit {", "    subscript(a: Int) -> Int {",
        ]
    )
    func functionLength(head: String) {
        let lines = head.split(separator: "\n").count
        let body = String(repeating: "    let a = \"}\" // }\n", count: HouseRules.functionLinesMax - lines - 1)
        let fitting = SourceFile(path: "A.swift", text: head + "\n" + body + "}\n")
        let long = SourceFile(path: "A.swift", text: head + "\n" + body + "\n}\n")
        #expect(HouseRules.checkFunctionLengths(fitting).isEmpty)
        #expect(HouseRules.checkFunctionLengths(long).map(\.line) == [1])
    }

    @Test("a requirement without a body is no function of its neighbour's length")
    func requirement() {
        let text =
            "protocol A {\n    func a()\n    func b() -> Int\n}\nenum B {\n"
            + String(repeating: "    case a\n", count: 90) + "}\n"
        #expect(HouseRules.checkFunctionLengths(SourceFile(path: "A.swift", text: text)).isEmpty)
    }

    @Test(
        "a banned call is found",
        arguments: [
            "let a = try! b()", "default: fatalError(\"no\")", "let now = Date()", "let clock = ContinuousClock()",
            "let a = Int.random(in: 0...1)", "print(a)", "Swift.debug(); print(a)", "list.shuffled()",
        ]
    )
    func bans(line: String) {
        let source = SourceFile(path: "Sources/Ingest/A.swift", text: "// A.\n\(line)\n")
        #expect(HouseRules.checkBannedCalls(source).map(\.line) == [2])
    }

    @Test(
        "what only looks like a banned call is left alone",
        arguments: [
            "// fatalError(", "let a = \"print(\"", "let a = startDate()", "Int.random(in: 0...1, using: &generator)",
            "fingerprint(a)",
            "encoder.print(a)", "try? b()", "let a = \"\\(value(\"x\")) try!\"", "let a = #\"print(\"#",
        ]
    )
    func notBanned(line: String) {
        let source = SourceFile(path: "Sources/Ingest/A.swift", text: "// A.\n\(line)\n")
        #expect(HouseRules.checkBannedCalls(source).isEmpty)
    }

    @Test("stray markers are found")
    func markers() {
        let text = "// A.\n// TO" + "DO: later\n/* FIX" + "ME */\n"
        #expect(HouseRules.checkMarkers(SourceFile(path: "A.swift", text: text)).map(\.line) == [2, 3])
    }

    @Test("undocumented declarations are found")
    func documentation() {
        let text = """
            // A.
            package struct A {
                /// Documented.
                @inlinable
                package func a() {}
                package func b() {}
                package init() {}
                package var description: String { "" }
            }
            /// Documented.
            public enum B {}
            public enum C {}
            """
        let findings = HouseRules.checkPackageDocumentation(SourceFile(path: "A.swift", text: text))
        #expect(findings.map(\.line) == [6, 12])
    }

    @Test("public declarations are told from public imports")
    func publicDeclarations() {
        #expect(HouseRules.declaresPublic(SourceFile(path: "A.swift", text: "public struct A {}\n")))
        #expect(HouseRules.declaresPublic(SourceFile(path: "A.swift", text: "    @inlinable public func a() {}\n")))
        #expect(
            !HouseRules.declaresPublic(
                SourceFile(path: "A.swift", text: "public import B\n// public\npackage struct A {}\n")
            )
        )
    }

    @Test("strings and comments are blanked, and no column moves")
    func blanking() {
        let text =
            "let a = \"b\\(c(\"d\"))e\" + f // g\nlet h = \"\"\"\n  i \"j\" \"\"\"; k /* l /* m */ n */ o\n#\"p\\(q)\"# r\n"
        let lines = [
            "let a = " + String(repeating: " ", count: 13) + " + f     ",
            "let h =    ",
            String(repeating: " ", count: 11) + "; k " + String(repeating: " ", count: 17) + " o",
            String(repeating: " ", count: 9) + " r",
        ]
        let expected = lines.map { $0 + "\n" }.joined()
        #expect(SwiftText.blanked(text) == expected)
    }
}
