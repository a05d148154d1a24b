// Reads what a request says: path parts, query parameters, a JSON body. Everything is bounded and nothing is ignored.
internal import FoundationEssentials
internal import Hummingbird
internal import NIOCore

/// The query of one request.
struct QueryReader {
    private let parameters: [String: String]

    /// - Throws: `badRequest` for a name that is not in `known`, a name that comes twice, or a value that is too long.
    init(_ request: Request, known: [String]) throws(APIFailure) {
        var parameters: [String: String] = [:]
        for (name, value) in request.uri.queryParameters {
            let name = String(name)
            guard known.contains(name) else {
                let names = known.sorted().joined(separator: ", ")
                throw APIFailure(.badRequest, "there is no parameter `\(name)`", hint: "there are \(names)")
            }
            guard parameters[name] == nil else { throw APIFailure(.badRequest, "`\(name)` is there twice") }
            guard value.utf8.count <= APILimits.parameterBytesMax else {
                throw APIFailure(.badRequest, "`\(name)` is longer than \(APILimits.parameterBytesMax) bytes")
            }
            parameters[name] = String(value)
        }
        self.parameters = parameters
    }

    /// Nil where the parameter is not there; an error where it is empty.
    func text(_ name: String) throws(APIFailure) -> String? {
        guard let value = parameters[name] else { return nil }
        guard !value.isEmpty else { throw APIFailure(.badRequest, "`\(name)` is empty") }
        return value
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws(APIFailure) -> Int? {
        guard let text = try text(name) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw APIFailure(
                .badRequest,
                "`\(name)` is a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }

    /// False where the parameter is not there; true for `?name`, `?name=true` and `?name=1`.
    func flag(_ name: String) throws(APIFailure) -> Bool {
        switch parameters[name] {
        case nil, "false", "0": return false
        case "", "true", "1": return true
        default: throw APIFailure(.badRequest, "`\(name)` is true or false")
        }
    }

    func position(_ name: String) throws(APIFailure) -> RecordPosition? {
        guard let text = try text(name) else { return nil }
        guard let position = RecordPosition(text) else {
            throw APIFailure(
                .badRequest,
                "`\(name)` is earliest, latest, an offset, or a time",
                hint: "a time looks like 2026-11-23T19:10:00Z"
            )
        }
        return position
    }
}

extension RequestContext {
    /// A part of the path, percent-decoded, so that an id may hold a slash.
    func pathPart(_ name: String) throws(APIFailure) -> String {
        guard let raw = parameters.get(name), let text = percentDecoded(raw), !text.isEmpty,
            text.utf8.count <= APILimits.parameterBytesMax
        else { throw APIFailure(.badRequest, "the \(name) in the path cannot be read") }
        return text
    }
}

extension Request {
    /// The body as a JSON document.
    ///
    /// - Throws: `tooLarge`, or `badRequest` saying where in the document it went wrong.
    func document<Document: Decodable>(_ type: Document.Type) async throws -> Document {
        let buffer: ByteBuffer
        do {
            buffer = try await body.collect(upTo: APILimits.bodyBytesMax)
        } catch is NIOTooManyBytesError {
            throw APIFailure(.tooLarge, "the body is longer than \(APILimits.bodyBytesMax) bytes")
        } catch let error as CancellationError {
            throw error
        } catch {
            throw APIFailure(.badRequest, "the body did not arrive whole: \(error)")
        }
        do {
            return try JSONDecoder().decode(type, from: Data(buffer.readableBytesView))
        } catch let error as DecodingError {
            throw APIFailure(.badRequest, error.sentence)
        }
    }
}

extension DecodingError {
    /// E.g. `metrics.temperature.scale: Expected to decode Double but found a string instead.`
    fileprivate var sentence: String {
        let context =
            switch self {
            case .typeMismatch(_, let context), .valueNotFound(_, let context): context
            case .keyNotFound(_, let context), .dataCorrupted(let context): context
            @unknown default: Context(codingPath: [], debugDescription: "the body cannot be read")
            }
        let path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        return path.isEmpty ? context.debugDescription : "\(path): \(context.debugDescription)"
    }
}

/// RFC 3986, section 2.1; nil where a `%` is not followed by two hexadecimal digits, or the result is not UTF-8.
func percentDecoded(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var source = text.utf8.makeIterator()
    while let byte = source.next() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard let high = source.next().flatMap(hexadecimalDigit), let low = source.next().flatMap(hexadecimalDigit)
        else { return nil }
        bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
}

private func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
