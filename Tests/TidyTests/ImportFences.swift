// The fences between targets: what each may import. ARCHITECTURE.md has the reasons.

enum ImportFences {
    /// The C library, its atomics and locks: no I/O that a fence is about, but for the pure targets.
    private static let base: Set = ["Glibc", "Synchronization"]

    /// Modules that the files of a target may import. A target that is not here may import nothing.
    static let allowed: [String: Set<String>] = [
        "Platform": base.union(["CPlatform"]),
        "EventModel": base.union(["Platform"]),
        "CommitLog": base.union(["Platform", "CLZ4", "CZstd", "CZlib", "CSnappy"]),
        "MQTT": base.union(["Platform", "CMosquitto"]),
        "Ingest": base.union(["Platform", "EventModel", "CommitLog", "MQTT", "CPlatform", "Crypto"]),
        "Rules": ["Platform", "EventModel"],
        "Alerting": base.union([
            "Platform", "EventModel", "Rules", "CommitLog", "MQTT", "AsyncHTTPClient", "NIOCore", "NIOHTTP1", "NIOSSL",
            "Crypto", "Logging",
            "Foundation", "FoundationEssentials",
        ]),
        "DeviceRegistry": base.union(["Platform", "EventModel", "GRDB", "Dispatch"]),
        "HTTPAPI": base.union([
            "Platform", "EventModel", "Rules", "Alerting", "Hummingbird", "NIOCore", "Logging", "ServiceLifecycle",
            "FoundationEssentials",
        ]),
        "KafkaProtocol": ["NIOCore"],
        "KafkaNIO": base.union([
            "Platform", "CommitLog", "KafkaProtocol", "NIOCore", "NIOPosix", "NIOSSL", "NIOTLS", "Crypto",
            "Logging",
        ]),
        "Appliance": base.union([
            "Platform", "EventModel", "CommitLog", "MQTT", "Ingest", "Rules", "Alerting", "DeviceRegistry", "HTTPAPI",
            "KafkaNIO",
            "AsyncHTTPClient", "Crypto", "Foundation", "HTTPTypes", "Hummingbird", "Logging", "NIOCore", "NIOHTTP1",
            "NIOPosix",
            "ServiceLifecycle", "UnixSignals", "Yams",
        ]),
        "forebay": base.union(["Appliance", "ArgumentParser", "EventModel", "Foundation", "HTTPAPI", "Platform"]),
        "simulators": base.union(["ArgumentParser", "CMosquitto", "CSimulator", "Foundation"]),
    ]

    /// Words of Platform that the pure target must not use: it gets every instant and every reading from its caller.
    private static let impure = ["Clock", "SystemClock", "Disk", "PosixDisk", "PlatformThread", "FileLock"]

    static func check(_ file: SourceFile) -> [Finding] {
        let parts = file.path.split(separator: "/")
        let target = parts.first == "Sources" ? parts.dropFirst().first.map(String.init) ?? "" : "simulators"
        let allowed = allowed[target] ?? []
        var findings: [Finding] = []
        for (index, line) in file.codeLines.enumerated() {
            guard let module = importedModule(line) else { continue }
            if !allowed.contains(module) {
                findings.append(
                    Finding(path: file.path, line: index + 1, message: "\(target) must not import \(module)")
                )
            }
        }
        guard target == "Rules" else { return findings }
        for (index, line) in file.codeLines.enumerated() {
            for word in words(of: line) where impure.contains(String(word)) {
                let message = "Rules is pure: it must not use \(word)"
                findings.append(Finding(path: file.path, line: index + 1, message: message))
            }
        }
        return findings
    }

    /// The module that an import declaration names; nil for any other line.
    static func importedModule(_ line: Substring) -> String? {
        var parts = line.split(separator: " ").map(String.init)
        while let first = parts.first, first.hasPrefix("@") || accessLevels.contains(first) { parts.removeFirst() }
        guard parts.first == "import", parts.count > 1 else { return nil }
        let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
        let name = kinds.contains(parts[1]) && parts.count > 2 ? parts[2] : parts[1]
        return name.split(separator: ".").first.map(String.init)
    }

    private static let accessLevels = ["public", "package", "internal", "fileprivate", "private"]

    private static func words(of line: Substring) -> [Substring] {
        line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
    }
}
