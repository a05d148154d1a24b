// The frame around every response.
//
//  field            type            note
//  length           int32           of everything behind it
//  correlation id   int32           of the request
//  tagged fields    tagged fields   none ever, one zero byte; only in a flexible version (header version 1), and never for
//                                   ApiVersions, whose client does not know yet what the broker speaks
//  body             by key, version
package import NIOCore

/// The body of a response.
package protocol KafkaResponse: WireWritable {
    static var key: APIKey { get }
}

extension KafkaResponse {
    /// The whole frame, from its length on.
    ///
    /// - Parameters:
    ///   - correlationID: that of the request.
    ///   - version: that of the request, one that the API's row says is advertised.
    /// - Returns: a buffer to be sent as it is.
    package func frame(correlationID: Int32, version: Int16) -> ByteBuffer {
        var writer = ResponseFrame.begin(key: Self.key, correlationID: correlationID, version: version)
        write(to: &writer, version: version)
        ResponseFrame.end(&writer)
        return writer.buffer
    }
}

enum ResponseFrame {
    static let lengthByteCount = 4

    /// A writer behind the header of a response, in the body's form.
    static func begin(key: APIKey, correlationID: Int32, version: Int16) -> WireWriter {
        var writer = WireWriter(isFlexible: APITable.entry(for: key).isFlexible(version))
        writer.int32(0)
        writer.int32(correlationID)
        if key != .apiVersions { writer.emptyTaggedFields() }
        return writer
    }

    /// Sets the length, now that it is known.
    ///
    /// - Parameters:
    ///   - writer: one that `begin` made.
    ///   - elsewhere: how many bytes of the frame are not in the writer.
    static func end(_ writer: inout WireWriter, elsewhere: Int = 0) {
        let byteCount = writer.buffer.writerIndex - lengthByteCount + elsewhere
        precondition(byteCount <= Int32.max, "a response is shorter than 2 GiB")
        writer.setInt32(Int32(byteCount), at: 0)
    }
}
