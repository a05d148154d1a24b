// Bringing the broker's persistent session in line with the configuration, after every connection.
internal import MQTT
internal import Platform

/// Subscribes to what is wanted and unsubscribes what the session still holds from before.
///
/// The file names a superset of what the session holds at every moment: it is written with old and new filters before
/// SUBSCRIBE leaves, and with the new ones alone after UNSUBACK. The input's thread.
final class MQTTSubscriptions {
    /// The broker's own losses: messages for slow or absent clients beyond its queue.
    static let droppedTopic = "$SYS/broker/publish/messages/dropped"
    static let versionTopic = "$SYS/broker/version"

    let wanted: [String]
    private let file: HeldSubscriptions
    /// Refused by the broker on this connection.
    private(set) var refused: [String] = []
    /// Granted at QoS 0 only: nothing of these is acknowledged or repeated.
    private(set) var unacknowledged: [String] = []
    private(set) var isSettled = false
    /// Why the file could not be read or written; the input works without it.
    private(set) var fileError: String?
    private var subscribeIdentifier: Int32?
    private var unsubscribeIdentifier: Int32?

    init(wanted: [String], file: HeldSubscriptions) {
        self.wanted = wanted
        self.file = file
    }

    /// Queues what is needed. A request that libmosquitto refuses is reported as refused filters.
    func begin(_ client: MosquittoClient, sessionPresent: Bool) {
        refused = []
        unacknowledged = []
        isSettled = false
        fileError = nil
        subscribeIdentifier = nil
        unsubscribeIdentifier = nil
        let wantedSet = Set(wanted)
        let held = sessionPresent ? heldFilters() : []
        let obsolete = held.subtracting(wantedSet)
        remember(held.union(wantedSet))
        do throws(MosquittoError) {
            subscribeIdentifier = try client.subscribe(to: wanted, qos: 1)
            // At QoS 0, for these are figures, not payloads; a broker that refuses them is as good.
            let watched = [MQTTSubscriptions.droppedTopic, MQTTSubscriptions.versionTopic]
            _ = try client.subscribe(to: watched, qos: 0)
            if !obsolete.isEmpty { unsubscribeIdentifier = try client.unsubscribe(from: obsolete.sorted()) }
        } catch {
            refused = wanted
        }
    }

    func noteSubscribed(identifier: Int32, granted: [Int32]) {
        guard identifier == subscribeIdentifier else { return }
        subscribeIdentifier = nil
        for (filter, code) in zip(wanted, granted) {
            if code >= 128 { refused.append(filter) }
            if code == 0 { unacknowledged.append(filter) }
        }
        isSettled = true
    }

    func noteUnsubscribed(identifier: Int32) {
        guard identifier == unsubscribeIdentifier else { return }
        unsubscribeIdentifier = nil
        remember(Set(wanted))
    }

    private func heldFilters() -> Set<String> {
        do throws(DiskError) {
            return try file.read()
        } catch {
            fileError = error.description
            return []
        }
    }

    private func remember(_ filters: Set<String>) {
        do throws(DiskError) {
            if try file.read() != filters { try file.replace(with: filters) }
        } catch {
            fileError = error.description
        }
    }
}
