// A program that a hook runs for one delivery, on a thread of its own.
internal import Platform
internal import Synchronization

/// Waiting for a program blocks, and signals are blocked on its thread, so that a program that does not read its input is a
/// failed write (EPIPE) and not the end of the daemon (SIGPIPE).
struct HookProgram: Sendable {
    /// Absolute path and arguments.
    let command: [String]
    let timeout: Duration

    /// One run; ends within `timeout`, or when the task is cancelled.
    ///
    /// `key`: of the delivery, for the program's environment.
    func run(input: [UInt8], key: String) async -> ChildProgram.Ending {
        let (command, timeout) = (command, timeout)
        let abandoned = AbandonFlag()
        var thread: PlatformThread?
        let ending = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                thread = PlatformThread(name: "hook-exec") {
                    var child = ChildProgram(
                        command: command,
                        environment: [
                            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                            "LANG=C.UTF-8",
                            "FOREBAY_IDEMPOTENCY_KEY=\(key)",
                        ]
                    )
                    continuation.resume(returning: child.run(input: input, timeout: timeout) { abandoned.isSet })
                }
            }
        } onCancel: {
            abandoned.set()
        }
        // It has nothing left to do.
        thread?.join()
        return ending
    }

    /// What the ending means. `refusing`: exit codes after which another attempt would end in the same way.
    func outcome(of ending: ChildProgram.Ending, refusing: Set<Int32> = []) -> HookOutcome {
        switch ending {
        case .exited(0, _): return .delivered(status: 0)
        case .exited(let code, let output):
            let text = words("exit code \(code)", output)
            return refusing.contains(code) ? .refused(status: Int(code), text) : .retry(status: Int(code), text)
        case .signalled(let signal, let output): return .retry(words("ended by signal \(signal)", output))
        case .timedOut(let output):
            return .retry(
                words("not done within \(timeout.wholeMilliseconds) ms, killed with its process group", output)
            )
        case .abandoned: return .retry("killed, because the hook was stopped")
        case .notStarted(let reason): return .retry(reason)
        }
    }

    private func words(_ what: String, _ output: [UInt8]) -> String {
        let text = HookText.oneLine(output)
        return text.isEmpty ? what : "\(what): \(text)"
    }
}

/// Set once, when the delivery's task is cancelled.
private final class AbandonFlag: Sendable {
    private let value = Atomic<Bool>(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func set() {
        value.store(true, ordering: .releasing)
    }
}
