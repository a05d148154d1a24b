// Writes answers: JSON, text, failures, and lines that come as they are read.
internal import FoundationEssentials
internal import Hummingbird
internal import NIOCore
internal import ServiceLifecycle

extension Response {
    /// A JSON document with a line feed at its end; keys sorted, so that equal documents are equal bytes.
    static func json(_ document: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var buffer = ByteBuffer(bytes: try encoder.encode(document))
        buffer.writeString("\n")
        return Response(status: status, contentType: "application/json", body: ResponseBody(byteBuffer: buffer))
    }

    static func text(_ text: String, contentType: String) -> Response {
        let body = ResponseBody(byteBuffer: ByteBuffer(string: text))
        return Response(status: .ok, contentType: contentType, body: body)
    }

    static func failure(_ failure: APIFailure) throws -> Response {
        let document = ErrorDocument(error: failure.error, hint: failure.hint)
        return try json(document, status: HTTPResponse.Status(code: failure.kind.status))
    }

    /// Newline-delimited JSON, each buffer written when the client took the one before.
    ///
    /// Reading ends when the client leaves, also when it closes its sending half. Endless lines end when the daemon stops,
    /// too; other answers are finished even then, for a cut one must not look whole.
    static func lines(_ lines: LineSequence, to request: Request, endless: Bool) -> Response {
        let body = ResponseBody { writer in
            try await request.body.consumeWithCancellationOnInboundClose { _ in
                if endless {
                    try await writeUntilShutdown(lines, to: &writer)
                } else {
                    try await write(lines, to: &writer)
                    // Whoever has only closed its sending half gets a broken answer, not a short one.
                    try Task.checkCancellation()
                }
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, contentType: "application/x-ndjson", body: body)
    }

    private static func writeUntilShutdown(
        _ lines: some AsyncSequence<ByteBuffer, any Error> & Sendable,
        to writer: inout any ResponseBodyWriter
    ) async throws {
        try await write(lines.cancelOnGracefulShutdown(), to: &writer)
    }

    private static func write(
        _ lines: some AsyncSequence<ByteBuffer, any Error> & Sendable,
        to writer: inout any ResponseBodyWriter
    ) async throws {
        for try await buffer in lines { try await writer.write(buffer) }
    }

    private init(status: HTTPResponse.Status, contentType: String, body: ResponseBody) {
        self.init(
            status: status,
            headers: [.contentType: contentType, .cacheControl: "no-store", .xContentTypeOptions: "nosniff"],
            body: body
        )
    }
}
