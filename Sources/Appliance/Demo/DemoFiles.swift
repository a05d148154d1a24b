// The files of the demo: a broker's configuration, the daemon's, and where everything lies.
internal import Foundation
internal import Glibc

/// Free ports of loopback for the demo's parts.
struct DemoPorts {
    var broker: UInt16
    var udp: UInt16
    var http: UInt16
    var kafka: UInt16
    var webhook: UInt16

    /// Five ports from `base` on (at most 65,531), or whichever the kernel has free.
    init(base: UInt16?) throws {
        if let base {
            (broker, udp, http, webhook, kafka) = (base, base + 1, base + 2, base + 3, base + 4)
            return
        }
        var found: Set<UInt16> = []
        while found.count < 5 { found.insert(try DemoPorts.free()) }
        let ports = Array(found)
        (broker, udp, http, webhook, kafka) = (ports[0], ports[1], ports[2], ports[3], ports[4])
    }

    private static func free() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw POSIXError(.EMFILE) }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
            }
        }
        guard result == 0 else { throw POSIXError(.EADDRINUSE) }
        return UInt16(bigEndian: address.sin_port)
    }
}

/// The demo's directory, made fresh and removed at the end unless it is to be kept.
struct DemoFiles {
    let directory: URL
    let isKept: Bool
    let ports: DemoPorts

    init(keep: String?, ports: DemoPorts) throws {
        self.ports = ports
        isKept = keep != nil
        if let keep {
            directory = URL(fileURLWithPath: keep, isDirectory: true)
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        } else {
            var template = Array("/tmp/forebay-demo-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { throw POSIXError(.EACCES) }
            directory = URL(
                fileURLWithPath: String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
            )
        }
        for folder in ["broker", "data"] {
            try FileManager.default.createDirectory(at: path(folder), withIntermediateDirectories: true)
        }
        try write("mosquitto.conf", brokerConfiguration)
        try write("forebay.yaml", daemonConfiguration)
    }

    func path(_ name: String) -> URL { directory.appendingPathComponent(name) }

    func remove() {
        guard !isKept else { return }
        try? FileManager.default.removeItem(at: directory)
    }

    private func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: path(name))
    }

    /// What config/mosquitto/forebay.conf ships, on a port and in a directory of the demo's own.
    private var brokerConfiguration: String {
        """
        listener \(ports.broker) 127.0.0.1
        allow_anonymous true
        persistence true
        persistence_location \(path("broker").path)/
        autosave_interval 5
        autosave_on_changes false
        max_queued_messages 0
        max_queued_bytes 67108864
        max_inflight_messages 2000
        persistent_client_expiration 7d
        sys_interval 5
        log_type error
        log_type warning
        \(geteuid() == 0 ? "user root" : "")

        """
    }

    private var daemonConfiguration: String {
        """
        name: demo
        data: \(path("data").path)
        clock: trust
        listen:
          http: 127.0.0.1:\(ports.http)
          kafka: 127.0.0.1:\(ports.kafka)
        inputs:
          plant:
            type: mqtt
            url: mqtt://127.0.0.1:\(ports.broker)
            subscribe: ["plant/{line}/{device}"]
            format: json
          lan:
            type: udp
            listen: 127.0.0.1:\(ports.udp)
            format: line_protocol
            device_prefix: hall-
          mast:
            type: serial
            port: \(path("mast").path)
            format: nmea
            device: mast
        rules:
          - alert: FreezerTooWarm
            match: { metric: temperature, device: "freezer-*" }
            above: -15
            clear_below: -17
            for: 3s
            severity: critical
            notify: [pager]
        hooks:
          pager:
            type: webhook
            url: "http://127.0.0.1:\(ports.webhook)/alert"

        """
    }
}
