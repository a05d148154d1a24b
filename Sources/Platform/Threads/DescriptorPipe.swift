// A pipe that only those programs inherit to whom an end of it is given.
internal import CPlatform
internal import Glibc

/// Two descriptors, closed on exec from the moment they exist; each is closed once. One owner.
package struct DescriptorPipe: ~Copyable {
    /// -1 once closed.
    package private(set) var readEnd: Int32
    package private(set) var writeEnd: Int32

    package init() throws(DiskError) {
        var ends: [Int32] = [-1, -1]
        guard forebay_pipe(&ends) == 0 else { throw DiskError(operation: .open, path: "pipe", errno: errno) }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        if readEnd >= 0 { close(readEnd) }
        if writeEnd >= 0 { close(writeEnd) }
    }

    package mutating func closeReadEnd() {
        if readEnd >= 0 { close(readEnd) }
        readEnd = -1
    }

    package mutating func closeWriteEnd() {
        if writeEnd >= 0 { close(writeEnd) }
        writeEnd = -1
    }

    /// Makes reads and writes of the ends that are still open return at once.
    package func setNonBlocking() {
        for end in [readEnd, writeEnd] where end >= 0 { _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK) }
    }
}
