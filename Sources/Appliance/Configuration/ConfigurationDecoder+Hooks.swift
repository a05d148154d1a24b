// Reads the entries of `hooks`.

/// A value of `type` with the reader of its keys. A new hook is a line here.
private struct HookType: Sendable {
    var name: String
    var decode: @Sendable (ConfigurationDecoder, MappingReader) -> HookDelivery?

    static let all = [
        HookType(name: "webhook") { $0.decodeWebhook($1) },
        HookType(name: "exec") { $0.decodeExec($1) },
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
        let retryFor = reader.scalar("retry_for", .duration(.seconds(1)...(.days(365))))
        reader.finish()
        guard let delivery else { return nil }
        var hook = HookConfiguration(name: name, delivery: delivery)
        if let timeout { hook.timeout = timeout }
        if let retryFor { hook.retryFor = retryFor }
        return hook
    }

    fileprivate func decodeWebhook(_ reader: MappingReader) -> HookDelivery? {
        let url = reader.scalar("url", .webURL(mayHavePath: true))
        if !reader.isGiven("url") { reader.error("`url` is missing: where shall the webhook be delivered?") }
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
        return url.map { .webhook(url: Secret($0), headers: headers) }
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
        "content-type", "content-length", "host", "idempotency-key", "transfer-encoding",
    ]

    /// RFC 9110 section 5.6.2, `token`.
    private static func isHeaderName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 128
            && name.utf8.allSatisfy { ConfigurationText.isWordByte($0) || "!#$%&'*+-.^`|~".utf8.contains($0) }
    }
}
