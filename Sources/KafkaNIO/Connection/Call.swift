// One request in work, and the way back to its client.
internal import KafkaProtocol
internal import NIOCore

/// What is written for one request.
struct Answer: Sendable {
    enum Content: Sendable {
        /// One response, in pieces.
        case frames([ByteBuffer])
        /// The client wants none.
        case nothing
        case close(CloseReason)
        /// The connection's last response.
        case last(ByteBuffer, CloseReason)
    }

    var content: Content
    /// Bytes of records, taken from the budget of all connections until they have left.
    var fetchMemory = 0
    var budget: ByteBudget?

    static func frames(_ buffers: [ByteBuffer]) -> Answer { Answer(content: .frames(buffers)) }
    static let nothing = Answer(content: .nothing)
    static func close(_ reason: CloseReason) -> Answer { Answer(content: .close(reason)) }

    /// It has left, or never will. Once.
    func release() {
        if fetchMemory > 0 { budget?.give(fetchMemory) }
    }
}

/// Takes the answer to one request, from any thread, once.
struct Reply: Sendable {
    fileprivate let handler: NIOLoopBound<ConnectionHandler>
    fileprivate let number: UInt64

    init(handler: NIOLoopBound<ConnectionHandler>, number: UInt64) {
        self.handler = handler
        self.number = number
    }

    func callAsFunction(_ answer: Answer) {
        let eventLoop = handler.eventLoop
        if eventLoop.inEventLoop {
            handler.value.answer(number, answer)
        } else {
            eventLoop.execute { handler.value.answer(number, answer) }
        }
    }
}

/// A request with its way back. Belongs to the connection's event loop; `reply` and the values may go elsewhere.
struct Call {
    let connection: ConnectionState
    let header: RequestHeader
    let reply: Reply

    var broker: Broker { connection.broker }
    var version: Int16 { header.version }
    var eventLoop: any EventLoop { reply.handler.eventLoop }

    func answer(_ response: some KafkaResponse) {
        reply(.frames([response.frame(correlationID: header.correlationID, version: header.version)]))
    }

    /// Answers, and ends the connection.
    func answerLast(_ response: some KafkaResponse, _ reason: CloseReason) {
        let frame = response.frame(correlationID: header.correlationID, version: header.version)
        reply(Answer(content: .last(frame, reason)))
    }

    /// Has the connection's worker make the response.
    func answer<Response: KafkaResponse>(
        onWorker make: @escaping @Sendable (ConnectionReader) -> Response
    ) {
        let (reply, header, reader) = (reply, header, connection.reader)
        connection.worker.run {
            reply(.frames([make(reader).frame(correlationID: header.correlationID, version: header.version)]))
        }
    }
}
