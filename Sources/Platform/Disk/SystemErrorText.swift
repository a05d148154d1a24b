// Words for an errno, as the C library has them.
internal import Glibc

/// The C library's sentence for `errno`, e.g. `No space left on device`.
package func systemErrorText(_ errno: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        guard let base = buffer.baseAddress, strerror_r(errno, base, buffer.count) == 0 else {
            return "unknown error"
        }
        return String(cString: base)
    }
}
