// The kinds of single values that keys take: how each is read, bounded, and described when it is wrong.
internal import Foundation

/// A value that was understood as text and is not what its key needs.
struct WrongValue: Error {
    var message: String

    init(_ message: String) {
        self.message = message
    }
}

/// A single value as it reaches its type: references replaced.
struct ScalarValue {
    var text: String
    var isQuoted: Bool
    /// `${...}` was replaced in it: what came in may be of any type, quoted or not.
    var isExpanded = false
    /// For messages: as it stands in the file, so that nothing a reference brought in is shown.
    var shown: String
    /// Directory of the file it stands in; relative paths start here.
    var directory: String

    /// Quotes say that text is meant, and no number.
    var isText: Bool { isQuoted && !isExpanded }
}

/// One kind of value.
struct ScalarType<Value> {
    let read: (ScalarValue) throws(WrongValue) -> Value
}

/// Rules for text that are used in more than one place.
enum ConfigurationText {
    /// Words that YAML readers take for a Boolean; a person who writes one bare may mean either.
    static let booleanWords: Set<String> = ["yes", "no", "true", "false", "on", "off"]

    static func isWordByte(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    static func hasControlCharacters(_ text: String) -> Bool {
        text.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
    }
}

extension ScalarType where Value == String {
    /// Text of 1 to `bytesMax` bytes on one line.
    static func text(bytesMax: Int = 1024) -> ScalarType {
        paragraph(bytesMax: bytesMax).refined { text throws(WrongValue) in
            guard !ConfigurationText.hasControlCharacters(text) else {
                throw WrongValue("the text must not have control characters or line ends")
            }
            return text
        }
    }

    /// Text of 1 to `bytesMax` bytes; line ends and tabs are welcome.
    static func paragraph(bytesMax: Int) -> ScalarType {
        ScalarType { value throws(WrongValue) in
            if !value.isQuoted, !value.isExpanded, ConfigurationText.booleanWords.contains(value.text.lowercased()) {
                throw WrongValue("expected text, and `\(value.shown)` reads as a Boolean: put it in quotes")
            }
            guard !value.text.isEmpty else { throw WrongValue("the text must not be empty") }
            guard value.text.utf8.count <= bytesMax else {
                throw WrongValue("the text is longer than \(bytesMax) bytes")
            }
            let isClean = value.text.unicodeScalars.allSatisfy {
                $0.value >= 0x20 && $0.value != 0x7F || "\n\t".unicodeScalars.contains($0)
            }
            guard isClean else { throw WrongValue("the text must not have control characters") }
            return value.text
        }
    }

    /// A name that becomes a label, a file name and part of identifiers.
    static var name: ScalarType {
        ScalarType { value throws(WrongValue) in
            let name = value.text
            guard !ConfigurationText.booleanWords.contains(name.lowercased()) else {
                throw WrongValue("YAML reads it as a Boolean")
            }
            guard name.utf8.count <= 64 else { throw WrongValue("a name has at most 64 bytes") }
            let isSafe = name.utf8.allSatisfy { ConfigurationText.isWordByte($0) || $0 == UInt8(ascii: "-") }
            guard isSafe, name.utf8.first.map({ $0 != UInt8(ascii: "-") }) ?? false else {
                throw WrongValue("a name has letters, digits, `_` and `-`, and does not begin with `-`")
            }
            return name
        }
    }

    /// One of a few words.
    static func word(_ what: String, of words: [String]) -> ScalarType {
        ScalarType { value throws(WrongValue) in
            if words.contains(value.text) { return value.text }
            throw WrongValue("unknown \(what) `\(value.shown)`\(NearestName.hint(for: value.shown, among: words))")
        }
    }

    /// A path, absolute or from the directory of the file it stands in.
    static var path: ScalarType {
        ScalarType { value throws(WrongValue) in
            let path = try text(bytesMax: 4000).read(value)
            return TextExpansion.absolute(path, directory: value.directory)
        }
    }

    /// An identifier of the time zone database.
    static var timeZone: ScalarType {
        ScalarType { value throws(WrongValue) in
            let known = TimeZone.knownTimeZoneIdentifiers + ["UTC"]
            if known.contains(value.text) { return value.text }
            let nearest = NearestName.to(value.shown, among: known).map { "; did you mean `\($0)`?" }
            let hint = nearest ?? ": expected a name such as `Europe/Berlin` or `UTC`"
            throw WrongValue("unknown time zone `\(value.shown)`\(hint)")
        }
    }

    /// An `http` or `https` URL with a host.
    static func webURL(mayHavePath: Bool) -> ScalarType {
        ScalarType { value throws(WrongValue) in
            let text = try text(bytesMax: 2048).read(value)
            guard let parts = URLComponents(string: text), let scheme = parts.scheme, !(parts.host ?? "").isEmpty,
                scheme == "http" || scheme == "https", (1...65_535).contains(parts.port ?? 80)
            else { throw WrongValue("expected a URL such as `http://127.0.0.1:9000/alert`") }
            guard mayHavePath || (parts.query == nil && parts.user == nil && parts.fragment == nil) else {
                throw WrongValue("expected a plain URL such as `http://edge-01:8470`")
            }
            return text
        }
    }
}

extension ScalarType {
    /// The same type with a further condition or conversion.
    func refined<Refined>(_ refine: @escaping (Value) throws(WrongValue) -> Refined) -> ScalarType<Refined> {
        ScalarType<Refined> { value throws(WrongValue) in try refine(read(value)) }
    }
}

extension ScalarType where Value == Bool {
    static var boolean: ScalarType {
        ScalarType { value throws(WrongValue) in
            switch value.text {
            case "true" where !value.isText: return true
            case "false" where !value.isText: return false
            default: throw WrongValue("expected `true` or `false`, not `\(value.shown)`")
            }
        }
    }
}

extension ScalarType {
    /// One of a few words, each with its value.
    static func choice(_ what: String, of words: KeyValuePairs<String, Value>) -> ScalarType {
        ScalarType { value throws(WrongValue) in
            if let pair = words.first(where: { $0.key == value.text }) { return pair.value }
            let hint = NearestName.hint(for: value.shown, among: words.map(\.key))
            throw WrongValue("unknown \(what) `\(value.shown)`\(hint)")
        }
    }
}

extension ScalarType where Value: RawRepresentable<String> & CaseIterable {
    /// One of an enumeration's raw values.
    static func choice(_ what: String) -> ScalarType {
        ScalarType { value throws(WrongValue) in
            if let value = Value(rawValue: value.text) { return value }
            let hint = NearestName.hint(for: value.shown, among: Value.allCases.map(\.rawValue))
            throw WrongValue("unknown \(what) `\(value.shown)`\(hint)")
        }
    }
}

extension ScalarType where Value == Int {
    static func integer(_ range: ClosedRange<Int>) -> ScalarType {
        ScalarType { value throws(WrongValue) in
            guard !value.isText, let number = Int(value.text) else {
                throw WrongValue("expected a whole number, not `\(value.shown)`\(value.isText ? " in quotes" : "")")
            }
            guard range.contains(number) else {
                throw WrongValue("`\(value.shown)` is out of range: \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
    }

    /// `10%`, in hundredths.
    static func percent(_ range: ClosedRange<Int>) -> ScalarType {
        ScalarType { value throws(WrongValue) in
            guard value.text.hasSuffix("%"), let number = Int(value.text.dropLast()) else {
                throw WrongValue("expected a share such as `10%`, not `\(value.shown)`")
            }
            guard range.contains(number) else {
                throw WrongValue("`\(value.shown)` is out of range: \(range.lowerBound)% to \(range.upperBound)%")
            }
            return number
        }
    }
}

extension ScalarType where Value == Double {
    /// A finite number.
    static var number: ScalarType {
        ScalarType { value throws(WrongValue) in
            let isNumeral = value.text.utf8.allSatisfy { ConfigurationText.isDigit($0) || "+-.eE".utf8.contains($0) }
            if !value.isText, isNumeral, let number = Double(value.text), number.isFinite { return number }
            throw WrongValue("expected a number, not `\(value.shown)`\(value.isText ? " in quotes" : "")")
        }
    }
}

extension ScalarType where Value == Duration {
    private static var units: [(name: String, milliseconds: Int64)] {
        [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
    }

    /// `10ms 30s 10m 2h 30d`.
    static func duration(_ range: ClosedRange<Duration>) -> ScalarType {
        ScalarType { value throws(WrongValue) in
            let digits = value.text.prefix { $0.isASCII && $0.isNumber }
            let unit = value.text.dropFirst(digits.count)
            guard let count = Int64(digits), let factor = units.first(where: { $0.name == unit })?.milliseconds else {
                let bare = !digits.isEmpty && unit.isEmpty ? " (its unit is missing)" : ""
                throw WrongValue(
                    "expected a duration such as `10ms`, `30s`, `10m`, `2h`, `30d`, not `\(value.shown)`\(bare)"
                )
            }
            let (milliseconds, overflow) = count.multipliedReportingOverflow(by: factor)
            guard !overflow, range.contains(.milliseconds(milliseconds)) else {
                throw WrongValue(
                    "`\(value.shown)` is out of range: \(render(range.lowerBound)) to \(render(range.upperBound))"
                )
            }
            return .milliseconds(milliseconds)
        }
    }

    /// The shortest text that `duration` reads as `value`.
    static func render(_ value: Duration) -> String {
        let milliseconds = value.components.seconds * 1000 + value.components.attoseconds / 1_000_000_000_000_000
        let unit = units.last { milliseconds % $0.milliseconds == 0 && milliseconds >= $0.milliseconds }
        guard let unit else { return "0s" }
        return "\(milliseconds / unit.milliseconds)\(unit.name)"
    }
}

extension ScalarType where Value == Int64 {
    private static var units: [(name: String, bytes: Int64)] {
        [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)]
    }

    /// `64KiB 8GiB`.
    static func byteCount(_ range: ClosedRange<Int64>) -> ScalarType {
        ScalarType { value throws(WrongValue) in
            let digits = value.text.prefix { $0.isASCII && $0.isNumber }
            let unit = value.text.dropFirst(digits.count)
            guard let count = Int64(digits), let factor = units.first(where: { $0.name == unit })?.bytes else {
                throw WrongValue("expected a size such as `64KiB`, `256MiB`, `8GiB`, not `\(value.shown)`")
            }
            let (bytes, overflow) = count.multipliedReportingOverflow(by: factor)
            guard !overflow, range.contains(bytes) else {
                throw WrongValue(
                    "`\(value.shown)` is out of range: \(render(range.lowerBound)) to \(render(range.upperBound))"
                )
            }
            return bytes
        }
    }

    /// The shortest text that `byteCount` reads as `value`.
    static func render(_ value: Int64) -> String {
        guard let unit = units.last(where: { value % $0.bytes == 0 && value >= $0.bytes }) else { return "0B" }
        return "\(value / unit.bytes)\(unit.name)"
    }
}

extension ScalarType where Value == HostPort {
    /// `HOST:PORT`; an IPv6 address in brackets.
    static var hostPort: ScalarType {
        ScalarType { value throws(WrongValue) in
            let text = try ScalarType<String>.text(bytesMax: 300).read(value)
            guard let address = HostPort(text, defaultPort: nil) else {
                throw WrongValue(
                    "expected an address such as `127.0.0.1:8094` or `[::1]:8094`, not `\(value.shown)`"
                        + (text.hasPrefix(":") ? "; for all addresses write `0.0.0.0` or `[::]` before the colon" : "")
                )
            }
            return address
        }
    }

    /// `ADDRESS:PORT` that a socket is bound to: a number, or `localhost`, which is read as 127.0.0.1.
    static var boundAddress: ScalarType {
        hostPort.refined { address throws(WrongValue) in
            if address.host == "localhost" { return HostPort(host: "127.0.0.1", port: address.port) }
            var ipv4 = in_addr()
            // What has colons stood in brackets and was found to be an IPv6 number.
            guard address.host.contains(":") || inet_pton(AF_INET, address.host, &ipv4) == 1 else {
                throw WrongValue(
                    "a datagram socket listens on a number such as `127.0.0.1` or `0.0.0.0`, or on `localhost`: the name"
                        + " `\(address.host)` is not looked up"
                )
            }
            return address
        }
    }
}

extension ScalarType where Value == MQTTBroker {
    /// `mqtt://HOST[:PORT]` or `mqtts://HOST[:PORT]`.
    static var broker: ScalarType {
        ScalarType { value throws(WrongValue) in
            let text = try ScalarType<String>.text(bytesMax: 300).read(value)
            let usesTLS = text.hasPrefix("mqtts://")
            guard usesTLS || text.hasPrefix("mqtt://") else {
                throw WrongValue("expected `mqtt://HOST[:PORT]` or `mqtts://HOST[:PORT]`, not `\(value.shown)`")
            }
            let authority = text.dropFirst(usesTLS ? 8 : 7)
            guard !authority.contains("@") else {
                throw WrongValue(
                    "a URL is shown to people: give `user` and `password_file` instead of writing them into it"
                )
            }
            let trimmed = authority.hasSuffix("/") ? authority.dropLast() : authority
            guard let address = HostPort(String(trimmed), defaultPort: usesTLS ? 8883 : 1883), address.port > 0 else {
                throw WrongValue("expected `mqtt://HOST[:PORT]` or `mqtts://HOST[:PORT]`, not `\(value.shown)`")
            }
            return MQTTBroker(host: address.host, port: address.port, usesTLS: usesTLS)
        }
    }
}

extension HostPort {
    /// Reads `HOST:PORT` or `[IPv6]:PORT`; nil where it is neither. Without a port only where there is a default.
    init?(_ text: String, defaultPort: UInt16?) {
        let host: Substring
        var rest: Substring
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
            var address = in6_addr()
            guard inet_pton(AF_INET6, String(host), &address) == 1 else { return nil }
        } else {
            let colon = text.firstIndex(of: ":") ?? text.endIndex
            host = text[..<colon]
            rest = text[colon...]
            let isHost = host.utf8.allSatisfy {
                ConfigurationText.isWordByte($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            }
            guard !host.isEmpty, host.utf8.count <= 253, isHost else { return nil }
        }
        if rest.isEmpty, let defaultPort {
            self.init(host: String(host), port: defaultPort)
            return
        }
        guard rest.first == ":" else { return nil }
        rest = rest.dropFirst()
        guard !rest.isEmpty, rest.utf8.allSatisfy(ConfigurationText.isDigit), let port = UInt16(rest) else {
            return nil
        }
        self.init(host: String(host), port: port)
    }
}
