// Small files that are read and written whole.
internal import Glibc

extension DiskFile {
    /// Writes all of `bytes` from `position`. On return they are in the page cache, not durable.
    package func write(_ bytes: [UInt8], at position: Int64) throws(DiskError) {
        let result: Result<Void, DiskError> = bytes.withUnsafeBytes { buffer in
            Result { () throws(DiskError) in try write([buffer], at: position) }
        }
        try result.get()
    }
}

extension Disk {
    /// Everything that a file holds; `EFBIG` where it is longer than `bytesMax`.
    package func wholeFile(_ path: String, bytesMax: Int) throws(DiskError) -> [UInt8] {
        let file = try open(path, .read)
        let size = try file.size()
        guard size <= bytesMax else { throw DiskError(operation: .read, path: path, errno: EFBIG) }
        var bytes = [UInt8](repeating: 0, count: Int(clamping: size))
        let result: Result<Int, DiskError> = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(DiskError) in try file.read(into: buffer, at: 0) }
        }
        bytes.removeLast(bytes.count - min(max(0, try result.get()), bytes.count))
        return bytes
    }

    /// Writes a file that is not there, or of which only an unfinished one is: its bytes are durable on return, its name is
    /// not.
    package func writeNew(_ path: String, _ bytes: [UInt8]) throws(DiskError) {
        if try exists(path) { try remove(path) }
        let file = try open(path, .create)
        try file.write(bytes, at: 0)
        try file.sync()
    }

    /// Puts `bytes` in the place of the file `path` of `directory`: durable on return, and whole at every moment.
    package func replaceFile(_ path: String, in directory: String, with bytes: [UInt8]) throws(DiskError) {
        let temporary = path + ".new"
        try writeNew(temporary, bytes)
        try rename(temporary, to: path)
        try syncDirectory(directory)
    }
}
