// One run of another program: in a process group of its own, fed, listened to, and killed with that group in time.
internal import Glibc
internal import Platform

/// Used once, by one thread, which must have its signals blocked (`PlatformThread` has).
struct ChildProgram {
    enum Ending {
        /// Exit code, and the first bytes that it printed.
        case exited(Int32, [UInt8])
        case signalled(Int32, [UInt8])
        case timedOut([UInt8])
        case abandoned
        case notStarted(String)
    }

    /// Output and end are looked after this often; also how late an end is noticed at most.
    private static let pollMilliseconds: Int32 = 10

    private let command: [String]
    private let environment: [String]
    private var output: [UInt8] = []

    /// - Parameters:
    ///   - command: absolute path and arguments.
    ///   - environment: `NAME=value`; all that the program gets.
    init(command: [String], environment: [String]) {
        self.command = command
        self.environment = environment
    }

    /// Blocks until the program has ended or was killed, at most a little longer than `timeout`.
    ///
    /// `isAbandoned`: asked now and then; true kills the program and its group.
    mutating func run(input: [UInt8], timeout: Duration, isAbandoned: () -> Bool) -> Ending {
        do {
            var inputPipe = try DescriptorPipe()
            var outputPipe = try DescriptorPipe()
            var child: pid_t = 0
            let code = spawn(&child, stdin: inputPipe.readEnd, output: outputPipe.writeEnd)
            guard code == 0 else { return .notStarted("\(command.first ?? ""): \(systemErrorText(code))") }
            inputPipe.closeReadEnd()
            outputPipe.closeWriteEnd()
            inputPipe.setNonBlocking()
            outputPipe.setNonBlocking()
            return attend(child, &inputPipe, outputPipe, input: input, timeout: timeout, isAbandoned)
        } catch {
            return .notStarted(error.description)
        }
    }

    private mutating func attend(
        _ child: pid_t,
        _ inputPipe: inout DescriptorPipe,
        _ outputPipe: borrowing DescriptorPipe,
        input: [UInt8],
        timeout: Duration,
        _ isAbandoned: () -> Bool
    ) -> Ending {
        let started = Stopwatch()
        var rest = input[...]
        var isOutputOver = false
        while true {
            // A negative descriptor is passed over: an end of file would be readable for ever.
            var waiting = [pollfd(fd: isOutputOver ? -1 : outputPipe.readEnd, events: Int16(POLLIN), revents: 0)]
            if !rest.isEmpty { waiting.append(pollfd(fd: inputPipe.writeEnd, events: Int16(POLLOUT), revents: 0)) }
            poll(&waiting, nfds_t(waiting.count), ChildProgram.pollMilliseconds)
            feed(&rest, &inputPipe)
            isOutputOver = isOutputOver || !listen(outputPipe.readEnd)
            var status: Int32 = 0
            if waitpid(child, &status, WNOHANG) == child {
                _ = listen(outputPipe.readEnd)
                return ending(status)
            }
            let isUnwanted = isAbandoned()
            if isUnwanted || started.elapsed() >= timeout {
                // The negative number is the group: what the program started dies with it.
                kill(-child, SIGKILL)
                kill(child, SIGKILL)
                while waitpid(child, &status, 0) == -1, errno == EINTR {}
                _ = listen(outputPipe.readEnd)
                return isUnwanted ? .abandoned : .timedOut(output)
            }
        }
    }

    private func ending(_ status: Int32) -> Ending {
        // <sys/wait.h>: the low seven bits are the signal, 0 for a plain exit, whose code is in the next eight.
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF, output) : .signalled(signal, output)
    }

    /// Writes what the pipe takes; closes it after the last byte, or where nobody reads.
    private func feed(_ rest: inout ArraySlice<UInt8>, _ pipe: inout DescriptorPipe) {
        let descriptor = pipe.writeEnd
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count < 0, errno == EINTR {
                continue
            } else if count < 0, errno == EAGAIN {
                return
            } else {
                rest = []
            }
        }
        pipe.closeWriteEnd()
    }

    /// Reads what is there; keeps the first `AlertingLimits.answerBytesMax` bytes. False at the end of the output.
    private mutating func listen(_ descriptor: Int32) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            // A bounded number of turns, so that a program that prints for ever does not hold this up.
            for _ in 0..<64 {
                let count = read(descriptor, buffer.baseAddress, buffer.count)
                if count < 0 { return errno == EAGAIN || errno == EINTR }
                if count == 0 { return false }
                output += buffer.prefix(min(count, AlertingLimits.answerBytesMax - output.count))
            }
            return true
        }
    }

    // MARK: Starting

    /// 0 or an errno. The child has these three descriptors and no other: sockets of libraries are not closed on exec.
    private func spawn(_ child: inout pid_t, stdin: Int32, output: Int32) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_adddup2(&actions, stdin, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        let code = closeDescriptors(from: 3, in: &actions)
        guard code == 0 else { return code }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = Int32(POSIX_SPAWN_SETPGROUP) | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)
        posix_spawnattr_setflags(&attributes, Int16(flags))
        guard let path = command.first else { return ENOENT }
        return ChildProgram.withStrings(command) { arguments in
            ChildProgram.withStrings(environment) { variables in
                posix_spawn(&child, path, &actions, &attributes, arguments, variables)
            }
        }
    }

    /// A NULL-terminated array of C strings, valid during `body`.
    private static func withStrings<Result>(
        _ texts: [String],
        _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        let copies = texts.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<CChar>?.self, capacity: copies.count + 1) {
            array in
            for (index, copy) in copies.enumerated() { array.initializeElement(at: index, to: copy) }
            array.initializeElement(at: copies.count, to: nil)
            guard let base = array.baseAddress else {
                preconditionFailure("an array of one element or more has an address")
            }
            return body(base)
        }
    }
}

/// The monotonic clock as a stopwatch: another program runs in real time, in tests too.
private struct Stopwatch {
    private let start = Stopwatch.now()

    func elapsed() -> Duration { .nanoseconds(Stopwatch.now() - start) }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
