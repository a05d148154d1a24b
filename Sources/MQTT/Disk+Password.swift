// The file that holds a password.
internal import Glibc
package import Platform

extension Disk {
    /// The text of a file without the line ends that close it; EILSEQ where it is no text that a C string can hold.
    package func password(_ path: String) throws(DiskError) -> String {
        var bytes = try wholeFile(path, bytesMax: 64 * 1024)
        while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            throw DiskError(operation: .read, path: path, errno: EILSEQ)
        }
        return text
    }
}
