// Reads the entries of `hooks`.
internal import Alerting
internal import Foundation
internal import MQTT

/// A value of `type` with the reader of its keys. A new hook is a line here.
private struct HookType: Sendable {
    var name: String
    /// It is a client of HTTP, and has the keys of one.
    var speaksHTTP = true
    var decode: @Sendable (ConfigurationDecoder, MappingReader) -> HookDelivery?

    static let all = [
        HookType(name: "webhook") { $0.decodeWebhook($1) },
        HookType(name: "exec", speaksHTTP: false) { $0.decodeExec($1) },
        HookType(name: "ntfy") { $0.decodeNtfy($1) },
        HookType(name: "slack") { $0.decodeSlack($1) },
        HookType(name: "pagerduty") { $0.decodePagerDuty($1) },
        HookType(name: "alertmanager") { $0.decodeAlertmanager($1) },
        HookType(name: "email", speaksHTTP: false) { $0.decodeEmail($1) },
        HookType(name: "mqtt", speaksHTTP: false) { $0.decodeMQTTHook($1) },
        HookType(name: "heartbeat") { $0.decodeHeartbeat($1) },
    ]
}

extension ConfigurationDecoder {
    /// - Returns: nil where nothing sensible can be said about the hook; its problems are reported.
    func decodeHook(_ reader: MappingReader, name: String) -> HookConfiguration? {
        let types = HookType.all.map(\.name)
        guard reader.node("type") != nil else {
            reader.error("hook `\(name)` has no `type`: one of \(types.map { "`\($0)`" }.joined(separator: ", "))")
            return nil
        }
        guard let typeName = reader.scalar("type", .word("type of hook", of: types)),
            let type = HookType.all.first(where: { $0.name == typeName })
        else { return nil }
        let delivery = type.decode(self, reader)
        let timeout = reader.scalar("timeout", .duration(.milliseconds(100)...(.seconds(600))))
        let addresses = type.speaksHTTP ? decodeAddresses(reader, url: delivery?.url) : []
        let transport = type.speaksHTTP ? decodeTransport(reader, url: delivery?.url) : HookTransport()
        let retryFor = reader.scalar("retry_for", .duration(.seconds(1)...(.days(365))))
        reader.finish()
        guard let delivery else { return nil }
        var hook = HookConfiguration(name: name, delivery: delivery)
        if let timeout { hook.timeout = timeout }
        if let retryFor { hook.retryFor = retryFor }
        hook.allowedAddresses = addresses
        hook.transport = transport
        return hook
    }

    fileprivate func decodeWebhook(_ reader: MappingReader) -> HookDelivery? {
        let url = requiredURL(reader, "where shall the webhook be delivered?")
        let headers = decodeHeaders(reader)
        let secret = reader.scalar("secret", .text(bytesMax: 1024)).map { Secret($0) }
        return url.map { .webhook(url: $0, headers: headers, secret: secret) }
    }

    fileprivate func decodeNtfy(_ reader: MappingReader) -> HookDelivery? {
        let url = requiredURL(reader, "the server, e.g. `https://ntfy.sh`")
        let topic = reader.scalar("topic", .ntfyTopic)
        if !reader.isGiven("topic") { reader.error("`topic` is missing: to what do the phones subscribe?") }
        let headers = decodeHeaders(reader)
        guard let url, let topic else { return nil }
        return .ntfy(url: url, topic: Secret(topic), headers: headers)
    }

    fileprivate func decodeSlack(_ reader: MappingReader) -> HookDelivery? {
        requiredURL(reader, "the address of the incoming webhook").map { .slack(url: $0) }
    }

    fileprivate func decodePagerDuty(_ reader: MappingReader) -> HookDelivery? {
        var url = HookDelivery.pagerDutyURL
        reader.read("url", .webURL(mayHavePath: true), into: &url)
        let key = reader.scalar("routing_key", .text(bytesMax: 128))
        if !reader.isGiven("routing_key") {
            reader.error("`routing_key` is missing: the integration key of an Events API v2 integration")
        }
        return key.map { .pagerduty(url: url, routingKey: Secret($0)) }
    }

    fileprivate func decodeAlertmanager(_ reader: MappingReader) -> HookDelivery? {
        let url = requiredURL(reader, "the server, e.g. `http://127.0.0.1:9093`")
        let headers = decodeHeaders(reader)
        var interval = AlertingLimits.resendInterval
        reader.read("resend_interval", .duration(.seconds(1)...(.seconds(3600))), into: &interval)
        return url.map { .alertmanager(url: $0, headers: headers, resendInterval: interval) }
    }

    fileprivate func decodeHeartbeat(_ reader: MappingReader) -> HookDelivery? {
        let url = requiredURL(reader, "who misses the box when it does not call?")
        var interval = Duration.seconds(60)
        reader.read("interval", .duration(.seconds(1)...(.seconds(86_400))), into: &interval)
        return url.map { .heartbeat(url: $0, interval: interval) }
    }

    fileprivate func decodeEmail(_ reader: MappingReader) -> HookDelivery? {
        var sendmail = HookDelivery.sendmail
        reader.read("sendmail", .path, into: &sendmail)
        let from = reader.scalar("from", .emailAddress)
        let to = reader.list("to", .emailAddress, countMax: 32)
        if !reader.isGiven("from") { reader.error("`from` is missing: the sender's address") }
        if reader.isEmpty("to") { reader.error("`to` is missing: the addresses of who is told") }
        guard let from, let to, !to.isEmpty else { return nil }
        return .email(sendmail: sendmail, from: from, to: to)
    }

    fileprivate func decodeMQTTHook(_ reader: MappingReader) -> HookDelivery? {
        var mqtt = MQTTHookConfiguration()
        reader.read("url", .broker, into: &mqtt.broker)
        reader.read("user", .text(bytesMax: 256), into: &mqtt.user)
        reader.read("password_file", .path, into: &mqtt.passwordFile)
        reader.read("ca_file", .path, into: &mqtt.caFile)
        reader.read("cert_file", .path, into: &mqtt.certFile)
        reader.read("key_file", .path, into: &mqtt.keyFile)
        reader.read("client_id", .text(bytesMax: 64), into: &mqtt.clientID)
        reader.read("topic", .topicPrefix, into: &mqtt.topic)
        reader.read("discovery", .boolean, into: &mqtt.discovery)
        reader.read("discovery_prefix", .topicPrefix, into: &mqtt.discoveryPrefix)
        checkPassword(reader)
        checkCertificates(reader, isTLS: mqtt.broker.usesTLS, scheme: "mqtts://")
        if reader.isGiven("discovery_prefix"), !mqtt.discovery {
            context.diagnostics.error(
                reader.place(of: "discovery_prefix"),
                "`discovery_prefix` needs `discovery: true` beside it"
            )
        }
        return .mqtt(mqtt)
    }

    private func decodeTransport(_ reader: MappingReader, url: String?) -> HookTransport {
        var transport = HookTransport()
        reader.read("ca_file", .path, into: &transport.caFile)
        reader.read("cert_file", .path, into: &transport.certificateFile)
        reader.read("key_file", .path, into: &transport.keyFile)
        reader.read("redirects", .integer(0...AlertingLimits.redirectsMax), into: &transport.redirectsMax)
        if let url { checkCertificates(reader, isTLS: url.lowercased().hasPrefix("https://"), scheme: "https://") }
        return transport
    }

    /// `allow_addresses`; a URL that stands at a refused address without it is said here, and not at night.
    private func decodeAddresses(_ reader: MappingReader, url: String?) -> [HookAddress] {
        let addresses = reader.list("allow_addresses", .ipAddress, countMax: 64) ?? []
        if let address = url.flatMap({ ConfigurationDecoder.literalAddress($0) }), address.isSensitive,
            !addresses.contains(address)
        {
            context.diagnostics.error(
                reader.place(of: "url"),
                "`url`: \(address) is link-local or serves metadata; if it is meant, write "
                    + "`allow_addresses: [\"\(address)\"]`"
            )
        }
        return addresses
    }

    private static func literalAddress(_ url: String) -> HookAddress? {
        let host = URLComponents(string: url)?.host ?? ""
        return HookAddress(host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host)
    }

    private func requiredURL(_ reader: MappingReader, _ question: String) -> Secret? {
        if !reader.isGiven("url") { reader.error("`url` is missing: \(question)") }
        return reader.scalar("url", .webURL(mayHavePath: true)).map { Secret($0) }
    }

    private func decodeHeaders(_ reader: MappingReader) -> [String: Secret] {
        var headers: [String: Secret] = [:]
        if let given = reader.mapping("headers") {
            for entry in given.all {
                guard ConfigurationDecoder.isHeaderName(entry.key) else {
                    context.diagnostics.error(entry.keyPlace, "`headers`: `\(entry.key)` is no name of an HTTP header")
                    continue
                }
                guard !ConfigurationDecoder.ownHeaders.contains(entry.key.lowercased()) else {
                    context.diagnostics.error(entry.keyPlace, "`headers`: Forebay sets `\(entry.key)` itself")
                    continue
                }
                let value = context.scalar(entry.value, .text(bytesMax: 8192), named: entry.key)
                if let value { headers[entry.key] = Secret(value) }
            }
        }
        return headers
    }

    fileprivate func decodeExec(_ reader: MappingReader) -> HookDelivery? {
        let command = reader.list("command", .paragraph(bytesMax: 4096), countMax: 256)
        guard let command, let program = command.first else {
            if command != nil || !reader.isGiven("command") {
                reader.error(
                    "`command` is missing: the program and its arguments, e.g. `[\"/usr/local/bin/siren\", \"on\"]`"
                )
            }
            return nil
        }
        guard program.hasPrefix("/") else {
            context.diagnostics.error(
                reader.place(of: "command"),
                "`command`: the program needs its full path; there is no shell that would search for it"
            )
            return nil
        }
        return .exec(program: program, arguments: command.dropFirst().map { Secret($0) })
    }

    /// Header names that the delivery itself depends on.
    private static let ownHeaders: Set<String> = [
        "content-type", "content-length", "host", "idempotency-key", "transfer-encoding", "x-forebay-signature",
    ]

    /// RFC 9110 section 5.6.2, `token`.
    private static func isHeaderName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 128
            && name.utf8.allSatisfy { ConfigurationText.isWordByte($0) || "!#$%&'*+-.^`|~".utf8.contains($0) }
    }
}

extension HookDelivery {
    /// Where Debian's mail systems have it.
    static let sendmail = "/usr/sbin/sendmail"
    /// The region of the United States; accounts of the European one say so with `url`.
    static let pagerDutyURL = "https://events.pagerduty.com/v2/enqueue"
}

extension ScalarType where Value == HookAddress {
    fileprivate static var ipAddress: ScalarType {
        ScalarType<String>.text(bytesMax: 64).refined { text throws(WrongValue) in
            guard let address = HookAddress(text) else {
                throw WrongValue("expected an IP address such as `169.254.7.9`, not a name or a network")
            }
            return address
        }
    }
}

extension ScalarType where Value == String {
    /// An address as programs take it: no name beside it, no blanks, nothing that looks like an option.
    fileprivate static var emailAddress: ScalarType {
        text(bytesMax: 254).refined { text throws(WrongValue) in
            let parts = text.split(separator: "@", omittingEmptySubsequences: false)
            let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"()<>[]:;,\\\"".utf8.contains($0) }
            guard isPlain, parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, !text.hasPrefix("-") else {
                throw WrongValue("expected an address such as `duty@example.org`")
            }
            return text
        }
    }

    /// The first levels of MQTT topics.
    fileprivate static var topicPrefix: ScalarType {
        text(bytesMax: 256).refined { text throws(WrongValue) in
            guard MQTTTopic.isPrefix(text) else {
                throw WrongValue("expected levels such as `home/alerts`: none empty, no `+` and `#`, not below `$`")
            }
            return text
        }
    }

    /// A topic's name as ntfy allows it.
    fileprivate static var ntfyTopic: ScalarType {
        text(bytesMax: 64).refined { text throws(WrongValue) in
            let isAllowed = text.utf8.allSatisfy { ConfigurationText.isWordByte($0) || $0 == 0x2D }
            guard isAllowed, !text.isEmpty else {
                throw WrongValue("expected up to 64 letters, digits, `_` and `-`")
            }
            return text
        }
    }
}
