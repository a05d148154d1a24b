// Whether this machine can do what a configuration asks for: directories, ports, devices, files.
internal import Alerting
internal import Foundation
internal import HTTPAPI
internal import KafkaNIO
internal import Platform

/// Looks at the machine; changes nothing, except that ports are bound for a moment. Blocks: name look-ups and
/// connection attempts take up to `connectTimeout` each. For the command line, never for the daemon's threads.
package struct EnvironmentCheck {
    /// How long a broker may take to accept a connection before the check calls it unreachable.
    private static let connectTimeout = Duration.seconds(2)

    private let loaded: LoadedConfiguration
    private let daemonIsRunning: Bool

    /// `daemonIsRunning`: a daemon works on the same `data`, and what it holds (ports, serial devices) is no finding.
    package init(_ loaded: LoadedConfiguration, daemonIsRunning: Bool) {
        self.loaded = loaded
        self.daemonIsRunning = daemonIsRunning
    }

    /// Everything found, in the order of the configuration. Errors would keep the daemon or an input from working;
    /// warnings are states that it lives with. Nothing is said of a value that the configuration itself has wrong,
    /// nor where none of it could be read.
    package func run() -> [ConfigurationProblem] {
        guard loaded.isValid || !loaded.places.isEmpty else { return [] }
        let misunderstood = Set(loaded.problems.filter { $0.severity == .error }.map(\.place))
        return findings().filter { !misunderstood.contains($0.place) }
    }

    private func findings() -> [ConfigurationProblem] {
        var problems = checkData() + checkControlSocket() + checkHTTP() + checkKafka()
        for input in loaded.configuration.inputs {
            let path = "inputs.\(input.name)"
            switch input.transport {
            case .mqtt(let mqtt):
                problems += checkFiles(
                    [mqtt.passwordFile, mqtt.caFile, mqtt.certFile, mqtt.keyFile],
                    path
                )
                problems += check(mqtt.broker, path)
            case .udp(let udp): problems += check(udp, path)
            case .serial(let serial): problems += check(serial, path, isRequired: input.isRequired)
            }
        }
        for hook in loaded.configuration.hooks { problems += check(hook) }
        return problems + RegistryCheck(loaded).reach()
    }

    private func check(_ hook: HookConfiguration) -> [ConfigurationProblem] {
        let path = "hooks.\(hook.name)"
        let transport = hook.transport
        switch hook.delivery {
        case .exec(let program, _): return checkProgram(program, "\(path).command")
        case .email(let sendmail, _, _): return checkProgram(sendmail, "\(path).sendmail")
        case .mqtt(let mqtt):
            return checkFiles([mqtt.passwordFile, mqtt.caFile, mqtt.certFile, mqtt.keyFile], path)
                + check(mqtt.broker, path)
        default: return checkFiles([nil, transport.caFile, transport.certificateFile, transport.keyFile], path)
        }
    }

    private func checkProgram(_ program: String, _ path: String) -> [ConfigurationProblem] {
        guard access(program, X_OK) != 0 else { return [] }
        return [problem(.error, path, "cannot run `\(program)`: \(systemErrorText(errno))")]
    }

    private func problem(
        _ severity: ConfigurationProblem.Severity,
        _ path: String,
        _ message: String
    ) -> ConfigurationProblem {
        ConfigurationProblem(severity, loaded.place(of: path), message)
    }

    // MARK: The box

    private func checkData() -> [ConfigurationProblem] {
        let data = loaded.configuration.data
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: data, isDirectory: &isDirectory) else {
            var ancestor = (data as NSString).deletingLastPathComponent
            while ancestor.count > 1, !FileManager.default.fileExists(atPath: ancestor) {
                ancestor = (ancestor as NSString).deletingLastPathComponent
            }
            guard access(ancestor, W_OK | X_OK) == 0 else {
                return [
                    problem(
                        .error,
                        "data",
                        "`\(data)` is not there and cannot be made: \(systemErrorText(errno)), in `\(ancestor)`"
                    )
                ]
            }
            return []
        }
        guard isDirectory.boolValue else { return [problem(.error, "data", "`\(data)` is not a directory")] }
        guard access(data, R_OK | W_OK | X_OK) == 0 else {
            return [
                problem(.error, "data", "`\(data)` is not writable for user \(NSUserName()): \(systemErrorText(errno))")
            ]
        }
        return checkSpace(data)
    }

    private func checkSpace(_ data: String) -> [ConfigurationProblem] {
        guard let space = try? PosixDisk().space(at: data), space.total > 0 else { return [] }
        let wanted = space.total / 100 * Int64(loaded.configuration.log.keepFreePercent)
        guard space.free < wanted else { return [] }
        let free = space.free >> 20
        return [
            problem(
                .warning,
                "log.keep_free",
                "`\(data)` has \(free) MiB free, and \(wanted >> 20) MiB shall stay free: old records are removed at once"
            )
        ]
    }

    private func checkControlSocket() -> [ConfigurationProblem] {
        let path = "\(loaded.configuration.data)/control.sock"
        guard path.utf8.count > APILimits.socketPathBytesMax else { return [] }
        let reason = "a socket's path has at most \(APILimits.socketPathBytesMax) bytes: choose a shorter `data`"
        return [problem(.error, "data", "cannot listen on `\(path)`: \(reason)")]
    }

    private func checkHTTP() -> [ConfigurationProblem] {
        guard let http = loaded.configuration.listen.http else { return [] }
        return checkPort(http.address, SOCK_STREAM, "listen.http", "TCP")
    }

    private func checkKafka() -> [ConfigurationProblem] {
        guard let kafka = loaded.configuration.listen.kafka else { return [] }
        var problems = checkPort(kafka.address, SOCK_STREAM, "listen.kafka", "TCP")
        let users = kafka.usersFile.flatMap(checkUsersFile)
        if let users { problems.append(users) }
        guard users?.severity != .error else { return problems }
        do {
            _ = try KafkaListenerConfiguration(loaded.configuration, disk: PosixDisk())
        } catch {
            problems.append(problem(.error, "listen.kafka", "\(error)"))
        }
        return problems
    }

    private func checkUsersFile(_ file: String) -> ConfigurationProblem? {
        let path = "listen.kafka.users_file"
        var status = stat()
        guard access(file, R_OK) == 0, stat(file, &status) == 0 else {
            let hint = errno == ENOENT ? "; `forebay users add NAME` makes it" : ""
            return problem(.error, path, "cannot read `\(file)`: \(systemErrorText(errno))\(hint)")
        }
        guard status.st_mode & 0o004 != 0 else { return nil }
        return problem(.warning, path, "everybody on this machine can read `\(file)`: chmod 640")
    }

    // MARK: Inputs

    /// `files`: password, authorities, certificate and key of what connects; nil for those that are not there.
    private func checkFiles(_ files: [String?], _ path: String) -> [ConfigurationProblem] {
        var problems: [ConfigurationProblem] = []
        for case (let key, let file?) in zip(["password_file", "ca_file", "cert_file", "key_file"], files)
        where access(file, R_OK) != 0 {
            problems.append(problem(.error, "\(path).\(key)", "cannot read `\(file)`: \(systemErrorText(errno))"))
        }
        return problems
    }

    private func check(_ broker: MQTTBroker, _ path: String) -> [ConfigurationProblem] {
        let address = HostPort(host: broker.host, port: broker.port)
        guard let reason = Probe.connect(to: address, timeout: EnvironmentCheck.connectTimeout) else { return [] }
        return [problem(.warning, "\(path).url", "the broker at \(broker) does not answer: \(reason)")]
    }

    private func check(_ udp: UDPConfiguration, _ path: String) -> [ConfigurationProblem] {
        var problems = checkPort(udp.listen, SOCK_DGRAM, "\(path).listen", "UDP")
        if let limit = Probe.receiveBufferMax(), limit < udp.receiveBufferBytes {
            problems.append(
                problem(
                    .warning,
                    "\(path).receive_buffer_bytes",
                    "the kernel grants \(limit >> 10) KiB of \(udp.receiveBufferBytes >> 10) KiB: raise net.core.rmem_max"
                        + " (60-forebay.sysctl.conf does)"
                )
            )
        }
        return problems
    }

    private func check(_ serial: SerialConfiguration, _ path: String, isRequired: Bool) -> [ConfigurationProblem] {
        let severity: ConfigurationProblem.Severity = isRequired ? .error : .warning
        var status = stat()
        guard stat(serial.port, &status) == 0 else {
            return [
                problem(severity, "\(path).port", "`\(serial.port)`: \(systemErrorText(errno))\(Probe.serialHint())")
            ]
        }
        guard status.st_mode & S_IFMT == S_IFCHR else {
            return [problem(.error, "\(path).port", "`\(serial.port)` is not a serial device")]
        }
        guard access(serial.port, R_OK) == 0 else {
            let reason = systemErrorText(errno)
            let group = Probe.groupName(status.st_gid)
            return [
                problem(
                    .error,
                    "\(path).port",
                    "`\(serial.port)`: \(reason); user \(NSUserName()) must be in group \(group)"
                )
            ]
        }
        return []
    }

    private func checkPort(
        _ address: HostPort,
        _ kind: __socket_type,
        _ path: String,
        _ protocolName: String
    ) -> [ConfigurationProblem] {
        guard address.port != 0, let failure = Probe.bind(address, kind) else { return [] }
        if failure.errno == EADDRINUSE, daemonIsRunning { return [] }
        return [problem(.error, path, "cannot listen on \(protocolName) \(address): \(failure.reason)")]
    }
}
