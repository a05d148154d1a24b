// A mosquitto of the run's own.
import Foundation

/// A broker on a port of its own that keeps and drops nothing. Stopped with this object.
final class Broker {
    let port: UInt16
    private let child: Child
    private let log: String

    init(scratch: Scratch) throws {
        let directory = try scratch.newDirectory("broker")
        let port = try Scratch.freePort()
        log = "\(directory)/log"
        try """
        listener \(port) 127.0.0.1
        allow_anonymous true
        persistence false
        max_queued_messages 0
        max_inflight_messages 0
        set_tcp_nodelay true
        log_dest file \(log)
        log_type error
        log_type subscribe

        """.write(toFile: "\(directory)/mosquitto.conf", atomically: true, encoding: .utf8)
        // Started by root, mosquitto becomes another user, who writes the log.
        chmod(directory, 0o777)
        chmod(scratch.path, 0o755)
        let places = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"]
        guard let program = places.first(where: FileManager.default.isExecutableFile(atPath:)) else {
            throw BenchError(description: "mosquitto is not installed (Debian package mosquitto)")
        }
        self.port = port
        child = try Child([program, "-c", "\(directory)/mosquitto.conf"], output: "\(directory)/output")
        let child = child
        try StopFlag.wait(for: "mosquitto", timeout: 10) { () -> Void? in
            guard child.exitCode() == nil else {
                throw BenchError(description: "mosquitto ended: \(child.outputText)")
            }
            guard let descriptor = try? LoopbackAddress.connect(SOCK_STREAM, port: port) else { return nil }
            close(descriptor)
            return ()
        }
    }

    deinit {
        child.stop(timeout: 2)
    }

    /// Waits until somebody has subscribed.
    func waitForSubscriber() throws {
        try StopFlag.wait(for: "the subscription", timeout: 20) {
            (try? String(contentsOfFile: log, encoding: .utf8))?.contains("forebay/sim/") == true ? () : nil
        }
    }
}
