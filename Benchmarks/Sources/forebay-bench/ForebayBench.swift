// forebay-bench: what the whole system takes, beside C programs that do the least possible, in one run.
import Foundation

@main
struct ForebayBench {
    static func main() {
        StopFlag.install()
        // The runner is gone before the process ends, and with it its directory and its processes.
        exit(measured())
    }

    /// Measures and prints; returns the exit code.
    private static func measured() -> Int32 {
        do {
            guard let options = try Options(arguments: CommandLine.arguments.dropFirst()) else {
                print(Options.help)
                return 0
            }
            let results = try Runner(options: options).run()
            print(options.json ? results.json : results.table)
            return results.passed ? 0 : 1
        } catch let error as BenchError {
            FileHandle.standardError.write(Data("forebay-bench: \(error.description)\n".utf8))
            return error.exitCode
        } catch {
            FileHandle.standardError.write(Data("forebay-bench: \(error)\n".utf8))
            return 70
        }
    }
}

/// Why a benchmark or the whole run could not be done.
struct BenchError: Error {
    var description: String
    var exitCode: Int32 = 1

    static let interrupted = BenchError(description: "stopped", exitCode: 130)
}

/// What is measured, in the order of the table.
enum Section: String, CaseIterable {
    case disk
    case append
    case read
    case seal
    case udp
    case flood
    case mqtt
    case memory
    case latency
    case recovery
    case rules
    case replay
    case hook
    case kafka
}

/// The command line.
struct Options {
    static let help = """
        Usage: Benchmarks/run [--seconds N] [--only LIST] [--binaries DIR] [--json]

        Measures the release binaries beside C references, on loopback, and prints a table with the verdicts.

          --seconds N      length of each paced load (10)
          --only LIST      some of \(Section.allCases.map(\.rawValue).joined(separator: ",")), separated by commas
          --binaries DIR   where forebay and forebay-sim are (.build/release)
          --json           one JSON object instead of the table

        Exits with 1 where a bar is missed or a measurement failed.
        """

    var root = ".."
    var seconds = 10.0
    var sections = Section.allCases
    var binaries: String?
    var json = false

    /// Nil where help was asked for.
    init?(arguments: ArraySlice<String>) throws {
        var rest = arguments
        func value(_ name: String) throws -> String {
            guard let value = rest.popFirst() else {
                throw BenchError(description: "\(name) needs a value", exitCode: 64)
            }
            return value
        }
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h": return nil
            case "--root": root = try value(argument)
            case "--binaries": binaries = try value(argument)
            case "--json": json = true
            case "--seconds":
                guard let number = Double(try value(argument)), (1...600).contains(number) else {
                    throw BenchError(description: "--seconds must be 1 to 600", exitCode: 64)
                }
                seconds = number
            case "--only":
                sections = try value(argument).split(separator: ",").map { name in
                    guard let section = Section(rawValue: String(name)) else {
                        throw BenchError(description: "there is no benchmark \(name); see --help", exitCode: 64)
                    }
                    return section
                }
            default: throw BenchError(description: "unknown option \(argument); see --help", exitCode: 64)
            }
        }
    }
}
