// The exit codes that belong to the errors of the daemon's parts.
internal import CommitLog
internal import DeviceRegistry
internal import Glibc
internal import HTTPAPI
internal import KafkaNIO

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
        case let error as KafkaFilesError:
            CommandFailure(ExitStatus.configuration, "listen.kafka: \(error)")
        case let error as KafkaServerError:
            CommandFailure(
                error.errno == EACCES ? ExitStatus.permission : ExitStatus.cannotCreate,
                error.description,
                hint: error.errno == EADDRINUSE
                    ? "another program listens there: ss -lptn shows which; listen.kafka in the configuration moves this one"
                    : nil
            )
        default: error
        }
    }
}
