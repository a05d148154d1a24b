// Every bound of the Kafka listener, with its reason. What clients do makes nothing grow beyond a number that stands here.
internal import CommitLog

package enum Limits {
    /// Connections at once. Each idle one costs some kilobytes and a descriptor; a box has dozens of clients. Where the process
    /// may have few descriptors, `KafkaListenerConfiguration.connectionsMax` is less: segments need some, too.
    package static let connectionsMax = 2_048

    /// Connections at once that have not said who they are; for a further one, that which has waited longest goes. A login takes
    /// some milliseconds.
    package static let newcomersMax = 1_024

    /// Connections that have to go for others and are not gone yet; while there are so many, further ones are refused.
    package static let dismissedMax = 64

    /// One request once its sender may use the listener. A producer's batch has `batchBytesMax` at most; a request may
    /// hold batches for several partitions.
    package static let requestBytesMax = 8 << 20

    /// The same before a client has said who it is: the longest, a SASL message, has a few hundred bytes.
    package static let requestBytesMaxUnauthenticated = 64 << 10

    /// Memory of all requests that are larger than `requestBytesMaxUnauthenticated`, or with others of their connection, and still
    /// on their way in or in work: so much of each as has come, and as much again. One of them may pass it, lest all wait for
    /// each other.
    package static let requestMemoryBytesMax = 64 << 20

    /// How long a connection is not read from that found that memory taken.
    package static let requestMemoryPause: Duration = .milliseconds(20)

    /// How long a request may take to arrive: clients give up on one after 30 to 60 s.
    package static let frameTimeout: Duration = .seconds(60)

    /// The same for the rest of one that passes the memory for requests, which others wait for.
    package static let passingFrameTimeout: Duration = .seconds(10)

    /// A producer's batch (`max.message.bytes`): the longest that the log stores.
    package static let batchBytesMax = ForeignBatch.byteCountMax

    /// Requests of one connection whose answers are not written yet. Clients keep five produce requests in flight.
    package static let requestsInFlightMax = 16

    /// Answers beyond records that a connection may leave unread before none of its further requests is started. A single one
    /// that is larger is taken from `answerMemoryBytesMax`.
    package static let answerBytesUnheld = 64 << 10

    /// Memory of all answers that are larger than that, but for their records, and have not left: of topics and groups by the
    /// thousand they have megabytes.
    package static let answerMemoryBytesMax = 32 << 20

    /// Records in one fetch response, but for one batch that is larger alone.
    package static let fetchBytesMax = 8 << 20

    /// Records in one read of the log for it.
    package static let fetchReadBytesMax = 1 << 20

    /// Consumers that take so much at once are read ahead for, and so much of that is enough for an answer.
    package static let fetchAheadBytesMin = fetchReadBytesMax / 2

    /// Records read ahead for a connection, but for one that takes more at once.
    package static let fetchAheadBytesMax = 4 << 20

    /// How long those stay of a consumer that pauses.
    package static let fetchAheadPatience: Duration = .seconds(2)

    /// Records that were read for fetch responses and have not left yet, of all connections together. In memory they may take
    /// twice as much. Nothing is read ahead that would leave less than half of it.
    package static let fetchMemoryBytesMax = 64 << 20

    /// A fetch reads no more than a quarter of what is left of that memory, but for so much: something is left for others
    /// where several clients leave what they asked for unread.
    package static let fetchShareBytesMin = 64 << 10

    /// Where nothing is left at all, fetches read so little from this much more: who reads what it asked for goes on, if
    /// slowly, beside those who do not.
    package static let fetchReserveBytesMax = 32 << 20

    /// How long a fetch pauses that found that memory taken.
    package static let fetchMemoryPause: Duration = .milliseconds(50)

    /// The longest that a fetch may wait for records.
    package static let fetchWaitMax: Duration = .seconds(60)

    /// How long a client may take nothing of what is written to it before it is disconnected.
    package static let writeTimeout: Duration = .seconds(30)

    /// So many of these times may pass until it has taken all of an answer: clients wait for one 30 to 60 s.
    package static let writeTimeoutsMax = 4

    /// How long a connection may be silent.
    package static let idleTimeout: Duration = .seconds(600)

    /// How long a client has for TLS and for saying who it is.
    package static let loginTimeout: Duration = .seconds(10)

    /// Requests of a connection before it has said who it is. SCRAM needs four with ApiVersions; some clients ask for several
    /// versions of it, and name a mechanism that is not served first.
    package static let loginRequestsMax = 16

    /// How long a login that failed waits for its answer, so that guessing passwords takes its time.
    package static let loginFailureDelay: Duration = .seconds(1)

    /// Such answers at once; further ones are not given, and their connections end at once.
    package static let delayedFailuresMax = 256

    /// Passwords that are hashed at once or wait for a worker, which keeps its other connections waiting meanwhile: some ten
    /// milliseconds for each.
    package static let passwordChecksMax = 2

    /// How long a login pauses that found so many in work.
    package static let passwordCheckPause: Duration = .milliseconds(20)

    /// How long the listener waits for TLS's goodbye after its own.
    package static let tlsGoodbyeTimeout: Duration = .seconds(1)

    /// A file with certificates or a key: some hundred authorities.
    package static let certificateFileBytesMax = 1 << 20

    /// The name of a user, or of a certificate's subject.
    package static let userNameBytesMax = 255

    /// The codec takes no longer one from a client.
    package static let passwordBytesMax = 1_024

    /// Times that a password is hashed. RFC 7677 wants the lower end at least; the upper one keeps a worker for a second.
    package static let iterations = 4_096...1_000_000

    /// The same for new passwords: each PLAIN login costs some ten milliseconds.
    package static let passwordIterations = 8_192

    /// Lengths of salts. The upper end is that of the hash that salts for unknown names are cut from.
    package static let saltByteCounts = 8...64

    /// The salt of a new password.
    package static let saltBytes = 16

    /// What the server adds to a client's nonce.
    package static let nonceBytes = 18

    /// Changes of topics in one request: as many as the log takes at once. Further ones are refused until later.
    package static let plannedChangesMax = 256

    /// How long a produce request waits for room in front of the log writer before the producer is told to try again.
    package static let inboxPatience: Duration = .seconds(2)

    /// The least and the most that a produce request waits for its commit before the producer is told that it is not over yet;
    /// what it asks for counts in between.
    package static let commitPatience: ClosedRange<Duration> = .milliseconds(100)...(.seconds(60))

    /// Producers in partitions with a batch that was refused for the time being; beyond, the one that was noted first is
    /// forgotten.
    package static let missingBatchesMax = 10_000

    /// How long a command waits for the coordinator of groups.
    package static let administrationPatience: Duration = .seconds(30)

    /// Threads that read the log for clients: what may block, or takes long. Another one checks producers' batches, and waits
    /// with them where the log writer has enough to do.
    package static let workers = 2
}
