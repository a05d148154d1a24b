// Runs the sections one after the other and collects their lines.
import Foundation

/// What the sections share.
final class Runner {
    let options: Options
    let scratch: Scratch
    private let binaries: String
    var results = Results()
    /// p99 of writing and syncing 16 KiB, in seconds, once measured.
    var diskP99: Double?

    init(options: Options) throws {
        self.options = options
        binaries = options.binaries ?? "\(options.root)/.build/release"
        scratch = try Scratch(sources: "\(options.root)/Benchmarks/C")
    }

    /// Throws only where a signal ended the run; a section that cannot be measured is a line of the results.
    func run() throws -> Results {
        for section in options.sections {
            FileHandle.standardError.write(Data("measuring \(section.rawValue) ...\n".utf8))
            try attempt(section.rawValue) {
                switch section {
                case .disk: try measureDisk()
                case .append: try measureAppend()
                case .read: try measureRead()
                case .seal: try measureSeal()
                case .udp: try measureUDP()
                case .flood: try measureFlood()
                case .mqtt: try measureMQTT()
                case .memory: try measureMemory()
                case .latency: try measureLatency()
                case .recovery: try measureRecovery()
                case .rules: try measureRules()
                case .replay: try measureReplay()
                case .hook: try measureHook()
                case .kafka: try measureKafka()
                }
            }
        }
        return results
    }

    /// Measures; an error becomes a line of the results. Throws only where a signal ended the run.
    func attempt(_ what: String, _ measure: () throws -> Void) throws {
        do {
            try measure()
        } catch let error as BenchError {
            guard !StopFlag.isRaised else { throw BenchError.interrupted }
            results.addFailure("\(what): \(error.description)")
        } catch {
            results.addFailure("\(what): \(error)")
        }
    }

    /// The path of `forebay` or `forebay-sim`.
    func binary(_ name: String) throws -> String {
        let path = "\(binaries)/\(name)"
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw BenchError(description: "\(path) is not there; build it with `make release`")
        }
        return path
    }

    /// `directory`: where its data is, to start on it again; `kafka`: the port of its Kafka listener.
    func daemon(
        inputs: String,
        in directory: String? = nil,
        alerting: String = Daemon.quietAlerting,
        kafka: UInt16? = nil
    ) throws -> Daemon {
        let directory = try directory ?? scratch.newDirectory("daemon")
        return try Daemon(
            binary: try binary("forebay"),
            directory: directory,
            inputs: inputs,
            alerting: alerting,
            kafka: kafka
        )
    }

    /// Runs a program to its end and returns the figures that it printed.
    func figures(_ command: [String], timeout: Double) throws -> JSONObject {
        let child = try Child(command, output: scratch.newPath("figures"))
        let code = try child.waitForExit(timeout: timeout)
        guard code == 0 else { throw BenchError(description: "\(command[0]) ended with \(code): \(child.outputText)") }
        return try child.lastObject()
    }
}

/// Figures as people read them.
enum Figure {
    static func percentile(_ values: [Double], _ share: Double) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[Int(share * Double(sorted.count - 1) + 0.5)]
    }

    static func rate(_ perSecond: Double) -> String {
        String(format: "%.0f/s", perSecond)
    }

    static func nanoseconds(_ value: Double) -> String {
        value < 10_000 ? String(format: "%.0f ns", value) : String(format: "%.1f us", value / 1000)
    }

    static func milliseconds(_ seconds: Double) -> String {
        String(format: "%.2f ms", seconds * 1000)
    }

    static func count(_ value: Double) -> String {
        String(format: "%.0f", value)
    }

    static func mebibytes(_ bytes: Int) -> String {
        String(format: "%.1f MiB", Double(bytes) / 1_048_576)
    }
}
