// How a command reaches the box: the daemon's control socket while it runs, else the files, read-only.
internal import Alerting
internal import CommitLog
internal import DeviceRegistry
package import EventModel
package import Foundation
package import HTTPAPI
internal import NIOCore
internal import Platform

/// One data directory as a command sees it, with what readers may see.
///
/// While a daemon holds the lock everything goes through its socket; otherwise the log is opened read-only, which shows
/// it as recovery would leave it. `close()` at the end.
package final class BoxAccess: Sendable {
    enum Way: Sendable {
        case daemon(ControlClient)
        case files(Files)
    }

    struct Files: Sendable {
        var view: LogView
        var readers: ThreadExecutor
        /// The directory holds no log.
        var isEmpty: Bool
    }

    let way: Way
    let data: String
    /// The directory is mounted read-only: a daemon there has no socket, and changes nothing either.
    let isFrozen: Bool

    /// - Throws: 66 where there is no such directory, 74 where its files cannot be read, 77 where this user may not.
    package convenience init(data: String) throws(CommandFailure) {
        try self.init(data: data, isLocked: false)
    }

    /// `isLocked`: the caller holds the lock of the data directory, so that no daemon can.
    init(data: String, isLocked: Bool) throws(CommandFailure) {
        self.data = data
        try AccessCheck.require(data, R_OK | X_OK)
        guard FileManager.default.fileExists(atPath: data) else {
            throw CommandFailure(
                ExitStatus.noInput,
                "there is no data directory \(data)",
                hint: "name one with --data DIR or --config FILE"
            )
        }
        let socketPath = "\(data)/control.sock"
        isFrozen = access(data, W_OK) != 0 && errno == EROFS
        if !isLocked, !isFrozen, let holder = DirectoryLock.holder(dataDirectory: data) {
            try AccessCheck.require(socketPath, R_OK | W_OK)
            // The socket answers also those who may not read the lock.
            guard holder.code == .locked || FileManager.default.fileExists(atPath: socketPath) else {
                throw BoxAccess.failure(holder)
            }
            way = .daemon(ControlClient(socketPath: socketPath))
            return
        }
        do throws(LogError) {
            let log = try CommitLog.open(
                LogConfiguration(directory: data, topics: [:]),
                disk: PosixDisk(),
                clock: SystemClock(),
                access: .readOnly
            )
            let readers = ThreadExecutor(name: "readers")
            let view = LogView(log: log, disk: PosixDisk(), readers: readers)
            way = .files(Files(view: view, readers: readers, isEmpty: log.recoveryReport.isEmpty))
        } catch {
            throw BoxAccess.failure(error)
        }
    }

    package var isDaemonRunning: Bool {
        if case .daemon = way { return true }
        return false
    }

    /// Whether a daemon works on this data directory.
    package static func hasDaemon(_ data: String) -> Bool {
        DirectoryLock.holder(dataDirectory: data) != nil
    }

    package func close() async {
        switch way {
        case .daemon(let client): await client.shutdown()
        case .files(let files): await files.readers.stop()
        }
    }

    // MARK: Log

    /// Hands each record of the query to `body` as one line of JSON, without its newline, until there are no more or it
    /// answers false.
    package func records(_ query: RecordQuery, _ body: (Data) throws -> Bool) async throws {
        switch way {
        case .daemon(let client):
            try await translated { try await client.lines(BoxAccess.path(query), body) }
        case .files(let files):
            try await translated {
                for try await buffer in try files.view.records(query) {
                    for line in buffer.readableBytesView.split(separator: 0x0A) {
                        guard try body(Data(line)) else { return }
                    }
                }
            }
        }
    }

    package func topics() async throws -> TopicsDocument {
        switch way {
        case .daemon(let client): try await decoded(client, "/api/v1/topics")
        case .files(let files): TopicsDocument(topics: files.view.topics())
        }
    }

    package func topic(_ name: String) async throws -> TopicDocument {
        switch way {
        case .daemon(let client): try await decoded(client, "/api/v1/topics/\(BoxAccess.escaped(name))")
        case .files(let files): try await translated { try files.view.topic(name) }
        }
    }

    package func verify() async throws -> VerificationDocument {
        switch way {
        case .daemon(let client): return try await decoded(client, "/api/v1/log/verify", timeout: nil)
        case .files(let files):
            guard !files.isEmpty else {
                throw CommandFailure(
                    ExitStatus.noInput,
                    "there is no log in \(data): neither \(data)/FORMAT nor a partition in \(data)/log",
                    hint: "name a data directory with --data DIR or --config FILE"
                )
            }
            return try await translated { try await files.view.verify() }
        }
    }

    /// What a backup copies: the log of one moment and, where a daemon knows them, the files of the configuration.
    func backup() async throws -> (cut: LogCut, configuration: [String]?) {
        switch way {
        case .daemon(let client):
            let document: BackupDocument = try await decoded(client, "/api/v1/backup")
            return (document.cut, document.configuration)
        case .files(let files):
            return (try await translated { try LogCut(files.view.log) }, nil)
        }
    }

    // MARK: Alerts

    /// What fires, oldest first, and what waits for its time to fire: that only a daemon knows.
    package func alerts() async throws -> [JSONDocument] {
        switch way {
        case .daemon(let client):
            let document: AlertsDocument = try await decoded(client, "/api/v1/alerts")
            return document.alerts
        case .files(let files):
            let (book, operations) = try await translated {
                (try AlertBook(reading: files.view.log), try OperationsBook(reading: files.view.log))
            }
            let now = SystemClock().now()
            return book.firing.compactMap { AlertingParts.document($0, operations, at: now) }
        }
    }

    /// Oldest first; those of yesterday may be among them.
    package func silences() async throws -> [JSONDocument] {
        switch way {
        case .daemon(let client):
            let document: SilencesDocument = try await decoded(client, "/api/v1/silences")
            return document.silences
        case .files(let files):
            let operations = try await translated { try OperationsBook(reading: files.view.log) }
            return AlertingParts.silences(operations, at: SystemClock().now()).silences
        }
    }

    /// What a hook could not deliver, oldest first.
    package func deadLetters(_ hook: String) async throws -> DeadLettersDocument {
        if case .daemon(let client) = way {
            return try await decoded(client, "/api/v1/hooks/\(BoxAccess.escaped(hook))/dead-letters")
        }
        let isName = !hook.isEmpty && hook.utf8.allSatisfy { ConfigurationText.isWordByte($0) || $0 == 0x2D }
        let letters = DeadLetters(dataDirectory: data, name: hook, disk: PosixDisk())
        do {
            guard isName, try letters.exists else {
                throw CommandFailure(ExitStatus.noInput, "\(data)/hooks holds no dead letters of a hook \(hook)")
            }
            return DeadLettersDocument(hook: hook, letters: try letters.lines().compactMap(AlertingParts.document))
        } catch let error as DiskError {
            guard error.errno != EACCES else { throw AccessCheck.denied(error.path) }
            throw CommandFailure(ExitStatus.inputOutput, "\(error)")
        }
    }

    // MARK: Devices

    /// All devices that match, in the order of their ids.
    package func devices(state: DeviceState?, pattern: String?) async throws -> [DeviceRecord] {
        var devices: [DeviceRecord] = []
        var after: String?
        repeat {
            let page = try await page(DeviceFilter(state: state, pattern: pattern, after: after))
            devices += page.devices
            after = page.next
        } while after != nil
        return devices
    }

    private func page(_ filter: DeviceFilter) async throws -> DevicePage {
        guard case .daemon(let client) = way else {
            return try await registry { registry async throws(RegistryError) in try await registry.list(filter) }
        }
        var items = [URLQueryItem(name: "max", value: String(filter.count))]
        if let state = filter.state { items.append(URLQueryItem(name: "state", value: state.rawValue)) }
        if let pattern = filter.pattern { items.append(URLQueryItem(name: "match", value: pattern)) }
        if let after = filter.after { items.append(URLQueryItem(name: "after", value: after)) }
        return try await decoded(client, "/api/v1/devices" + BoxAccess.query(items))
    }

    package func device(_ id: String) async throws -> DeviceRecord {
        guard case .daemon(let client) = way else {
            return try await registry { registry async throws(RegistryError) in try await registry.show(id) }
        }
        return try await decoded(client, "/api/v1/devices/\(BoxAccess.escaped(id))")
    }

    /// Changes a device; without a daemon the lock is taken for it.
    package func change(_ id: String, _ changes: DeviceChange) async throws -> DeviceRecord {
        guard case .daemon(let client) = way else { return try await changeOffline(id, changes) }
        let body = try JSONEncoder().encode(changes)
        let answer = try await translated {
            try await client.send("/api/v1/devices/\(BoxAccess.escaped(id))", method: "PATCH", body: body)
        }
        return try JSONDecoder().decode(DeviceRecord.self, from: answer)
    }

    private func changeOffline(_ id: String, _ changes: DeviceChange) async throws -> DeviceRecord {
        let lock: DirectoryLock
        do throws(LogError) {
            lock = try DirectoryLock(dataDirectory: data)
        } catch {
            throw BoxAccess.failure(error, status: ExitStatus.cannotCreate)
        }
        defer { withExtendedLifetime(lock) {} }
        do throws(RegistryError) {
            let now = SystemClock().now()
            let (registry, _) = try DeviceRegistry.open(path: "\(data)/registry.sqlite", at: now)
            let record = try await registry.set(id, changes, at: now)
            try registry.close()
            return record
        } catch {
            throw BoxAccess.failure(error)
        }
    }

    private func registry<Value>(_ body: (DeviceRegistry) async throws(RegistryError) -> Value) async throws -> Value {
        do throws(RegistryError) {
            let registry = try DeviceRegistry.openReadOnly(path: "\(data)/registry.sqlite")
            defer { try? registry.close() }
            return try await body(registry)
        } catch {
            throw BoxAccess.failure(error)
        }
    }

    static func failure(_ error: LogError, status: Int32 = ExitStatus.inputOutput) -> CommandFailure {
        guard let path = error.path, error.errno == EACCES || error.errno == EPERM else {
            return CommandFailure(status, "\(error)")
        }
        return AccessCheck.denied(path)
    }

    private static func failure(_ error: RegistryError) -> CommandFailure {
        let status: Int32 =
            switch error.code {
            case .unknownDevice, .absent: ExitStatus.noInput
            case .invalidChange, .limitReached: ExitStatus.usage
            case .permission: ExitStatus.permission
            default: ExitStatus.inputOutput
            }
        return CommandFailure(status, error.message, hint: error.hint)
    }

    // MARK: Only a daemon can

    package func status() async throws -> StatusDocument { try await decoded(try daemon(), "/api/v1/status") }

    package func reload() async throws -> ReloadDocument {
        let client = try daemon()
        let answer = try await translated(isAnswer: [409]) {
            try await client.send("/api/v1/reload", method: "POST", body: Data())
        }
        return try JSONDecoder().decode(ReloadDocument.self, from: answer)
    }

    package func testHook(_ name: String) async throws -> HookTestDocument {
        let client = try daemon()
        let answer = try await translated {
            try await client.send(
                "/api/v1/hooks/\(BoxAccess.escaped(name))/test",
                method: "POST",
                body: Data(),
                timeout: BoxAccess.hookTestTimeout
            )
        }
        return try JSONDecoder().decode(HookTestDocument.self, from: answer)
    }

    /// One attempt for each dead letter of a hook.
    package func resendDeadLetters(_ hook: String) async throws -> DeadLetterResendDocument {
        let client = try daemon()
        let answer = try await translated {
            try await client.send(
                "/api/v1/hooks/\(BoxAccess.escaped(hook))/dead-letters/resend",
                method: "POST",
                body: Data(),
                timeout: nil
            )
        }
        return try JSONDecoder().decode(DeadLetterResendDocument.self, from: answer)
    }

    /// Acknowledges firing alerts; the records.
    package func acknowledge(_ request: AcknowledgementRequest) async throws -> [JSONDocument] {
        let answer: AcknowledgementsDocument = try await posted("/api/v1/alerts/ack", request)
        return answer.acknowledged
    }

    /// The record.
    package func silence(_ request: SilenceRequest) async throws -> JSONDocument {
        try await posted("/api/v1/silences", request)
    }

    /// Ends silences; what they were.
    package func endSilences(_ request: SilenceEndRequest) async throws -> [JSONDocument] {
        let answer: SilencesDocument = try await posted("/api/v1/silences/end", request)
        return answer.silences
    }

    func posted<Document: Decodable>(_ path: String, _ request: some Encodable) async throws -> Document {
        let client = try daemon()
        let body = try JSONEncoder().encode(request)
        let answer = try await translated { try await client.send(path, method: "POST", body: body) }
        return try JSONDecoder().decode(Document.self, from: answer)
    }

    /// A hook may take ten minutes.
    private static let hookTestTimeout = Duration.seconds(660)

    func daemon() throws(CommandFailure) -> ControlClient {
        guard case .daemon(let client) = way else {
            guard !isFrozen else {
                throw CommandFailure(
                    ExitStatus.unavailable,
                    "\(data) is mounted read-only, where a daemon has no control socket",
                    hint: "its HTTP address (`listen.http`) answers: /api/v1/status"
                )
            }
            throw CommandFailure(
                ExitStatus.unavailable,
                "no daemon is running on \(data)",
                hint: "start one with `forebay run` or `systemctl start forebay`"
            )
        }
        return client
    }

    // MARK: Wire

    func decoded<Document: Decodable>(
        _ client: ControlClient,
        _ path: String,
        timeout: Duration? = ControlClient.callTimeout
    ) async throws -> Document {
        let body = try await translated { try await client.get(path, timeout: timeout) }
        return try JSONDecoder().decode(Document.self, from: body)
    }

    /// Turns refusals into the exit codes of the commands. A refusal with a status in `isAnswer` is an answer: its body.
    func translated<Value>(isAnswer: Set<Int> = [], _ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as ControlError {
            guard case .refused(let status, let answer) = error.code else {
                throw CommandFailure(ExitStatus.unavailable, error.message)
            }
            if isAnswer.contains(status), let value = answer as? Value { return value }
            throw CommandFailure(BoxAccess.exitStatus(http: status), error.message)
        } catch let error as APIFailure {
            throw CommandFailure(BoxAccess.exitStatus(http: error.kind.status), error.error, hint: error.hint)
        } catch let error as LogError {
            throw BoxAccess.failure(error)
        }
    }

    private static func exitStatus(http status: Int) -> Int32 {
        switch status {
        case 400, 409: ExitStatus.usage
        case 403: ExitStatus.permission
        case 404: ExitStatus.noInput
        case 503: ExitStatus.unavailable
        default: ExitStatus.inputOutput
        }
    }

    private static func path(_ query: RecordQuery) -> String {
        var items: [URLQueryItem] = []
        if let from = query.from { items.append(URLQueryItem(name: "from", value: from.text)) }
        if let to = query.to { items.append(URLQueryItem(name: "to", value: to.text)) }
        if let partition = query.partition { items.append(URLQueryItem(name: "partition", value: String(partition))) }
        if let device = query.device { items.append(URLQueryItem(name: "device", value: device)) }
        if let metric = query.metric { items.append(URLQueryItem(name: "metric", value: metric)) }
        if let count = query.count { items.append(URLQueryItem(name: "max", value: String(count))) }
        if query.follow { items.append(URLQueryItem(name: "follow", value: "true")) }
        return "/api/v1/topics/\(escaped(query.topic))/records" + self.query(items)
    }

    private static func query(_ items: [URLQueryItem]) -> String {
        let parts = items.map { "\($0.name)=\(escaped($0.value ?? ""))" }
        return parts.isEmpty ? "" : "?" + parts.joined(separator: "&")
    }

    static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? text
    }
}
