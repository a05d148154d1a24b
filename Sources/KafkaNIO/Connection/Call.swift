// One request in work, and the way back to its client.
internal import CommitLog
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
    /// Records among them, whose bytes are taken from the budget of all connections until they have left.
    var records: [StoredBatches] = []
    var broker: Broker?
    /// Of an answer to a fetch: whose next one may read when this one has left.
    var fetching: NIOLoopBound<ConnectionState>?
    /// What of its bytes is taken from the budget of all connections for answers until they have left.
    private(set) var held = 0

    static func frames(_ buffers: [ByteBuffer]) -> Answer { Answer(content: .frames(buffers)) }
    static let nothing = Answer(content: .nothing)
    static func close(_ reason: CloseReason) -> Answer { Answer(content: .close(reason)) }

    /// Its bytes beyond the records.
    var byteCount: Int {
        guard case .frames(let buffers) = content else { return 0 }
        return buffers.reduce(0) { $0 + $1.readableBytes } - records.reduce(0) { $0 + $1.bytes.readableBytes }
    }

    /// The same answer, with its bytes taken from the budget where they are many. Where that is used up, the connection's end
    /// instead: who reads what it asks for and comes again finds room, and nobody else has to wait.
    fileprivate func held(by broker: Broker) -> Answer {
        let byteCount = byteCount
        guard byteCount > Limits.answerBytesUnheld else { return self }
        var answer = self
        answer.broker = broker
        if broker.answerMemory.take(byteCount) {
            answer.held = byteCount
        } else {
            answer.content = .close(.answerMemory)
        }
        return answer
    }

    /// It has left, or never will. Once, on the connection's event loop.
    func release() {
        guard let broker else { return }
        broker.answerMemory.give(held)
        broker.release(records)
        fetching?.value.endFetch()
    }
}

/// Takes the answer to one request, from any thread, once.
struct Reply: Sendable {
    fileprivate let handler: NIOLoopBound<ConnectionHandler>
    private let number: UInt64
    private let broker: Broker

    init(handler: NIOLoopBound<ConnectionHandler>, number: UInt64, broker: Broker) {
        self.handler = handler
        self.number = number
        self.broker = broker
    }

    func callAsFunction(_ answer: Answer) {
        let answer = answer.held(by: broker)
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
        let (write, reader) = (writer(of: Response.self), connection.reader)
        connection.worker.run { write(make(reader)) }
    }

    /// Has the coordinator of groups say something at once.
    func answer<Response: KafkaResponse>(
        _ question: @escaping @Sendable (GroupCoordinator, GroupInstant) -> (Response, [GroupAction])
    ) {
        broker.groups.ask(question, writer(of: Response.self))
    }

    /// Has the coordinator of groups handle an event, and answers when it does.
    func answer<Response: KafkaResponse>(
        _ event: @escaping @Sendable (GroupCoordinator, Waiter, GroupInstant) -> [GroupAction],
        _ response: @escaping @Sendable (GroupAnswer) -> Response?
    ) {
        broker.groups.handle(event, response, writer(of: Response.self))
    }

    /// Takes a producer id that nobody had before.
    func answerWithProducerID<Response: KafkaResponse>(
        _ response: @escaping @Sendable (Result<Int64, LogError>) -> Response
    ) {
        let write = writer(of: Response.self)
        broker.takeProducerID { write(response($0)) }
    }

    /// Has the log change its topics, and has the connection's worker make the response when that is durable: the log
    /// writer has others waiting. `validateOnly`: only asks what would become of the changes. `patience`: how long
    /// deletions wait until the topics are forgotten (`Broker.carryOut`).
    func answer<Response: KafkaResponse>(
        _ plan: [PlannedChange],
        validateOnly: Bool = false,
        forgettingWithin patience: Duration = .zero,
        _ response: @escaping @Sendable ([ChangeOutcome]) -> Response
    ) {
        let (write, worker) = (writer(of: Response.self), connection.worker)
        let done: @Sendable ([ChangeOutcome]) -> Void = { outcomes in
            worker.run { write(response(outcomes)) }
        }
        if validateOnly {
            done(broker.verdicts(on: plan))
        } else {
            broker.carryOut(plan, forgettingWithin: patience, done)
        }
    }

    /// Answers with a response, from any thread.
    private func writer<Response: KafkaResponse>(of type: Response.Type) -> @Sendable (Response) -> Void {
        let (reply, header) = (reply, header)
        return { reply(.frames([$0.frame(correlationID: header.correlationID, version: header.version)])) }
    }
}
