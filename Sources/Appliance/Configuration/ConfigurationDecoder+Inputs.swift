// Reads the entries of `inputs`.
internal import Ingest

/// A value of `type` with the reader of its keys. A new input is a line here.
private struct InputType: Sendable {
    var name: String
    var decode: @Sendable (ConfigurationDecoder, MappingReader) -> InputTransport?

    static let all = [
        InputType(name: "mqtt") { $0.decodeMQTT($1) },
        InputType(name: "udp") { $0.decodeUDP($1) },
        InputType(name: "serial") { $0.decodeSerial($1) },
    ]
}

extension ConfigurationDecoder {
    /// Largest payload that any input may be told to take: a refused one is kept as one record of `rejected`, with its
    /// headers, and a record must fit into one batch.
    private static let payloadBytesMax: Int64 = 900 << 10

    /// - Returns: nil where nothing sensible can be said about the input; its problems are reported.
    func decodeInput(_ reader: MappingReader, name: String) -> InputConfiguration? {
        let errorsBefore = context.diagnostics.errorCount
        let types = InputType.all.map(\.name)
        guard reader.node("type") != nil else {
            reader.error("input `\(name)` has no `type`: one of \(types.map { "`\($0)`" }.joined(separator: ", "))")
            return nil
        }
        guard let typeName = reader.scalar("type", .word("type of input", of: types)),
            let type = InputType.all.first(where: { $0.name == typeName }),
            let transport = type.decode(self, reader)
        else {
            // Without its type nobody knows its other keys, so they are not judged.
            return nil
        }
        var input = InputConfiguration(name: name, transport: transport)
        decodeMeaning(reader, into: &input)
        reader.finish()
        if context.diagnostics.errorCount == errorsBefore { checkDecoder(input, reader) }
        return input
    }

    /// The keys that every type has.
    private func decodeMeaning(_ reader: MappingReader, into input: inout InputConfiguration) {
        reader.read("format", .word("format", of: DecoderRegistry.all.map(\.name)), into: &input.format)
        reader.read("device", .text(bytesMax: 128), into: &input.device)
        reader.read("device_field", .text(bytesMax: 128), into: &input.deviceField)
        reader.read("device_prefix", .text(bytesMax: 64), into: &input.devicePrefix)
        reader.read("numeric_strings", .boolean, into: &input.numericStrings)
        reader.read("time_zone", .timeZone, into: &input.timeZone)
        if let believe = reader.mapping("believe") {
            believe.read("past", .duration(.zero...(.days(36_500))), into: &input.believe.past)
            believe.read("future", .duration(.zero...(.days(3650))), into: &input.believe.future)
            believe.finish()
        }
        if let ignore = reader.list("ignore", .text(bytesMax: 256)) { input.ignore = ignore }
        reader.read("required", .boolean, into: &input.isRequired)
        decodeColumns(reader, into: &input)
        if let bytes = reader.scalar("payload_bytes_max", .byteCount(1...ConfigurationDecoder.payloadBytesMax)) {
            input.payloadBytesMax = Int(bytes)
        }
        if case .udp = input.transport, input.payloadBytesMax > InputLimits.datagramBytesMax {
            context.diagnostics.error(
                reader.place(of: "payload_bytes_max"),
                "`payload_bytes_max`: no datagram is longer than \(InputLimits.datagramBytesMax) bytes"
            )
        }
    }

    private func decodeColumns(_ reader: MappingReader, into input: inout InputConfiguration) {
        guard let columns = reader.list("columns", .text(bytesMax: 128), countMax: 256) else { return }
        let place = reader.place(of: "columns")
        if input.format != "csv" {
            context.diagnostics.error(place, "`columns` belongs to `format: csv`, and this is `\(input.format)`")
        }
        if columns.isEmpty { context.diagnostics.error(place, "`columns`: there must be at least one") }
        if Set(columns.map { $0.lowercased() }).count != columns.count {
            context.diagnostics.error(place, "`columns`: two have the same name")
        }
        input.columns = columns
    }

    /// What only the decoder itself knows to be wrong.
    private func checkDecoder(_ input: InputConfiguration, _ reader: MappingReader) {
        guard let definition = DecoderRegistry.definition(named: input.format) else { return }
        do throws(DecoderOptionError) {
            _ = try definition.make(input.decoderOptions)
        } catch {
            context.diagnostics.error(reader.place(of: error.key), "`\(error.key)`: \(error.description)")
        }
    }

    // MARK: Transports

    fileprivate func decodeMQTT(_ reader: MappingReader) -> InputTransport? {
        var mqtt = MQTTConfiguration()
        reader.read("url", .broker, into: &mqtt.broker)
        mqtt.subscribe = reader.list("subscribe", .text(bytesMax: 1024)) ?? []
        if reader.isEmpty("subscribe") {
            reader.error(
                "`subscribe` is missing: an MQTT input needs at least one topic pattern, e.g."
                    + " `[\"sensors/{device}/{metric}\"]`"
            )
        }
        if let exclude = reader.list("exclude", .text(bytesMax: 1024)) { mqtt.exclude = exclude }
        reader.read("user", .text(bytesMax: 256), into: &mqtt.user)
        reader.read("password_file", .path, into: &mqtt.passwordFile)
        reader.read("ca_file", .path, into: &mqtt.caFile)
        reader.read("cert_file", .path, into: &mqtt.certFile)
        reader.read("key_file", .path, into: &mqtt.keyFile)
        reader.read("client_id", .text(bytesMax: 64), into: &mqtt.clientID)
        reader.read("keepalive", .duration(.seconds(60)...(.seconds(65_535))), into: &mqtt.keepalive)
        reader.read("receive_maximum", .integer(1...65_535), into: &mqtt.receiveMaximum)
        reader.read("duplicates", .choice("treatment of duplicates"), into: &mqtt.duplicates)
        checkMQTT(mqtt, reader)
        return .mqtt(mqtt)
    }

    private func checkMQTT(_ mqtt: MQTTConfiguration, _ reader: MappingReader) {
        for (pattern, node) in zip(mqtt.subscribe, elements(reader, "subscribe", count: mqtt.subscribe.count)) {
            if let wrong = problem(in: pattern) { context.diagnostics.error(node, "`subscribe`: \(wrong)") }
        }
        for (filter, node) in zip(mqtt.exclude, elements(reader, "exclude", count: mqtt.exclude.count)) {
            if let wrong = problem(in: filter) { context.diagnostics.error(node, "`exclude`: \(wrong)") }
        }
        checkPassword(reader)
        checkCertificates(reader, isTLS: mqtt.broker.usesTLS, scheme: "mqtts://")
    }

    /// Whoever has a password has a name.
    func checkPassword(_ reader: MappingReader) {
        guard reader.isGiven("password_file"), !reader.isGiven("user") else { return }
        context.diagnostics.error(reader.place(of: "password_file"), "`password_file` needs `user` beside it")
    }

    /// `ca_file`, `cert_file` and `key_file` of what connects, which is TLS where its URL begins with `scheme`.
    func checkCertificates(_ reader: MappingReader, isTLS: Bool, scheme: String) {
        if reader.isGiven("cert_file") != reader.isGiven("key_file") {
            let (given, other) =
                reader.isGiven("cert_file") ? ("cert_file", "key_file") : ("key_file", "cert_file")
            context.diagnostics.error(reader.place(of: given), "`\(given)` needs `\(other)` beside it")
        }
        for key in ["ca_file", "cert_file", "key_file"] where !isTLS && reader.isGiven(key) {
            context.diagnostics.error(
                reader.place(of: key),
                "`\(key)` is for TLS: the `url` must begin with `\(scheme)`"
            )
        }
    }

    private func problem(in pattern: String) -> String? {
        do throws(TopicPatternError) {
            _ = try TopicPattern(pattern)
            return nil
        } catch {
            return error.description
        }
    }

    /// The places of a list's elements; of the list where they cannot be told apart.
    private func elements(_ reader: MappingReader, _ key: String, count: Int) -> [ConfigurationPlace] {
        if case .sequence(let nodes)? = reader.node(key)?.content, nodes.count == count { return nodes.map(\.place) }
        return [ConfigurationPlace](repeating: reader.place(of: key), count: count)
    }

    fileprivate func decodeUDP(_ reader: MappingReader) -> InputTransport? {
        var udp = UDPConfiguration()
        reader.read("listen", .boundAddress, into: &udp.listen)
        if let bytes = reader.scalar("receive_buffer_bytes", .byteCount((64 << 10)...(1 << 30))) {
            udp.receiveBufferBytes = Int(bytes)
        }
        return .udp(udp)
    }

    fileprivate func decodeSerial(_ reader: MappingReader) -> InputTransport? {
        let port = reader.scalar("port", .path)
        if port == nil, !reader.isGiven("port") {
            reader.error("`port` is missing: a serial input needs its device, e.g. `/dev/serial/by-id/...`")
        }
        var serial = SerialConfiguration(port: port ?? "")
        reader.read("baud", .integer(50...20_000_000), into: &serial.baud)
        reader.read("data_bits", .integer(5...8), into: &serial.dataBits)
        reader.read("parity", .choice("parity"), into: &serial.parity)
        reader.read("stop_bits", .integer(1...2), into: &serial.stopBits)
        reader.read("flow_control", .choice("flow control"), into: &serial.flowControl)
        reader.read("framing", .choice("framing"), into: &serial.framing)
        return .serial(serial)
    }
}
