// Tells when something changes where a path should be: a serial port that comes back, or gets its permissions.
internal import Glibc

/// An inotify descriptor over the directories that paths lead through. Owned by one thread.
///
/// `/dev/serial/by-id` does not exist before the first USB port does, so the deepest directory that exists is watched, and
/// `add` is called again after every event. It may miss things (a directory made and filled in between): a timer must
/// stand behind it.
final class PathWatch {
    /// For a poll set.
    let descriptor: Int32

    /// Nil where the kernel gives no inotify instance.
    init?() {
        descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        if descriptor < 0 { return nil }
    }

    deinit {
        close(descriptor)
    }

    /// Watches the deepest existing directory above `path`, which is absolute. Watching one twice is watching it once.
    func add(_ path: String) {
        let events = UInt32(IN_CREATE) | UInt32(IN_MOVED_TO) | UInt32(IN_ATTRIB) | UInt32(IN_DELETE_SELF)
        var directory = path[...]
        while let slash = directory.lastIndex(of: "/") {
            directory = directory[..<slash]
            let name = directory.isEmpty ? "/" : String(directory)
            if inotify_add_watch(descriptor, name, events | UInt32(IN_ONLYDIR)) >= 0 || directory.isEmpty { return }
        }
    }

    /// Forgets the events so far; which they were does not matter.
    func drain() {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
            while read(descriptor, buffer.baseAddress, buffer.count) > 0 {}
        }
    }
}
