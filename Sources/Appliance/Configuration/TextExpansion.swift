// `${VAR}` and `${file:PATH}` inside of values; `$${` stands for a plain `${`.
internal import Foundation

/// What a text needs from outside of the configuration.
struct TextExpansion {
    /// Longest file that `${file:PATH}` takes in: a token, a password, a certificate chain.
    private static let fileBytesMax = 64 << 10

    /// Why a text could not be expanded. Never carries what a variable or file holds.
    struct Failure: Error {
        var message: String
    }

    private let environment: [String: String]

    init(environment: [String: String]) {
        self.environment = environment
    }

    /// `text` with every reference replaced. A relative PATH starts at `directory`; line ends that close a file are not
    /// part of its value. What was put in is not looked at again.
    func expand(_ text: String, directory: String) throws(Failure) -> String {
        guard text.contains("${") else { return text }
        var result = ""
        var rest = Substring(text)
        while let start = rest.range(of: "${") {
            if rest[..<start.lowerBound].hasSuffix("$") {
                result += rest[..<start.lowerBound].dropLast() + "${"
                rest = rest[start.upperBound...]
                continue
            }
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
                throw Failure(message: "`${` without its `}`; write `$${` for a plain `${`")
            }
            result += rest[..<start.lowerBound]
            result += try value(of: String(rest[start.upperBound..<end]), directory: directory)
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private func value(of reference: String, directory: String) throws(Failure) -> String {
        if reference.hasPrefix("file:") {
            let path = TextExpansion.absolute(String(reference.dropFirst(5)), directory: directory)
            return try TextExpansion.contents(of: path)
        }
        let isName = !reference.isEmpty && reference.utf8.allSatisfy(ConfigurationText.isWordByte)
        guard isName else {
            throw Failure(message: "`${\(reference)}` is neither `${VAR}` nor `${file:PATH}`")
        }
        guard let value = environment[reference] else {
            let hint = NearestName.to(reference, among: environment.keys.sorted())
            throw Failure(
                message: "the environment variable `\(reference)` is not set"
                    + (hint.map { "; did you mean `\($0)`?" } ?? "")
            )
        }
        return value
    }

    /// The text of a small file without the line ends that close it.
    static func contents(of path: String) throws(Failure) -> String {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw Failure(message: "cannot read the file `\(path)`: \(String(cString: strerror(errno)))")
        }
        defer { try? file.close() }
        guard let bytes = try? file.read(upToCount: TextExpansion.fileBytesMax + 1) ?? Data() else {
            throw Failure(message: "cannot read the file `\(path)`")
        }
        guard bytes.count <= TextExpansion.fileBytesMax else {
            throw Failure(message: "the file `\(path)` is longer than \(TextExpansion.fileBytesMax >> 10) KiB")
        }
        guard var text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(message: "the file `\(path)` is not UTF-8")
        }
        while let last = text.unicodeScalars.last, last == "\n" || last == "\r" { text.unicodeScalars.removeLast() }
        return text
    }

    /// `path`, where it is relative behind `directory`.
    static func absolute(_ path: String, directory: String) -> String {
        if path.hasPrefix("/") { return path }
        let base = directory.hasPrefix("/") ? directory : FileManager.default.currentDirectoryPath + "/" + directory
        return URL(fileURLWithPath: path, relativeTo: URL(fileURLWithPath: base, isDirectory: true))
            .standardizedFileURL.path
    }
}
