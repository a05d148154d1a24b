// Names of topics that are taken for a while: by topics that are being made, or by deleted ones that are not forgotten.
internal import Synchronization

/// What groups have committed for a deleted topic must not become that of another of its name: while a name is being
/// forgotten no topic is made with it, and while one is being made none of its name is deleted. Any thread; one leaf lock.
final class TopicNames: Sendable {
    enum Use { case making, forgetting }

    private struct Claim {
        var use: Use
        var count: Int
    }

    private let claims = Mutex<[String: Claim]>([:])

    /// Takes the name until `end`; false, and nothing is taken, where it is in the other use.
    func begin(_ use: Use, _ topic: String) -> Bool {
        claims.withLock { claims in
            let claim = claims[topic] ?? Claim(use: use, count: 0)
            guard claim.use == use else { return false }
            claims[topic] = Claim(use: use, count: claim.count + 1)
            return true
        }
    }

    /// Once for each `begin` that was true.
    func end(_ topic: String) {
        claims.withLock { claims in
            guard let claim = claims[topic] else { return }
            claims[topic] = claim.count > 1 ? Claim(use: claim.use, count: claim.count - 1) : nil
        }
    }

    func isForgetting(_ topic: String) -> Bool {
        claims.withLock { $0[topic]?.use == .forgetting }
    }
}
