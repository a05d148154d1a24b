// How many files, connections among them, a process may have open.
internal import Glibc

package enum OpenFiles {
    /// Raises what the process may have open as far as it may, and says how many that is. A shell's limit is often 1,024, and a
    /// log that cannot open its next segment takes no more records.
    package static func raiseLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        var raised = limit
        raised.rlim_cur = limit.rlim_max
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        return Int(clamping: limit.rlim_cur)
    }
}
