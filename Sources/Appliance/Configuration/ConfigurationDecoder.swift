// From the merged tree to values: the sections that describe the box itself. Inputs, hooks and rules have own files.
internal import CommitLog
internal import DeviceRegistry
internal import Rules

/// Reads the whole tree, reporting everything that is wrong on the way.
struct ConfigurationDecoder {
    let context: ReadingContext

    /// Keys of the root that later versions have.
    private static let laterKeys = ["uplink"]
    /// Bounds that keep the tables of the running daemon small.
    private static let inputsMax = 256
    private static let hooksMax = 64
    static let rulesMax = 10_000

    func decode(_ entries: [ConfigurationNode.Entry], place: ConfigurationPlace, hostName: String) -> Configuration {
        let root = MappingReader(entries, path: "", place: place, context: context)
        var configuration = Configuration()
        configuration.name = hostName
        root.read("name", .text(bytesMax: 64), into: &configuration.name)
        root.read("time_zone", .timeZone, into: &configuration.timeZone)
        root.read("external_url", .webURL(mayHavePath: false), into: &configuration.externalURL)
        root.read("data", .path, into: &configuration.data)
        root.read("clock", .choice("clock"), into: &configuration.clock)
        if let listen = root.mapping("listen") { decodeListen(listen, into: &configuration.listen) }
        if let log = root.mapping("log") { decodeLog(log, into: &configuration.log) }
        configuration.inputs = root.named("inputs", countMax: ConfigurationDecoder.inputsMax)
            .compactMap { decodeInput($0.reader, name: $0.name) }
        if let devices = root.mapping("devices") { decodeDevices(devices, into: &configuration.devices) }
        configuration.hooks = root.named("hooks", countMax: ConfigurationDecoder.hooksMax)
            .compactMap { decodeHook($0.reader, name: $0.name) }
        configuration.rules = decodeRules(root)
        root.finish(later: ConfigurationDecoder.laterKeys)
        return configuration
    }

    private func decodeListen(_ listen: MappingReader, into target: inout ListenConfiguration) {
        if let node = listen.node("http") { target.http = decodeHTTP(node, in: listen) }
        if let node = listen.node("kafka") { target.kafka = decodeKafka(node, in: listen) }
        listen.finish()
    }

    /// `ADDRESS`, `none`, or `{ listen, insecure }`.
    private func decodeHTTP(_ node: ConfigurationNode, in listen: MappingReader) -> HTTPListenConfiguration? {
        if case .scalar(let scalar) = node.content, scalar.text == "none" { return nil }
        var http = HTTPListenConfiguration()
        var place = node.place
        if case .mapping = node.content {
            guard let reader = listen.mapping(node, named: "http") else { return http }
            reader.read("listen", .hostPort, into: &http.address)
            reader.read("insecure", .boolean, into: &http.isInsecure)
            reader.finish(later: ["token_file", "tls"])
            place = reader.place(of: "listen")
        } else {
            listen.read("http", .hostPort, into: &http.address)
        }
        if !http.isInsecure { refuseOpen(http.address, "http", place) }
        return http
    }

    func refuseOpen(_ address: HostPort, _ listener: String, _ place: ConfigurationPlace) {
        guard !address.isLoopback else { return }
        context.diagnostics.error(
            place,
            "`listen.\(listener)`: \(address) is open to other machines and asks for no credentials; if that is meant, "
                + "write `\(listener): { listen: \"\(address)\", insecure: true }`"
        )
    }

    private func decodeLog(_ log: MappingReader, into target: inout LogSection) {
        log.read("commit_interval", .duration(.milliseconds(1)...(.seconds(60))), into: &target.commitInterval)
        if let bytes = log.scalar("segment_bytes", .byteCount((64 << 10)...(1 << 30))) {
            target.segmentBytes = ByteCount(bytes)
        }
        log.read("keep_free", .percent(0...90), into: &target.keepFreePercent)
        target.cardEndurance = log.scalar("card_endurance", .byteCount((1 << 30)...(1 << 60))).map { ByteCount($0) }
        if let topics = log.mapping("topics") {
            decodeTopic(topics, "readings", partitionsMax: 64, into: &target.readings)
            decodeTopic(topics, "alerts", partitionsMax: 1, into: &target.alerts)
            decodeTopic(topics, "rejected", partitionsMax: 1, into: &target.rejected)
            decodeTopic(topics, "system", partitionsMax: 1, into: &target.system)
            decodeTopic(topics, "gaps", partitionsMax: 1, into: &target.gaps)
            decodeTopic(topics, "operations", partitionsMax: 1, into: &target.operations)
            topics.finish(later: ["devices"])
        }
        if let automatic = log.mapping("auto_create") {
            var (isEnabled, partitions) = (false, 1)
            automatic.read("enabled", .boolean, into: &isEnabled)
            automatic.read("partitions", .integer(1...64), into: &partitions)
            automatic.finish()
            target.autoCreatePartitions = isEnabled ? partitions : nil
        }
        log.finish()
    }

    private func decodeTopic(
        _ topics: MappingReader,
        _ name: String,
        partitionsMax: Int,
        into target: inout TopicConfiguration
    ) {
        guard let topic = topics.mapping(name) else { return }
        topic.read("partitions", .integer(1...partitionsMax), into: &target.partitions)
        topic.read("retention", .duration(.seconds(60)...(.days(36_500))), into: &target.retention)
        if let bytes = topic.scalar("retention_bytes", .byteCount((64 << 10)...(1 << 50))) {
            target.retentionBytes = ByteCount(bytes)
        }
        topic.read("compression", .compression, into: &target.compression)
        topic.read("cleanup", .cleanup, into: &target.cleanup)
        topic.read("on_full", .fullPolicy, into: &target.onFull)
        if target.cleanup == .compact {
            let refusals = ["retention", "retention_bytes"] + (target.onFull == .dropOldest ? ["on_full"] : [])
            for key in refusals where topic.isGiven(key) {
                context.diagnostics.error(
                    topic.place(of: key),
                    "`\(key)` is not for a topic with `cleanup: compact`, which keeps the newest record of each key"
                )
            }
        }
        topic.finish()
    }

    private func decodeDevices(_ devices: MappingReader, into target: inout DevicesConfiguration) {
        devices.read("registration", .choice("kind of registration"), into: &target.registration)
        devices.read("max_automatic", .integer(0...RegistryLimits.devicesMax), into: &target.automaticMax)
        devices.read("max_metrics", .integer(1...RegistryLimits.metricsMax), into: &target.metricsMax)
        devices.finish()
    }
}

extension ScalarType where Value == Compression {
    static var compression: ScalarType {
        .choice("compression", of: ["none": .none, "lz4": .lz4, "zstd": .zstd])
    }
}

extension ScalarType where Value == Cleanup {
    static var cleanup: ScalarType {
        .choice("kind of cleanup", of: ["delete": .delete, "compact": .compact])
    }
}

extension ScalarType where Value == FullPolicy {
    static var fullPolicy: ScalarType {
        .choice("policy", of: ["drop_oldest": .dropOldest, "refuse": .refuse])
    }
}
