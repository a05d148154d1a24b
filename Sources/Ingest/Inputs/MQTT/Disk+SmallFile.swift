// Whole files that are small: the password of an input, and the list of its subscriptions.
internal import Glibc
internal import Platform

extension Disk {
    /// All bytes of a file; EFBIG where it has more than `bytesMax`.
    func smallFile(_ path: String, bytesMax: Int) throws(DiskError) -> [UInt8] {
        let file = try open(path, .read)
        let size = try file.size()
        guard size > 0 else { return [] }
        guard size <= bytesMax else { throw DiskError(operation: .read, path: path, errno: EFBIG) }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        var failure: DiskError?
        let count = bytes.withUnsafeMutableBytes { buffer in
            do throws(DiskError) {
                return try file.read(into: buffer, at: 0)
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        bytes.removeLast(bytes.count - min(max(0, count), bytes.count))
        return bytes
    }

    /// The text of a file without the line ends that close it; EILSEQ where it is no text that a C string can hold.
    func password(_ path: String) throws(DiskError) -> String {
        var bytes = try smallFile(path, bytesMax: 64 * 1024)
        while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            throw DiskError(operation: .read, path: path, errno: EILSEQ)
        }
        return text
    }
}
