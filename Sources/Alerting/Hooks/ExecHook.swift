// Hook type `exec`: a program gets the webhook body on its standard input; there is no shell.

/// Exit code 0 is delivered. Any other, a signal, a time-out or a program that cannot be started is tried again.
struct ExecHook: Hook {
    private let program: HookProgram

    init?(_ settings: HookSettings) {
        guard case .exec(let command) = settings.target, command.first?.hasPrefix("/") == true else { return nil }
        program = HookProgram(command: command, timeout: settings.timeout)
    }

    func deliver(_ payload: HookPayload) async -> HookOutcome {
        let body: [UInt8]
        do { body = try HookJSON.encoded(WebhookBody(payload)) } catch {
            return .refused(status: nil, HookJSON.words(error))
        }
        return program.outcome(of: await program.run(input: body, key: payload.idempotencyKey))
    }
}
