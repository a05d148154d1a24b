// The line of JSON that every fleet ends with.
import Glibc

/// What was sent. A malformed payload takes the places of the readings that it stands for, so that `sent` is what is
/// left of --count. Keys are stable.
struct SendingReport {
    /// Readings that carried a `seq` (or would have, where the format has room for none).
    var sent: UInt64 = 0
    /// MQTT messages, datagrams or lines, malformed ones included.
    var payloads: UInt64 = 0
    var bytes: UInt64 = 0
    /// Payloads that were malformed on purpose.
    var garbage: UInt64 = 0
    /// Keys of one transport alone, such as `acknowledged`.
    var extra: [(key: String, value: UInt64)] = []

    private let began = monotonicNanoseconds()

    mutating func count(_ content: PayloadContent, bytes length: Int) {
        sent += UInt64(content.readings)
        payloads += 1
        bytes += UInt64(length)
        if content.readings == 0 { garbage += 1 }
    }

    /// Writes the line to standard output.
    func write() {
        let seconds = Double(monotonicNanoseconds() - began) / 1e9
        let milliseconds = (seconds * 1000).rounded() / 1000
        let rate = seconds > 0 ? UInt64(Double(sent) / seconds) : 0
        var line = "{\"sent\":\(sent),\"payloads\":\(payloads),\"bytes\":\(bytes),\"garbage\":\(garbage)"
        for (key, value) in extra { line += ",\"\(key)\":\(value)" }
        line += ",\"seconds\":\(milliseconds),\"rate\":\(rate)}\n"
        FileOutput.standardOutput.write(Array(line.utf8))
    }
}

/// A file descriptor that is written to the end, whatever a single call takes.
struct FileOutput {
    static let standardOutput = FileOutput(descriptor: 1)
    static let standardError = FileOutput(descriptor: 2)

    let descriptor: Int32

    /// Returns false where the other end is gone or the device is full.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var done = 0
        while done < bytes.count {
            let written = bytes[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                done += written
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    func writeLine(_ text: String) {
        write(Array("forebay-sim: \(text)\n".utf8))
    }
}

/// The text of an errno value.
func systemErrorText(_ code: Int32) -> String {
    String(cString: strerror(code))
}

/// Exit codes of sysexits.h that the commands use.
enum SimulatorExit {
    static let noInput: Int32 = 66
    static let unavailable: Int32 = 69
    static let cannotCreate: Int32 = 73
    static let ioError: Int32 = 74
}
