// The exit codes that belong to the errors of the daemon's parts.
internal import CommitLog
internal import DeviceRegistry
internal import HTTPAPI

extension CommandFailure {
    /// `error` with its exit code, where the part that threw it is known; else `error` itself.
    static func explaining(_ error: any Error) -> any Error {
        switch error {
        case let error as LogError: DataDirectory.failure(error, status: ExitStatus.inputOutput)
        case let error as RegistryError: DataDirectory.failure(error)
        case let error as APIServerError:
            CommandFailure(
                error.code == .permission ? ExitStatus.permission : ExitStatus.cannotCreate,
                "cannot listen on \(error.address): \(error.message)",
                hint: error.hint
            )
        default: error
        }
    }
}
