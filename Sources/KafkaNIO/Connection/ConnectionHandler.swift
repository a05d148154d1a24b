// One connection: requests in, answers out in the order of the requests.
internal import KafkaProtocol
internal import NIOCore

/// Runs on the connection's event loop. Up to `Limits.requestsInFlightMax` requests are in work at once, started in their
/// order; a client that does not read its answers is not read from either. Of requests whose answers may be large one at a
/// time is in work.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: ConnectionState
    private var context: ChannelHandlerContext?
    private var waiting = CircularBuffer<ByteBuffer>()
    /// Answers that are not written yet; nil where the request is in work.
    private var answers = CircularBuffer<Answer?>()
    /// The number of the first one.
    private var firstAnswer: UInt64 = 0
    private var unflushed = 0
    /// Bytes of answers that are made and have not left, but for records.
    private var unread = 0
    /// The number of the one in work whose answer may be large.
    private var single: UInt64?
    /// Of all answers, in bytes.
    private var written = 0
    private var deadline: Scheduled<Void>?
    private var loginDeadline: Scheduled<Void>?
    private var isClosing = false
    private var isStarting = false
    private var isReading = true

    init(connection: ConnectionState) {
        self.connection = connection
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        guard !connection.isLetIn else { return }
        loginDeadline = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(Limits.loginTimeout)) {
            if !self.connection.isLetIn { self.close(.loginTimeout) }
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosing = true
        connection.isOpen = false
        deadline?.cancel()
        loginDeadline?.cancel()
        waiting.removeAll()
        for answer in answers { answer?.release() }
        answers.removeAll()
        connection.giveBackAll()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        waiting.append(unwrapInboundIn(data))
        start()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        start()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return close(.idle) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close((error as? ConnectionFailure)?.reason ?? .connection)
    }

    // MARK: Requests

    /// Starts what may be started, and reads on only where nothing waits.
    private func start() {
        // What is answered at once comes back here: the loop that is under way takes the next one, however many wait.
        guard let context, !isClosing, !isStarting else { return }
        isStarting = true
        defer { isStarting = false }
        while !isClosing, answers.count < Limits.requestsInFlightMax, context.channel.isWritable,
            let frame = waiting.first, mayBegin(frame)
        {
            waiting.removeFirst()
            begin(frame, context)
        }
        let mayRead = waiting.isEmpty && !isClosing
        guard mayRead != isReading else { return }
        isReading = mayRead
        _ = context.channel.setOption(.autoRead, value: mayRead)
    }

    /// Whether the next request may be started, as far as the memory of answers is concerned.
    private func mayBegin(_ frame: ByteBuffer) -> Bool {
        unread <= Limits.answerBytesUnheld && (single == nil || isPipelined(frame))
    }

    /// Whether a request may be in work together with others like it: clients send several of these at once, and their answers
    /// are small or, where they have records, bounded elsewhere. Before a login is decided none waits for it.
    private func isPipelined(_ frame: ByteBuffer) -> Bool {
        guard connection.isLetIn else { return true }
        switch frame.getInteger(at: frame.readerIndex, as: Int16.self).flatMap(APIKey.init(rawValue:)) {
        case .produce, .fetch, .heartbeat, .offsetCommit: return true
        default: return false
        }
    }

    private func begin(_ frame: ByteBuffer, _ context: ChannelHandlerContext) {
        var reader = WireReader(frame)
        let number = firstAnswer + UInt64(answers.count)
        answers.append(nil)
        if !isPipelined(frame) { single = number }
        do {
            let header = try RequestHeader(from: &reader)
            guard connection.admits(header.key) else { return close(.unauthenticated) }
            let call = Call(
                connection: connection,
                header: header,
                reply: Reply(
                    handler: NIOLoopBound(self, eventLoop: context.eventLoop),
                    number: number,
                    broker: connection.broker
                )
            )
            switch header.support {
            case .decodable(let key):
                connection.broker.counters.note(key)
                try ServedRequests.start(key, &reader, call)
            case .unsupportedVersion(.apiVersions):
                let response = ApiVersionsResponse.unsupportedVersion
                call.reply(.frames([response.frame(correlationID: header.correlationID, version: 0)]))
            case .unsupportedVersion, .unknownKey:
                close(.unsupported)
            }
        } catch {
            close(.malformed)
        }
    }

    // MARK: Answers

    /// Request `number` is answered. On the event loop.
    func answer(_ number: UInt64, _ answer: Answer) {
        guard !isClosing, number >= firstAnswer, number - firstAnswer < UInt64(answers.count) else {
            return answer.release()
        }
        answers[answers.index(answers.startIndex, offsetBy: Int(number - firstAnswer))] = answer
        unread += answer.byteCount
        if single == number { single = nil }
        writeWhatIsDue()
        start()
    }

    private func writeWhatIsDue() {
        var hasWritten = false
        while let next = answers.first, let answer = next {
            answers.removeFirst()
            firstAnswer += 1
            connection.giveBackOldest()
            switch answer.content {
            case .frames(let buffers):
                hasWritten = write(buffers, of: answer) || hasWritten
            case .nothing:
                break
            case .close(let reason):
                answer.release()
                return close(reason)
            case .last(let buffer, let reason):
                context?.write(wrapOutboundOut(buffer), promise: nil)
                return close(reason)
            }
        }
        if hasWritten { flush() }
    }

    private func flush() {
        context?.flush()
        if unflushed > 0, deadline == nil, let context, !isClosing { startDeadline(context) }
    }

    private func write(_ buffers: [ByteBuffer], of answer: Answer) -> Bool {
        guard let context, let last = buffers.last else { return false }
        for buffer in buffers.dropLast() { context.write(wrapOutboundOut(buffer), promise: nil) }
        let promise = context.eventLoop.makePromise(of: Void.self)
        context.write(wrapOutboundOut(last), promise: promise)
        unflushed += 1
        written += buffers.reduce(0) { $0 + $1.readableBytes }
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { _ in
            answer.release()
            this.value.hasLeft(answer.byteCount)
        }
        return true
    }

    /// An answer of so many bytes beyond its records is in the kernel's hands.
    private func hasLeft(_ byteCount: Int) {
        unflushed -= 1
        unread -= byteCount
        deadline?.cancel()
        deadline = nil
        if unflushed > 0, let context, !isClosing { startDeadline(context) }
        start()
    }

    /// An answer may be large and the line slow: who takes something of it has as long again for the rest, a few times.
    private func startDeadline(_ context: ChannelHandlerContext, passed: Int = 0) {
        let before = taken(context)
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(Limits.writeTimeout)) {
            guard let context = self.context, !self.isClosing, self.taken(context) > before,
                passed + 1 < Limits.writeTimeoutsMax
            else { return self.close(.slow) }
            self.startDeadline(context, passed: passed + 1)
        }
    }

    /// What the client's side has taken of the answers, in bytes; less by what TLS adds to those that wait.
    private func taken(_ context: ChannelHandlerContext) -> Int {
        written - ((try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0)
    }

    /// Ends the connection, with what was written to it on its way; nothing more is started.
    func close(_ reason: CloseReason) {
        guard !isClosing else { return }
        isClosing = true
        connection.broker.counters.note(reason)
        context?.flush()
        context?.close(promise: nil)
    }
}
