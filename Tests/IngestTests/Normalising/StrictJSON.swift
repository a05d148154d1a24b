// JSON as the tests read it: a parser of its own that forgives nothing, so that the product's is not its own judge.

/// A JSON value. Objects are equal whatever the order of their members.
enum JSONValue: Equatable, CustomStringConvertible {
    case object([String: JSONValue])
    case array([JSONValue])
    case string(String)
    case number(Double)
    case boolean(Bool)
    case null

    init(parsing bytes: [UInt8]) throws {
        var parser = StrictJSONParser(bytes)
        self = try parser.document()
    }

    /// A member of an object; nil where there is none.
    subscript(name: String) -> JSONValue? { members[name] }

    /// The members of an object; nothing for any other value.
    var members: [String: JSONValue] {
        guard case .object(let members) = self else { return [:] }
        return members
    }

    /// The names of an object's members.
    var names: Set<String> { Set(members.keys) }

    /// The member of that name where it is a string.
    func text(_ name: String) -> String? {
        guard case .string(let text)? = members[name] else { return nil }
        return text
    }

    /// The member of that name where it is a number.
    func number(_ name: String) -> Double? {
        guard case .number(let number)? = members[name] else { return nil }
        return number
    }

    /// The member of that name where it is a Boolean.
    func flag(_ name: String) -> Bool? {
        guard case .boolean(let flag)? = members[name] else { return nil }
        return flag
    }

    var description: String {
        switch self {
        case .object(let members):
            let parts = members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }
            return "{\(parts.joined(separator: ","))}"
        case .array(let elements): return "[\(elements.map { "\($0)" }.joined(separator: ","))]"
        case .string(let text): return "\"\(text)\""
        case .number(let number): return "\(number)"
        case .boolean(let flag): return "\(flag)"
        case .null: return "null"
        }
    }
}

/// What a test expects, written as JSON.
func json(_ text: String) throws -> JSONValue {
    try JSONValue(parsing: Array(text.utf8))
}

/// RFC 8259 to the letter; besides that it refuses a name that stands twice in one object, and half surrogate pairs.
private struct StrictJSONParser {
    private let bytes: [UInt8]
    private var at = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws -> JSONValue {
        let found = try value(depth: 0)
        skipSpace()
        guard at == bytes.count else { throw failure("something stands behind the value") }
        return found
    }

    private var byte: UInt8? { at < bytes.count ? bytes[at] : nil }

    private func failure(_ what: String) -> TestFailure {
        TestFailure("no JSON: \(what) before byte \(at) of \(String(decoding: bytes, as: UTF8.self))")
    }

    private mutating func skipSpace() {
        while let next = byte, next == 0x20 || next == 0x09 || next == 0x0A || next == 0x0D { at += 1 }
    }

    private mutating func consume(_ wanted: UInt8) -> Bool {
        guard byte == wanted else { return false }
        at += 1
        return true
    }

    private mutating func value(depth: Int) throws -> JSONValue {
        guard depth < 16 else { throw failure("it is nested too deep") }
        skipSpace()
        guard let first = byte else { throw failure("a value is missing") }
        switch first {
        case 0x7B: return try object(depth: depth)
        case 0x5B: return try array(depth: depth)
        case 0x22: return .string(try string())
        case 0x74: return try literal("true", .boolean(true))
        case 0x66: return try literal("false", .boolean(false))
        case 0x6E: return try literal("null", .null)
        default: return .number(try number())
        }
    }

    private mutating func object(depth: Int) throws -> JSONValue {
        at += 1
        var members: [String: JSONValue] = [:]
        // By bytes: Swift takes two spellings of one Unicode text for the same.
        var names: Set<[UInt8]> = []
        skipSpace()
        if consume(0x7D) { return .object(members) }
        repeat {
            skipSpace()
            guard byte == 0x22 else { throw failure("a name is missing") }
            let name = try string()
            guard names.insert(Array(name.utf8)).inserted else { throw failure("\(name) stands there twice") }
            skipSpace()
            guard consume(0x3A) else { throw failure("a colon is missing") }
            members[name] = try value(depth: depth + 1)
            skipSpace()
        } while consume(0x2C)
        guard consume(0x7D) else { throw failure("an object does not end") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws -> JSONValue {
        at += 1
        var elements: [JSONValue] = []
        skipSpace()
        if consume(0x5D) { return .array(elements) }
        repeat {
            elements.append(try value(depth: depth + 1))
            skipSpace()
        } while consume(0x2C)
        guard consume(0x5D) else { throw failure("an array does not end") }
        return .array(elements)
    }

    private mutating func literal(_ word: String, _ value: JSONValue) throws -> JSONValue {
        for letter in word.utf8 {
            guard consume(letter) else { throw failure("\(word) is misspelt") }
        }
        return value
    }

    private mutating func number() throws -> Double {
        let start = at
        _ = consume(0x2D)
        let whole = digits()
        guard whole > 0, whole == 1 || bytes[at - whole] != 0x30 else { throw failure("this is no number") }
        if consume(0x2E) {
            guard digits() > 0 else { throw failure("a fraction has no digit") }
        }
        if consume(0x65) || consume(0x45) {
            if !consume(0x2B) { _ = consume(0x2D) }
            guard digits() > 0 else { throw failure("an exponent has no digit") }
        }
        guard let number = Double(String(decoding: bytes[start..<at], as: UTF8.self)), number.isFinite else {
            throw failure("this number is beyond a double")
        }
        return number
    }

    private mutating func digits() -> Int {
        let start = at
        while let next = byte, next >= 0x30, next <= 0x39 { at += 1 }
        return at - start
    }

    private mutating func string() throws -> String {
        at += 1
        var content: [UInt8] = []
        while let next = byte {
            at += 1
            switch next {
            case 0x22:
                guard let text = String(validating: content, as: UTF8.self) else { throw failure("this is no UTF-8") }
                return text
            case 0x5C:
                let resolved = try escape()
                content += resolved
            case 0..<0x20: throw failure("a control character stands there bare")
            default: content.append(next)
            }
        }
        throw failure("a string does not end")
    }

    private mutating func escape() throws -> [UInt8] {
        guard let kind = byte else { throw failure("an escape does not end") }
        at += 1
        switch kind {
        case 0x22, 0x5C, 0x2F: return [kind]
        case 0x62: return [0x08]
        case 0x66: return [0x0C]
        case 0x6E: return [0x0A]
        case 0x72: return [0x0D]
        case 0x74: return [0x09]
        case 0x75: return try unicodeEscape()
        default: throw failure("this is no escape")
        }
    }

    private mutating func unicodeEscape() throws -> [UInt8] {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let next = byte, let digit = Character(Unicode.Scalar(next)).hexDigitValue else {
                throw failure("a digit is missing")
            }
            code = code << 4 | UInt32(digit)
            at += 1
        }
        guard let scalar = Unicode.Scalar(code) else { throw failure("half a surrogate pair") }
        return Array(String(Character(scalar)).utf8)
    }
}
