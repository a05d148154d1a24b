// The configuration as a flat list of settings: what its hash is made of and what a reload compares.
internal import Alerting
internal import CommitLog
internal import Ingest
internal import KafkaNIO
internal import Rules

/// One effective setting, given or default.
package struct ConfigurationSetting: Hashable, Sendable {
    /// The part that people add and remove as a whole.
    package enum Part: Hashable, Sendable {
        case box
        case input(String)
        case hook(String)
        case rule(String)
    }

    package var part: Part
    /// Dotted path of the key; inside of a part from the part on.
    package var key: String
    /// As the file would say it; `<secret>` where it is one.
    package var value: String
    /// The secret behind `<secret>`, so that a changed one is seen as a change; never shown.
    private var secret: Secret?

    init(_ part: Part, _ key: String, _ value: String, secret: Secret? = nil) {
        self.part = part
        self.key = key
        self.value = value
        self.secret = secret
    }

    /// The dotted path from the root.
    package var path: String {
        switch part {
        case .box: key
        case .input(let name): "inputs.\(name).\(key)"
        case .hook(let name): "hooks.\(name).\(key)"
        case .rule(let alert): "rules.\(alert).\(key)"
        }
    }
}

extension Configuration {
    /// Every setting that is in force, in a fixed order; one that has no value is left out.
    package var settings: [ConfigurationSetting] {
        boxSettings + inputs.flatMap(\.settings) + hooks.flatMap(\.settings) + rules.flatMap(\.settings)
    }

    /// 16 hexadecimal digits: FNV-1a, 64 bits, over the lines `path=value` of `settings`. Secrets do not enter it, nor
    /// do comments, order of keys or the way in which the files are cut. Tells configurations apart; proves nothing.
    package var hash: String {
        var state: UInt64 = 0xCBF2_9CE4_8422_2325
        for setting in settings {
            for byte in "\(setting.path)=\(setting.value)\n".utf8 {
                state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
            }
        }
        let digits = String(state, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private var boxSettings: [ConfigurationSetting] {
        var lines = SettingLines(part: .box)
        lines.add("name", name)
        lines.add("time_zone", timeZone)
        lines.add("external_url", externalURL)
        lines.add("data", data)
        lines.add("clock", clock.rawValue)
        lines.add("listen.http", listen.http?.address.description ?? "none")
        if let http = listen.http, http.isInsecure { lines.add("listen.http.insecure", "true") }
        lines.add("listen.kafka", listen.kafka?.address.description ?? "none")
        if let kafka = listen.kafka {
            lines.add("listen.kafka.advertise", kafka.advertised?.description)
            if let tls = kafka.tls {
                lines.add("listen.kafka.tls.cert", tls.certificate)
                lines.add("listen.kafka.tls.key", tls.key)
                lines.add("listen.kafka.tls.ca", tls.clientAuthorities)
            }
            lines.add("listen.kafka.users_file", kafka.usersFile)
            for (index, permission) in (kafka.permissions ?? []).enumerated() {
                let allowed = permission.allow.map(\.rawValue).sorted().joined(separator: ", ")
                lines.add(
                    "listen.kafka.permissions[\(index)]",
                    "\(permission.user): \(allowed); topics \(permission.topics.joined(separator: ", "));"
                        + " groups \(permission.groups.joined(separator: ", "))"
                )
            }
            if kafka.isInsecure { lines.add("listen.kafka.insecure", "true") }
        }
        lines.add("log.commit_interval", log.commitInterval)
        lines.add("log.segment_bytes", log.segmentBytes.value)
        lines.add("log.keep_free", "\(log.keepFreePercent)%")
        if let bytes = log.cardEndurance { lines.add("log.card_endurance", bytes.value) }
        if let partitions = log.autoCreatePartitions { lines.add("log.auto_create.partitions", "\(partitions)") }
        for (name, topic) in log.topics {
            let path = "log.topics.\(name)"
            lines.add("\(path).partitions", "\(topic.partitions)")
            lines.add("\(path).retention", topic.retention)
            if let bytes = topic.retentionBytes { lines.add("\(path).retention_bytes", bytes.value) }
            lines.add("\(path).compression", "\(topic.compression)")
            lines.add("\(path).cleanup", "\(topic.cleanup)")
            lines.add("\(path).on_full", topic.onFull == .dropOldest ? "drop_oldest" : "refuse")
        }
        lines.add("devices.registration", devices.registration.rawValue)
        lines.add("devices.max_automatic", "\(devices.automaticMax)")
        lines.add("devices.max_metrics", "\(devices.metricsMax)")
        return lines.settings
    }
}

extension InputConfiguration {
    fileprivate var settings: [ConfigurationSetting] {
        var lines = SettingLines(part: .input(name))
        lines.add("type", transport.typeName)
        switch transport {
        case .mqtt(let mqtt): add(mqtt, to: &lines)
        case .udp(let udp):
            lines.add("listen", udp.listen.description)
            lines.add("receive_buffer_bytes", Int64(udp.receiveBufferBytes))
        case .serial(let serial):
            lines.add("port", serial.port)
            lines.add("baud", "\(serial.baud)")
            lines.add("data_bits", "\(serial.dataBits)")
            lines.add("parity", serial.parity.rawValue)
            lines.add("stop_bits", "\(serial.stopBits)")
            lines.add("flow_control", serial.flowControl.rawValue)
            lines.add("framing", serial.framing.rawValue)
        }
        lines.add("format", format)
        lines.add("device", device)
        lines.add("device_field", deviceField)
        lines.add("device_prefix", devicePrefix)
        lines.add("numeric_strings", "\(numericStrings)")
        lines.add("time_zone", timeZone)
        lines.add("believe.past", believe.past)
        lines.add("believe.future", believe.future)
        lines.add("ignore", ignore)
        lines.add("required", "\(isRequired)")
        lines.add("columns", columns ?? [])
        lines.add("payload_bytes_max", Int64(payloadBytesMax))
        return lines.settings
    }

    private func add(_ mqtt: MQTTConfiguration, to lines: inout SettingLines) {
        lines.add("url", mqtt.broker.description)
        lines.add("subscribe", mqtt.subscribe)
        lines.add("exclude", mqtt.exclude)
        lines.add("user", mqtt.user)
        lines.add("password_file", mqtt.passwordFile)
        lines.add("ca_file", mqtt.caFile)
        lines.add("cert_file", mqtt.certFile)
        lines.add("key_file", mqtt.keyFile)
        lines.add("client_id", mqtt.clientID)
        lines.add("keepalive", mqtt.keepalive)
        lines.add("receive_maximum", "\(mqtt.receiveMaximum)")
        lines.add("duplicates", mqtt.duplicates.rawValue)
    }
}

extension HookConfiguration {
    fileprivate var settings: [ConfigurationSetting] {
        var lines = SettingLines(part: .hook(name))
        lines.add("type", delivery.typeName)
        switch delivery {
        case .webhook(let url, let headers, let secret):
            lines.add("url", url)
            lines.add(headers)
            if let secret { lines.add("secret", secret) }
        case .exec(let program, let arguments):
            lines.add("command", program)
            for (index, argument) in arguments.enumerated() { lines.add("command.\(index + 1)", argument) }
        case .ntfy(let url, let topic, let headers):
            lines.add("url", url)
            lines.add("topic", topic)
            lines.add(headers)
        case .slack(let url):
            lines.add("url", url)
        case .pagerduty(let url, let routingKey):
            lines.add("url", url)
            lines.add("routing_key", routingKey)
        case .alertmanager(let url, let headers, let resendInterval):
            lines.add("url", url)
            lines.add(headers)
            lines.add("resend_interval", resendInterval)
        case .heartbeat(let url, let interval):
            lines.add("url", url)
            lines.add("interval", interval)
        case .email(let sendmail, let from, let to):
            lines.add("sendmail", sendmail)
            lines.add("from", from)
            lines.add("to", to)
        case .mqtt(let mqtt):
            add(mqtt, to: &lines)
        }
        lines.add("timeout", timeout)
        lines.add("retry_for", retryFor)
        lines.add("allow_addresses", allowedAddresses.map(\.description))
        lines.add("ca_file", transport.caFile)
        lines.add("cert_file", transport.certificateFile)
        lines.add("key_file", transport.keyFile)
        if transport.redirectsMax > 0 { lines.add("redirects", "\(transport.redirectsMax)") }
        return lines.settings
    }

    private func add(_ mqtt: MQTTHookConfiguration, to lines: inout SettingLines) {
        lines.add("url", mqtt.broker.description)
        lines.add("user", mqtt.user)
        lines.add("password_file", mqtt.passwordFile)
        lines.add("ca_file", mqtt.caFile)
        lines.add("cert_file", mqtt.certFile)
        lines.add("key_file", mqtt.keyFile)
        lines.add("client_id", mqtt.clientID)
        lines.add("topic", mqtt.topic)
        lines.add("discovery", "\(mqtt.discovery)")
        if mqtt.discovery { lines.add("discovery_prefix", mqtt.discoveryPrefix) }
    }
}

extension RuleDefinition {
    fileprivate var settings: [ConfigurationSetting] {
        var lines = SettingLines(part: .rule(alert))
        lines.add("match.metric", match.metrics)
        lines.add("match.device", match.devices)
        for (label, values) in match.labels.sorted(by: { $0.key < $1.key }) {
            lines.add("match.labels.\(label)", values)
        }
        lines.add("match.name", match.names)
        lines.add("match.profile", match.profiles)
        lines.add("match.location", match.locations)
        for (index, level) in levels.enumerated() {
            lines.add(level, below: levels.count == 1 ? "" : "levels.\(index + 1).")
        }
        if signal != .reading {
            lines.add("value", signal.aggregate.rawValue)
            lines.add("over", signal.over)
            if signal.aggregate == .rate { lines.add("per", signal.per) }
        }
        lines.add("unit", unit)
        if let onlyIf {
            lines.add("only_if.metric", onlyIf.metric)
            lines.add(onlyIf.condition, below: "only_if.")
            lines.add("only_if.within", onlyIf.within)
        }
        if let group {
            lines.add("at_least", "\(group.atLeast)")
            lines.add("within", group.within)
            lines.add("by", group.by)
        }
        lines.add("summary", summary)
        lines.add("description", description)
        lines.add("runbook", runbook)
        if let notify { lines.add("notify", "[\(notify.joined(separator: ", "))]") }
        lines.add("repeat", policy.repeatEvery)
        lines.add("mute", policy.mutes.map(\.text))
        lines.add(
            "inhibited_by",
            policy.inhibitors.map { inhibitor in
                let equal = inhibitor.equal.joined(separator: ", ")
                return equal.isEmpty ? inhibitor.alert : "{ alert: \(inhibitor.alert), equal: [\(equal)] }"
            }
        )
        if let escalation = policy.escalation {
            lines.add("escalate.after", escalation.after)
            lines.add("escalate.notify", escalation.notify)
        }
        return lines.settings
    }
}

/// Collects the settings of one part.
private struct SettingLines {
    let part: ConfigurationSetting.Part
    private(set) var settings: [ConfigurationSetting] = []

    init(part: ConfigurationSetting.Part) {
        self.part = part
    }

    mutating func add(_ key: String, _ value: String?) {
        if let value { settings.append(ConfigurationSetting(part, key, value)) }
    }

    mutating func add(_ condition: RuleCondition, below path: String) {
        switch condition {
        case .above(let limit, let clear):
            add("\(path)above", "\(limit)")
            add("\(path)clear_below", clear.map { "\($0)" })
        case .below(let limit, let clear):
            add("\(path)below", "\(limit)")
            add("\(path)clear_above", clear.map { "\($0)" })
        case .outside(let low, let high): add("\(path)outside", "[\(low), \(high)]")
        case .inside(let low, let high): add("\(path)inside", "[\(low), \(high)]")
        case .equals(let value): add("\(path)equals", "\(value)")
        case .absent(.duration(let duration)): add("\(path)absent", duration)
        case .absent(.intervals(let count)): add("\(path)absent", "\(count)x")
        case .unchanged(let duration): add("\(path)unchanged", duration)
        case .isState(let state): add("\(path)equals", state)
        case .holds(let expression): add("\(path)expr", expression.source)
        }
    }

    mutating func add(_ level: RuleLevel, below path: String) {
        add(level.condition, below: path)
        add("\(path)for", level.holdFor)
        if level.clearFor > .zero { add("\(path)clear_for", level.clearFor) }
        add("\(path)severity", level.severity)
    }

    mutating func add(_ key: String, _ value: Duration?) {
        add(key, value.map { ScalarType<Duration>.render($0) })
    }

    mutating func add(_ key: String, _ value: Int64) {
        add(key, ScalarType<Int64>.render(value))
    }

    mutating func add(_ key: String, _ values: [String]) {
        if !values.isEmpty { add(key, "[\(values.joined(separator: ", "))]") }
    }

    mutating func add(_ headers: [String: Secret]) {
        for (header, value) in headers.sorted(by: { $0.key < $1.key }) { add("headers.\(header)", value) }
    }

    mutating func add(_ key: String, _ value: Secret) {
        settings.append(ConfigurationSetting(part, key, value.description, secret: value))
    }
}
