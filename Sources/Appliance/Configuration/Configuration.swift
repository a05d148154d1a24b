// The whole configuration as values, with every default of the product in the property it belongs to.
package import CommitLog
internal import Glibc
package import KafkaNIO
package import Rules

/// What a box is told to do. Made by `ConfigurationLoader`, checked there; a value, so a reload compares two of them.
///
/// The initial value of a property is the key's default. The layers below have defaults for their tests; none of those comes
/// into force here.
package struct Configuration: Hashable, Sendable {
    /// `name`: of the box, in alerts and `build_info`. The loader puts the host's name in where the file has none.
    package var name = "forebay"
    /// `time_zone`: an identifier of the time zone database, for people's eyes only; nil: the box's own.
    package var timeZone: String?
    /// `external_url`: where people reach the box; nil: made from the name and the HTTP port.
    package var externalURL: String?
    /// `data`: absolute path of the data directory.
    package var data = "/var/lib/forebay"
    /// `clock`: whom to ask whether the wall clock can be believed.
    package var clock = ClockTrust.kernel
    package var listen = ListenConfiguration()
    package var log = LogSection()
    /// In the order in which the files name them; names are unique.
    package var inputs: [InputConfiguration] = []
    package var devices = DevicesConfiguration()
    /// In the order in which the files name them; alert names are unique.
    package var rules: [RuleDefinition] = []
    /// In the order in which the files name them; names are unique.
    package var hooks: [HookConfiguration] = []

    package init() {}

    /// `external_url`, or `http://NAME:PORT` where there is none; nil where HTTP is off as well.
    package var effectiveExternalURL: String? {
        if let externalURL { return externalURL }
        guard let http = listen.http else { return nil }
        return "http://\(name):\(http.address.port)"
    }
}

/// `clock`.
package enum ClockTrust: String, CaseIterable, Sendable {
    /// The kernel says whether the clock is disciplined (`adjtimex`).
    case kernel
    /// The clock is right whatever the kernel says: for containers, whose kernel cannot tell.
    case trust
}

/// `listen`.
package struct ListenConfiguration: Hashable, Sendable {
    /// `listen.http`; nil: `none`, no listener.
    package var http: HTTPListenConfiguration? = HTTPListenConfiguration()
    /// `listen.kafka`; nil: `none`, no listener.
    package var kafka: KafkaListenConfiguration? = KafkaListenConfiguration()

    package init() {}
}

/// `listen.http`, as an address or as a mapping.
package struct HTTPListenConfiguration: Hashable, Sendable {
    package var address = HostPort(host: "127.0.0.1", port: 8470)
    /// `insecure`: an address beyond loopback is meant, although nobody has to show credentials there.
    package var isInsecure = false

    package init() {}
}

/// `listen.kafka`, as an address or as a mapping.
package struct KafkaListenConfiguration: Hashable, Sendable {
    package var address = HostPort(host: "127.0.0.1", port: 9092)
    /// `advertise`: what clients are told to connect to; nil: what they did connect to.
    package var advertised: HostPort?
    package var tls: KafkaTLSFiles?
    /// `users_file`: who may log in; nil where nobody has to.
    package var usersFile: String?
    /// nil: everybody may do what clients may do at all.
    package var permissions: [KafkaPermission]?
    /// `insecure`: an address beyond loopback is meant, although nobody has to show credentials there.
    package var isInsecure = false

    package init() {}
}

extension KafkaListenConfiguration {
    /// Whether clients have to say who they are.
    package var asksForCredentials: Bool { usersFile != nil || tls?.clientAuthorities != nil }
}

/// `listen.kafka.tls`: files in PEM.
package struct KafkaTLSFiles: Hashable, Sendable {
    /// `cert`: the listener's certificate, and behind it those of its authorities.
    package var certificate: String
    package var key: String
    /// `ca`: who issues the certificates that clients must have; nil where they need none.
    package var clientAuthorities: String?
}

/// A host and a port as they stand in the configuration.
package struct HostPort: Hashable, Sendable, CustomStringConvertible {
    /// An IPv4 address, an IPv6 address without its brackets, or a host name.
    package var host: String
    /// 0: any free one.
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether only this machine can reach the address.
    package var isLoopback: Bool {
        // `127.example.com` is a name like any other.
        var address = in_addr()
        return host == "localhost" || host == "::1" || host.hasPrefix("127.") && inet_pton(AF_INET, host, &address) == 1
    }
}

/// `log`.
package struct LogSection: Hashable, Sendable {
    /// `commit_interval`: the longest a batch waits for its sync.
    package var commitInterval = Duration.milliseconds(10)
    /// `segment_bytes`: length at which a segment is sealed and the next one begun.
    package var segmentBytes = ByteCount.mebibytes(64)
    /// `keep_free`: share of the file system that retention keeps free, in hundredths.
    package var keepFreePercent = 10
    /// `card_endurance`: what its maker lets be written to the card that `data` lies on; nil where nobody said.
    package var cardEndurance: ByteCount?
    package var readings = TopicConfiguration(
        retention: .days(400),
        retentionBytes: .mebibytes(8192),
        compression: .lz4,
        onFull: .dropOldest
    )
    package var alerts = TopicConfiguration(retention: .days(400), retentionBytes: .mebibytes(1024))
    package var rejected = TopicConfiguration(
        retention: .days(7),
        retentionBytes: .mebibytes(256),
        onFull: .dropOldest
    )
    /// As long as `readings`, for replay needs its ticks: 8,640 a day of about 200 bytes.
    package var system = TopicConfiguration(retention: .days(400), retentionBytes: .mebibytes(1024))
    package var gaps = TopicConfiguration(retention: .days(400), retentionBytes: .mebibytes(64))
    /// Of each silence and acknowledgement what holds; an old one that still holds must not go.
    package var operations = TopicConfiguration(cleanup: .compact)

    package init() {}

    /// `auto_create.partitions`, of a topic that a Kafka client asks for and that is not there; nil: it is not made.
    package var autoCreatePartitions: Int?

    /// Every topic with its settings.
    package var topics: [(name: TopicName, topic: TopicConfiguration)] {
        [
            (.readings, readings), (.alerts, alerts), (.rejected, rejected), (.system, system), (.gaps, gaps),
            (.operations, operations),
        ]
    }
}

/// `devices`: how the registry takes in what it does not know.
package struct DevicesConfiguration: Hashable, Sendable {
    package var registration = RegistrationPolicy.automatic
    /// `max_automatic`: devices that may register themselves.
    package var automaticMax = 10_000
    /// `max_metrics`, of one device.
    package var metricsMax = 64

    package init() {}
}

/// `devices.registration`.
package enum RegistrationPolicy: String, CaseIterable, Sendable {
    /// An unknown device appears with state `new` and is watched.
    case automatic
    /// An unknown device's payloads are rejected.
    case allowList = "allow_list"
}

extension Duration {
    /// Whole days of 24 hours.
    package static func days(_ count: Int64) -> Duration { .seconds(count * 86_400) }
}
