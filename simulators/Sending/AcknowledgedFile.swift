// The list of what a broker acknowledged: one line `device seq` each, appended.
import Glibc

/// Collects lines and appends them to a file at `flush`. Owned by the publisher's thread.
final class AcknowledgedFile {
    private let output: FileOutput
    private let names: [[UInt8]]
    private var lines = PayloadBuffer(capacity: 64 * 1024)
    private(set) var isBroken = false

    /// Opens or creates the file; nil where that fails, with the reason in errno. `names` are the devices' by index.
    init?(path: String, names: [[UInt8]]) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return nil }
        output = FileOutput(descriptor: descriptor)
        self.names = names
    }

    deinit {
        close(output.descriptor)
    }

    func append(device: Int, sequence: UInt64) {
        lines.append(names[device])
        lines.append(" ")
        lines.append(decimal: sequence)
        lines.append("\n")
    }

    /// Writes what was collected. On return the lines outlive this process, though not a power cut.
    func flush() {
        guard lines.count > 0 else { return }
        if !output.write(lines.withBytes { Array($0) }) { isBroken = true }
        lines.removeAll()
    }
}
