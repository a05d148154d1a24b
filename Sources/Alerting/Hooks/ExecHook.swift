// Hook type `exec`: a program gets the webhook body on its standard input; there is no shell.
internal import Platform
internal import Synchronization

/// Exit code 0 is delivered. Any other, a signal, a time-out or a program that cannot be started is tried again.
struct ExecHook: Hook {
    private let command: [String]
    private let timeout: Duration

    init?(_ settings: HookSettings) {
        guard case .exec(let command) = settings.target, command.first?.hasPrefix("/") == true else { return nil }
        self.command = command
        timeout = settings.timeout
    }

    /// Runs on a thread of its own: waiting for a program blocks, and signals are blocked there, so that a program that
    /// does not read its input is a failed write (EPIPE) and not the end of the daemon (SIGPIPE).
    func deliver(_ payload: HookPayload) async -> HookOutcome {
        let (command, timeout) = (command, timeout)
        let body: [UInt8]
        do { body = try HookJSON.encoded(WebhookBody(payload)) } catch {
            return .refused(status: nil, HookJSON.words(error))
        }
        let abandoned = AbandonFlag()
        var thread: PlatformThread?
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                thread = PlatformThread(name: "hook-exec") {
                    var child = ChildProgram(
                        command: command,
                        environment: [
                            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                            "LANG=C.UTF-8",
                            "FOREBAY_IDEMPOTENCY_KEY=\(payload.idempotencyKey)",
                        ]
                    )
                    let ending = child.run(input: body, timeout: timeout) { abandoned.isSet }
                    continuation.resume(returning: ExecHook.outcome(of: ending, timeout))
                }
            }
        } onCancel: {
            abandoned.set()
        }
        // It has nothing left to do.
        thread?.join()
        return outcome
    }

    private static func outcome(of ending: ChildProgram.Ending, _ timeout: Duration) -> HookOutcome {
        switch ending {
        case .exited(0, _): return .delivered(status: 0)
        case .exited(let code, let output): return .retry(status: Int(code), words("exit code \(code)", output))
        case .signalled(let signal, let output): return .retry(words("ended by signal \(signal)", output))
        case .timedOut(let output):
            return .retry(
                words("not done within \(timeout.wholeMilliseconds) ms, killed with its process group", output)
            )
        case .abandoned: return .retry("killed, because the hook was stopped")
        case .notStarted(let reason): return .retry(reason)
        }
    }

    private static func words(_ what: String, _ output: [UInt8]) -> String {
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
