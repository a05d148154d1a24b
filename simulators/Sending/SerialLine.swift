// The far end of a serial line: an existing tty, or a pseudo-terminal of its own.
internal import CSimulator
import Glibc

/// What went wrong with a serial line.
struct SerialLineError: Error {
    var what: String
    var code: Int32

    var description: String { "\(what): \(systemErrorText(code))" }
}

/// A descriptor that lines are written to. Non-blocking; waits end early when a stop is asked for.
struct SerialLine: ~Copyable {
    private let descriptor: Int32
    /// Nil on an existing tty.
    private let pseudoTerminal: PseudoTerminal?

    /// The name of a pseudo-terminal's other end, and the link that stands for it.
    private struct PseudoTerminal {
        var path: String
        var link: String
    }

    /// Opens the tty at `path` raw, 8N1, at `baud`.
    init(port path: String, baud: UInt32) throws(SerialLineError) {
        let opened = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
        guard opened >= 0 else { throw SerialLineError(what: "cannot open \(path)", code: errno) }
        let result = sim_set_raw(opened, baud)
        guard result == 0 else {
            close(opened)
            throw SerialLineError(what: "cannot set \(path) to \(baud) baud", code: -result)
        }
        descriptor = opened
        pseudoTerminal = nil
    }

    /// Opens a pseudo-terminal and lets the symbolic link `link` name its other end, replacing a link that is there.
    init(pseudoTerminalLink link: String, baud: UInt32) throws(SerialLineError) {
        var name = [CChar](repeating: 0, count: 128)
        let opened = sim_open_pty(&name, name.count)
        guard opened >= 0 else { throw SerialLineError(what: "cannot open a pseudo-terminal", code: -opened) }
        let path = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let result = sim_set_raw(opened, baud)
        // Opened and closed once: from now on the master reports a hang-up for as long as nobody has it open.
        let other = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
        let failure = result != 0 ? -result : other < 0 ? errno : Self.replaceLink(link, target: path)
        if other >= 0 { close(other) }
        guard failure == 0 else {
            close(opened)
            throw SerialLineError(what: "cannot set up \(link) for \(path)", code: failure)
        }
        descriptor = opened
        pseudoTerminal = PseudoTerminal(path: path, link: link)
    }

    deinit {
        if let pseudoTerminal { unlink(pseudoTerminal.link) }
        close(descriptor)
    }

    /// Makes `link` point to `target` in one step; returns 0 or the errno. Nothing but a symbolic link is replaced.
    private static func replaceLink(_ link: String, target: String) -> Int32 {
        var status = stat()
        if lstat(link, &status) == 0, status.st_mode & S_IFMT != S_IFLNK { return EEXIST }
        let temporary = "\(link).\(getpid())"
        unlink(temporary)
        guard symlink(target, temporary) == 0 else { return errno }
        guard rename(temporary, link) == 0 else {
            let failure = errno
            unlink(temporary)
            return failure
        }
        return 0
    }

    /// Whether somebody has the other end open; always on an existing tty.
    var hasReader: Bool {
        guard pseudoTerminal != nil else { return true }
        var state = pollfd(fd: descriptor, events: 0, revents: 0)
        return poll(&state, 1, 0) == 0 || state.revents & Int16(POLLHUP) == 0
    }

    /// Waits until the other end is open, and then as long as a reader needs to set its line up: opening a tty and
    /// flushing its input are two steps of theirs. False where a stop was asked for.
    func waitForReader() -> Bool {
        guard !hasReader else { return !isStopRequested() }
        while !hasReader {
            guard !isStopRequested() else { return false }
            Pacer.sleep(10_000_000)
        }
        Pacer.sleep(200_000_000)
        return !isStopRequested()
    }

    /// Writes the bytes of `buffer`, waiting while the line is full. Returns how many went out: fewer where the reader
    /// left or a stop was asked for.
    func write(_ buffer: borrowing PayloadBuffer) throws(SerialLineError) -> Int {
        var done = 0
        let failure: Int32 = buffer.withBytes { bytes in
            while done < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
                let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if written > 0 {
                    done += written
                    continue
                }
                let code = errno
                guard code == EAGAIN || code == EINTR else { return code }
                if isStopRequested() || !hasReader { return 0 }
                var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&state, 1, 100)
            }
            return 0
        }
        guard failure == 0 else { throw SerialLineError(what: "cannot write to the line", code: failure) }
        return done
    }

    /// Waits, at most five seconds, until the reader took what was written: a pseudo-terminal that closes throws away
    /// what it still holds. On an existing tty the driver does so by itself.
    func drain() {
        guard let pseudoTerminal else {
            tcdrain(descriptor)
            return
        }
        let other = open(pseudoTerminal.path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
        guard other >= 0 else { return }
        var quiet = 0
        for _ in 0..<500 where quiet < 3 {
            quiet = sim_unread_bytes(other) == 0 ? quiet + 1 : 0
            Pacer.sleep(10_000_000)
        }
        close(other)
    }
}
