// The demo's own webhook receiver: a real HTTP server that remembers what it was sent.
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import Synchronization

/// One call of the webhook.
struct ReceivedWebhook: Sendable {
    var status: String
    var summary: String
    var idempotencyKey: String
}

/// Listens on loopback until its task is cancelled.
final class DemoReceiver: Sendable {
    private struct Body: Decodable {
        struct Alert: Decodable {
            var annotations: [String: String]
        }

        var status: String
        var alerts: [Alert]
    }

    private let received = Mutex<[ReceivedWebhook]>([])
    private let onCall: @Sendable (ReceivedWebhook) -> Void

    init(onCall: @escaping @Sendable (ReceivedWebhook) -> Void) {
        self.onCall = onCall
    }

    var calls: [ReceivedWebhook] { received.withLock { $0 } }

    /// Serves `POST /alert` on `port` until cancelled.
    func run(port: Int) async throws {
        let router = Router()
        router.post("/alert") { [self] request, _ -> HTTPResponse.Status in
            let buffer = try await request.body.collect(upTo: 1 << 20)
            let body = try JSONDecoder().decode(Body.self, from: Data(buffer.readableBytesView))
            let key = HTTPField.Name("Idempotency-Key").flatMap { request.headers[$0] } ?? ""
            let call = ReceivedWebhook(
                status: body.status,
                summary: body.alerts.first?.annotations["summary"] ?? "",
                idempotencyKey: key
            )
            received.withLock { $0.append(call) }
            onCall(call)
            return .ok
        }
        var logger = Logger(label: "demo-receiver")
        // Its cancellation at the end of the demo is no error.
        logger.logLevel = .critical
        let application = Application(
            router: router,
            configuration: .init(address: .hostname("127.0.0.1", port: port)),
            logger: logger
        )
        try await application.run()
    }
}
