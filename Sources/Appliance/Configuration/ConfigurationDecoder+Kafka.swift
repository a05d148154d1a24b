// Reads `listen.kafka`: where clients connect, who they are, and what they may do.
internal import KafkaNIO

extension ConfigurationDecoder {
    private static let permissionsMax = 1_000
    private static let patternsMax = 100

    /// `ADDRESS`, `none`, or a mapping.
    func decodeKafka(_ node: ConfigurationNode, in listen: MappingReader) -> KafkaListenConfiguration? {
        if case .scalar(let scalar) = node.content, scalar.text == "none" { return nil }
        var kafka = KafkaListenConfiguration()
        var place = node.place
        if case .mapping = node.content {
            guard let reader = listen.mapping(node, named: "kafka") else { return kafka }
            reader.read("listen", .hostPort, into: &kafka.address)
            reader.read("advertise", .hostPort, into: &kafka.advertised)
            reader.read("insecure", .boolean, into: &kafka.isInsecure)
            if let tls = reader.mapping("tls") { kafka.tls = decodeTLS(tls) }
            reader.read("users_file", .path, into: &kafka.usersFile)
            kafka.permissions = decodePermissions(reader)
            reader.finish()
            place = reader.place(of: "listen")
        } else {
            listen.read("kafka", .hostPort, into: &kafka.address)
        }
        if !kafka.isInsecure, !kafka.asksForCredentials { refuseOpen(kafka.address, "kafka", place) }
        return kafka
    }

    private func decodeTLS(_ reader: MappingReader) -> KafkaTLSFiles? {
        let certificate = reader.scalar("cert", .path)
        let key = reader.scalar("key", .path)
        let authorities = reader.scalar("ca", .path)
        reader.finish()
        guard let certificate, let key else {
            for missing in ["cert", "key"] where !reader.isGiven(missing) { reader.error("`tls` needs `\(missing)`") }
            return nil
        }
        return KafkaTLSFiles(certificate: certificate, key: key, clientAuthorities: authorities)
    }

    /// nil where there is no key `permissions`.
    private func decodePermissions(_ kafka: MappingReader) -> [KafkaPermission]? {
        guard let node = kafka.node("permissions") else { return nil }
        guard case .sequence(let elements) = node.content else {
            context.diagnostics.error(node.place, "`permissions`: expected a list of permissions, not \(node.kind)")
            return nil
        }
        if elements.count > ConfigurationDecoder.permissionsMax {
            context.diagnostics.error(node.place, "`permissions`: more than \(ConfigurationDecoder.permissionsMax)")
        }
        return elements.prefix(ConfigurationDecoder.permissionsMax).compactMap { element in
            kafka.mapping(element, named: "permissions").map(decodePermission)
        }
    }

    private func decodePermission(_ reader: MappingReader) -> KafkaPermission {
        func patterns(_ key: String) -> [String] {
            reader.list(key, .text(bytesMax: 255), countMax: ConfigurationDecoder.patternsMax) ?? []
        }
        let permission = KafkaPermission(
            user: reader.scalar("user", .text(bytesMax: 255)) ?? "*",
            topics: patterns("topics"),
            groups: patterns("groups"),
            allow: Set(reader.list("allow", .choice("operation")) ?? [])
        )
        reader.finish()
        return permission
    }
}
