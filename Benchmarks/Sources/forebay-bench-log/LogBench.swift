// forebay-bench-log: the log alone, as the daemon links it: appending, reading, and what sealing and taking in cost.
import Glibc

/// Prints one JSON object with figures. forebay-bench starts it.
@main
enum LogBench {
    private static let usage = """
        usage: forebay-bench-log append DIRECTORY BATCHES
               forebay-bench-log read DIRECTORY
               forebay-bench-log seal none|lz4|zstd RECORDS
               forebay-bench-log take none|lz4|zstd RECORDS
        """

    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            switch (arguments.first, arguments.count) {
            case ("append", 3): print(try AppendLoad(directory: arguments[1], batches: arguments[2]).run())
            case ("read", 2): print(try ReadLoad(directory: arguments[1]).run())
            case ("seal", 3): print(try SealLoad(arguments[1], recordsPerBatch: arguments[2]).run())
            case ("take", 3): print(try TakeLoad(arguments[1], recordsPerBatch: arguments[2]).run())
            default:
                print(usage)
                exit(64)
            }
        } catch {
            print("forebay-bench-log: \(error)")
            exit(1)
        }
    }
}

/// Why a load did not run.
struct LoadError: Error, CustomStringConvertible {
    var description: String
}

/// User and system time of this process in seconds.
func processSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
}

/// CPU time of the calling thread in seconds.
func threadSeconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}
