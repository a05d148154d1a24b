// Every bound of the Kafka listener, with its reason. What clients do makes nothing grow beyond a number that stands here.
package enum Limits {
    /// Connections at once. Each idle one costs some kilobytes and a descriptor; a box has dozens of clients, and the
    /// daemon's limit of descriptors is shared with segments.
    package static let connectionsMax = 2_048

    /// One request once its sender may use the listener. Producers are told 1 MiB per batch (`batchBytesMax`); a request may
    /// hold batches for several partitions.
    package static let requestBytesMax = 8 << 20

    /// The same before a client has said who it is: the longest, a SASL message, has a few hundred bytes.
    package static let requestBytesMaxUnauthenticated = 64 << 10

    /// Memory of all requests that are larger than `requestBytesMaxUnauthenticated` and still on their way in or in work.
    package static let requestMemoryBytesMax = 64 << 20

    /// A producer's batch: Kafka's own default of `max.message.bytes`.
    package static let batchBytesMax = 1_048_588

    /// Requests of one connection whose answers are not written yet. Clients keep five produce requests in flight.
    package static let requestsInFlightMax = 16

    /// Records in one fetch response, but for one batch that is larger alone.
    package static let fetchBytesMax = 8 << 20

    /// Records that were read for fetch responses and have not left yet, of all connections together.
    package static let fetchMemoryBytesMax = 64 << 20

    /// How long a fetch pauses that found that memory taken.
    package static let fetchMemoryPause: Duration = .milliseconds(50)

    /// The longest that a fetch may wait for records.
    package static let fetchWaitMax: Duration = .seconds(60)

    /// How long a client may leave what was written to it unread before it is disconnected.
    package static let writeTimeout: Duration = .seconds(30)

    /// How long a connection may be silent.
    package static let idleTimeout: Duration = .seconds(600)

    /// How long a client has for TLS and for saying who it is.
    package static let loginTimeout: Duration = .seconds(10)

    /// How long a produce request waits for room in front of the log writer before the producer is told to try again.
    package static let inboxPatience: Duration = .seconds(2)

    /// Threads that read the log for clients and check producers' batches: what may block, or takes long.
    package static let workers = 2
}
