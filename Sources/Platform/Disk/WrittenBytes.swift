// How much was written to storage, by the kernel's own count.
internal import Glibc

/// Both counts only grow; a reader takes differences. Each call reads one small file of the kernel's.
package enum WrittenBytes {
    /// Bytes that this process has sent to storage since it started: `write_bytes` of `/proc/self/io`. What the file
    /// system adds for its own journal is not in it. Nil where the kernel does not say.
    package static func ofProcess() -> Int64? {
        guard let text = KernelFile.text("/proc/self/io") else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix("write_bytes: ") {
            return Int64(line.dropFirst("write_bytes: ".count))
        }
        return nil
    }

    /// Bytes that the whole block device below `path` was given since boot, by everybody: field 7 of its `stat` file.
    /// Nil where no block device can be told, as on tmpfs, overlays and network file systems.
    package static func ofDevice(holding path: String) -> Int64? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let device = "/sys/dev/block/\(number(status.st_dev))"
        let isPartition = access("\(device)/partition", F_OK) == 0
        guard let text = KernelFile.text(isPartition ? "\(device)/../stat" : "\(device)/stat") else { return nil }
        let fields = text.split { $0 == " " || $0 == "\n" }
        guard fields.count > sectorsWrittenField, let sectors = Int64(fields[sectorsWrittenField]) else { return nil }
        let (bytes, overflow) = sectors.multipliedReportingOverflow(by: sectorBytes)
        return overflow ? nil : bytes
    }

    /// `major:minor`. C has macros for it, which Swift does not see; the layout is glibc's.
    private static func number(_ device: dev_t) -> String {
        let major = (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF
        let minor = device & 0xFF | (device >> 12) & ~0xFF
        return "\(major):\(minor)"
    }

    /// Counted from 0; see Documentation/block/stat.rst of the kernel.
    private static let sectorsWrittenField = 6
    /// The unit of the kernel's count, whatever the device has.
    private static let sectorBytes: Int64 = 512
}

private enum KernelFile {
    /// The beginning of a file of `/proc` or `/sys`, which are read whole in one call.
    static func text(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
        }
    }
}
