// A connection attempt on a thread of its own, so that a dead name server cannot stop anybody's step.
internal import Platform

/// One attempt. The client belongs to the attempt's thread until `wait` has answered.
///
/// Abandoned by dropping it: the thread ends when the kernel or the resolver gives up, and takes the client along.
package final class MosquittoConnection: Sendable {
    package enum Outcome: Sendable {
        case connected
        case failed(MosquittoError)
    }

    package let client: MosquittoClient
    private let outcome: Condition<Outcome?>
    private let thread: PlatformThread

    package init(_ client: MosquittoClient) {
        let outcome = Condition<Outcome?>(nil)
        self.client = client
        self.outcome = outcome
        thread = PlatformThread(name: "mqtt-connect") {
            let result = client.connect().map { Outcome.failed($0) } ?? .connected
            outcome.withLock { $0 = result }
            outcome.wakeAll()
        }
    }

    /// Waits for at most `timeout`; nil where the attempt goes on. Once it has answered, it must not be asked again.
    package func wait(upTo timeout: Duration) -> Outcome? {
        guard let result = outcome.wait(upTo: timeout, for: { $0 }) else { return nil }
        thread.join()
        return result
    }
}
