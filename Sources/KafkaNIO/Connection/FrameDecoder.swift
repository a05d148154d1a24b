// Cuts a connection's bytes into frames: an int32 length, big-endian, and so many bytes.
internal import NIOCore

/// Refuses a length that is negative or beyond what the connection may send before any of it is kept. Memory for a frame is
/// taken as its bytes come, not when they are announced; where there is none just now, nothing more is read from its connection
/// until there is.
final class FrameDecoder: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: ConnectionState
    private var bytes = ByteBuffer()
    /// Of the frame that is on its way, taken from the budget of all connections.
    private var reserved = 0
    private var isWaitingForMemory = false
    /// Somebody wants to read on, which is put off.
    private var isReadDue = false
    private var hasFailed = false
    private var deadline: Scheduled<Void>?

    init(connection: ConnectionState) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasFailed else { return }
        var received = unwrapInboundIn(data)
        if bytes.readableBytes == 0 { bytes = received } else { bytes.writeBuffer(&received) }
        decode(context)
    }

    func read(context: ChannelHandlerContext) {
        if isWaitingForMemory { isReadDue = true } else { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
    }

    private func end() {
        hasFailed = true
        deadline?.cancel()
        connection.broker.requestMemory.give(reserved)
        reserved = 0
    }

    private func fail(_ reason: CloseReason, _ context: ChannelHandlerContext) {
        end()
        context.fireErrorCaught(ConnectionFailure(reason: reason))
    }

    /// Passes on all frames that are there.
    private func decode(_ context: ChannelHandlerContext) {
        var hasFound = false
        while !hasFailed, let length = nextLength(context) {
            let isWhole = bytes.readableBytes - 4 >= length
            if isWhole {
                deadline?.cancel()
                deadline = nil
            } else if deadline == nil {
                startDeadline(Limits.frameTimeout, context)
            }
            guard reserve(length, context) else {
                waitForMemory(context)
                break
            }
            guard isWhole else {
                // The frames that were found hold on to the memory that they lie in.
                if hasFound { bytes = ByteBuffer(buffer: bytes) }
                let room = 4 + min(length, roomOfFrame) - bytes.readableBytes
                if room > 0 { bytes.reserveCapacity(minimumWritableBytes: room) }
                return
            }
            bytes.moveReaderIndex(forwardBy: 4)
            guard let frame = bytes.readSlice(length: length) else { return }
            connection.takeOver(taken: reserved, free: reserved == 0 ? length : 0)
            reserved = 0
            hasFound = true
            context.fireChannelRead(wrapInboundOut(frame))
        }
        if hasFound { bytes = bytes.readableBytes == 0 ? ByteBuffer() : ByteBuffer(buffer: bytes) }
    }

    /// Of the next frame; nil where its prefix is not there yet, or not allowed.
    private func nextLength(_ context: ChannelHandlerContext) -> Int? {
        guard let prefix: Int32 = bytes.getInteger(at: bytes.readerIndex) else { return nil }
        guard let length = Int(exactly: prefix), length >= 0, length <= connection.frameBytesMax else {
            // A client that begins TLS where none is spoken: a handshake record of version 3.
            fail(prefix >> 16 == 0x1603 ? .tls : .frameTooLarge, context)
            return nil
        }
        return length
    }

    /// Bytes that may be kept of the frame that is on its way: a few are free.
    private var roomOfFrame: Int { max(reserved, Limits.requestBytesMaxUnauthenticated) }

    /// Makes room for what is there of a frame: twice as much as before, or all of it where it is whole.
    ///
    /// - Returns: false where there is no memory for it just now.
    private func reserve(_ length: Int, _ context: ChannelHandlerContext) -> Bool {
        let received = bytes.readableBytes - 4
        let budget = connection.broker.requestMemory
        if length <= Limits.requestBytesMaxUnauthenticated {
            // Small ones are free, but not many of one connection together.
            let isFree = connection.freeRequestBytes + length <= Limits.requestBytesMaxUnauthenticated
            guard received >= length, !isFree else { return true }
            guard budget.take(length) else { return false }
            reserved = length
            return true
        }
        guard length > roomOfFrame, received >= roomOfFrame else { return true }
        let wanted = min(length, max(2 * roomOfFrame, received))
        if budget.take(wanted - reserved) {
            reserved = wanted
            return true
        }
        guard budget.takeBeyond(length - reserved) else { return false }
        reserved = length
        if received < length {
            deadline?.cancel()
            startDeadline(Limits.passingFrameTimeout, context)
        }
        return true
    }

    private func waitForMemory(_ context: ChannelHandlerContext) {
        guard !isWaitingForMemory else { return }
        isWaitingForMemory = true
        context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(Limits.requestMemoryPause)) {
            self.isWaitingForMemory = false
            guard !self.hasFailed else { return }
            self.decode(context)
            guard self.isReadDue, !self.isWaitingForMemory else { return }
            self.isReadDue = false
            context.read()
        }
    }

    private func startDeadline(_ timeout: Duration, _ context: ChannelHandlerContext) {
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeout)) {
            self.fail(.slow, context)
        }
    }
}

/// Why a connection ends, on its way down the pipeline.
struct ConnectionFailure: Error {
    var reason: CloseReason
}
