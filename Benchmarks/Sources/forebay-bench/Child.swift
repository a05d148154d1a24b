// A process of the run: started with its output in a file, ended by its id.
import Foundation

/// CPU time that a process has used.
struct CPUTime {
    var seconds: Double
}

/// One child process. It is killed and reaped when this object goes, whatever happened.
final class Child {
    let processID: pid_t
    private let outputPath: String
    private var exitStatus: Int32?

    /// Starts `command`; standard output and error go to the file `output`, or nowhere.
    init(_ command: [String], output: String = "/dev/null") throws {
        outputPath = output
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        arguments.append(nil)
        defer { arguments.forEach { free($0) } }
        var started: pid_t = 0
        let code = posix_spawn(&started, command[0], &actions, nil, arguments, environ)
        guard code == 0 else {
            throw BenchError(description: "cannot start \(command[0]): \(String(cString: strerror(code)))")
        }
        processID = started
    }

    deinit {
        guard exitStatus == nil else { return }
        kill(processID, SIGKILL)
        var status: Int32 = 0
        waitpid(processID, &status, 0)
    }

    /// The exit code, 128 and the signal's number for a killed one, or nil while it runs.
    func exitCode() -> Int32? {
        if let exitStatus { return exitStatus }
        var status: Int32 = 0
        guard waitpid(processID, &status, WNOHANG) == processID else { return nil }
        let signal = status & 0x7F
        exitStatus = signal == 0 ? (status >> 8) & 0xFF : 128 + signal
        return exitStatus
    }

    func waitForExit(timeout: Double) throws -> Int32 {
        try StopFlag.wait(for: "process \(processID)", timeout: timeout, interval: 0.005) { exitCode() }
    }

    /// Asks with SIGTERM, waits `timeout` seconds, then kills.
    func stop(timeout: Double = 10) {
        guard exitCode() == nil else { return }
        kill(processID, SIGTERM)
        let end = monotonicSeconds() + timeout
        while exitCode() == nil, monotonicSeconds() < end { usleep(5000) }
        guard exitCode() == nil else { return }
        kill(processID, SIGKILL)
        while exitCode() == nil { usleep(1000) }
    }

    var outputText: String {
        (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? ""
    }

    /// The last line of the output as a JSON object.
    func lastObject() throws -> JSONObject {
        guard let line = outputText.split(separator: "\n").last(where: { $0.hasPrefix("{") }),
            let object = JSONObject(line: String(line))
        else { throw BenchError(description: "process \(processID) printed no figures: \(outputText)") }
        return object
    }

    /// User and system time of all its threads so far; proc(5), fields 14 and 15 of stat.
    func cpuTime() throws -> CPUTime {
        // The name in parentheses may hold anything, so that the fields count from the last parenthesis.
        guard let text = try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8),
            let fields = text.split(separator: ")").last?.split(separator: " "), fields.count > 12,
            let user = Double(fields[11]), let system = Double(fields[12])
        else { throw BenchError(description: "process \(processID) is gone: \(outputText.suffix(500))") }
        return CPUTime(seconds: (user + system) / Double(sysconf(Int32(_SC_CLK_TCK))))
    }

    /// Resident memory in bytes: now, or the most that it ever was.
    func residentBytes(peak: Bool = false) throws -> Int {
        guard let text = try? String(contentsOfFile: "/proc/\(processID)/status", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix(peak ? "VmHWM:" : "VmRSS:") }),
            let kibibytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({
                Int($0)
            })
        else { throw BenchError(description: "process \(processID) is gone: \(outputText.suffix(500))") }
        return kibibytes * 1024
    }
}

/// A JSON object with numbers, as the programs print it.
struct JSONObject {
    private let values: [String: Any]

    init?(line: String) {
        guard let object = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any] else {
            return nil
        }
        values = object
    }

    func number(_ key: String) throws -> Double {
        guard let number = values[key] as? NSNumber else { throw BenchError(description: "no figure \(key)") }
        return number.doubleValue
    }
}
