// Cuts a connection's bytes into frames: an int32 length, big-endian, and so many bytes.
internal import NIOCore

/// Refuses a length that is negative or beyond what the connection may send before any of it is kept.
struct FrameDecoder: ByteToMessageDecoder {
    typealias InboundOut = ByteBuffer

    private let connection: ConnectionState
    /// Of the frame that is on its way, taken from the budget of all connections.
    private var reserved = 0

    init(connection: ConnectionState) {
        self.connection = connection
    }

    mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        guard let prefix: Int32 = buffer.getInteger(at: buffer.readerIndex) else { return .needMoreData }
        guard let length = Int(exactly: prefix), length >= 0, length <= connection.frameBytesMax else {
            // A client that begins TLS where none is spoken: a handshake record of version 3.
            throw ConnectionFailure(reason: prefix >> 16 == 0x1603 ? .tls : .frameTooLarge)
        }
        if reserved == 0, length > Limits.requestBytesMaxUnauthenticated {
            guard connection.broker.requestMemory.take(length) else { throw ConnectionFailure(reason: .memory) }
            reserved = length
        }
        guard buffer.readableBytes - 4 >= length else { return .needMoreData }
        buffer.moveReaderIndex(forwardBy: 4)
        guard let frame = buffer.readSlice(length: length) else { return .needMoreData }
        connection.takeOver(reserved)
        reserved = 0
        context.fireChannelRead(wrapInboundOut(frame))
        return .continue
    }

    mutating func decodeLast(
        context: ChannelHandlerContext,
        buffer: inout ByteBuffer,
        seenEOF: Bool
    ) throws -> DecodingState {
        while try decode(context: context, buffer: &buffer) == .continue {}
        buffer.clear()
        return .needMoreData
    }

    mutating func decoderRemoved(context: ChannelHandlerContext) {
        connection.broker.requestMemory.give(reserved)
        reserved = 0
    }
}

/// Why a connection ends, on its way down the pipeline.
struct ConnectionFailure: Error {
    var reason: CloseReason
}
