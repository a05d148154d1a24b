// What the API needs of the rest of the product. The appliance implements these; this target sees nothing behind them.
//
// Every function may be called from any task, several at once. An `APIFailure` becomes the answer with its status
// code; any other error becomes a 500 and a line in the daemon's log.
package import EventModel
package import NIOCore

package protocol StatusProvider: Sendable {
    func readiness() async -> Readiness
    func status() async throws -> StatusDocument
}

package protocol MetricsProvider: Sendable {
    func metrics() async -> MetricsSnapshot
    /// The newest reading of every device and metric, stale or not, in any order.
    func latestReadings() async -> [LatestReading]
}

package protocol DeviceDirectoryEditor: Sendable {
    func devices(_ filter: DeviceFilter) async throws -> DevicePage
    /// - Throws: `APIFailure.notFound`.
    func device(_ id: String) async throws -> DeviceRecord
    /// - Returns: The device as it is afterwards.
    /// - Throws: `APIFailure` `notFound`, `badRequest` or `conflict`; nothing was changed.
    func change(_ id: String, _ changes: DeviceChange) async throws -> DeviceRecord
}

/// Whole lines of ndjson, several to a buffer or one. Pulled: the next buffer is asked for when the client has taken
/// the one before, so a sequence that reads on demand holds one buffer. Iteration is cancelled when the client leaves
/// or the daemon stops.
package typealias LineSequence = any AsyncSequence<ByteBuffer, any Error> & Sendable

package protocol LogBrowser: Sendable {
    func topics() async throws -> [TopicDocument]
    /// - Throws: `APIFailure.notFound`.
    func topic(_ name: String) async throws -> TopicDocument
    /// Records as `forebay tail -o ndjson` prints them.
    ///
    /// - Throws: `APIFailure` `notFound` or `badRequest`, before the first line. An error in the sequence breaks the
    ///   connection off, so that a cut answer is not taken for a whole one.
    func records(_ query: RecordQuery) async throws -> LineSequence
    /// Reads every byte of the log; takes as long as that does.
    func verify() async throws -> VerificationDocument
}

package protocol TopicAdministrator: Sendable {
    /// - Returns: The topic as it is afterwards, durably.
    /// - Throws: `APIFailure` `badRequest`, `conflict` or `unavailable`; nothing was changed.
    func createTopic(_ name: String, _ settings: TopicSettings) async throws -> TopicDocument
    /// - Throws: `APIFailure.notFound`, too.
    func alterTopic(_ name: String, _ settings: TopicSettings) async throws -> TopicDocument
    /// - Returns: What it was.
    func deleteTopic(_ name: String) async throws -> TopicDocument
}

package protocol GroupAdministrator: Sendable {
    /// By id.
    func groups() async throws -> [GroupSummaryDocument]
    /// - Throws: `APIFailure.notFound`.
    func group(_ id: String) async throws -> GroupDocument
    /// Has a group without members go on elsewhere; durable on return.
    ///
    /// - Throws: `APIFailure` `notFound`, `badRequest`, `conflict` or `unavailable`; nothing was changed.
    func resetGroup(_ id: String, _ request: GroupResetRequest) async throws -> GroupResetDocument
    /// - Returns: What it was.
    /// - Throws: As `resetGroup`.
    func deleteGroup(_ id: String) async throws -> GroupDocument
}

package protocol AlertBrowser: Sendable {
    func alerts(_ query: AlertQuery) async throws -> [JSONDocument]
    /// - Throws: `APIFailure.notFound`.
    func alert(_ fingerprint: String) async throws -> JSONDocument
    /// The values of the topic `alerts`, oldest first.
    func history(_ query: AlertHistoryQuery) async throws -> LineSequence
    /// Oldest first; those of yesterday may be among them.
    func silences() async throws -> SilencesDocument
}

package protocol ControlActions: Sendable {
    /// Loads the configuration anew; a bad one changes nothing and is described in the answer.
    func reload() async throws -> ReloadDocument
    /// - Throws: `APIFailure.notFound`.
    func testHook(_ name: String) async throws -> HookTestDocument
    /// - Throws: `APIFailure.notFound`.
    func deadLetters(_ hook: String) async throws -> DeadLettersDocument
    /// - Throws: `APIFailure.notFound`.
    func resendDeadLetters(_ hook: String) async throws -> DeadLetterResendDocument
    /// Durable on return, as are the other two.
    ///
    /// - Throws: `APIFailure` `notFound`, `badRequest` or `unavailable`; nothing was changed.
    func acknowledge(_ request: AcknowledgementRequest) async throws -> AcknowledgementsDocument
    /// - Returns: The record.
    func silence(_ request: SilenceRequest) async throws -> JSONDocument
    /// - Returns: What was ended.
    func endSilences(_ request: SilenceEndRequest) async throws -> SilencesDocument
    /// What a backup copies.
    func backup() async throws -> BackupDocument
}

/// All of them together.
package struct APIProviders: Sendable {
    package var status: any StatusProvider
    package var metrics: any MetricsProvider
    package var devices: any DeviceDirectoryEditor
    package var log: any LogBrowser
    package var topics: any TopicAdministrator
    package var groups: any GroupAdministrator
    package var alerts: any AlertBrowser
    package var actions: any ControlActions

    package init(
        status: any StatusProvider,
        metrics: any MetricsProvider,
        devices: any DeviceDirectoryEditor,
        log: any LogBrowser,
        topics: any TopicAdministrator,
        groups: any GroupAdministrator,
        alerts: any AlertBrowser,
        actions: any ControlActions
    ) {
        self.status = status
        self.metrics = metrics
        self.devices = devices
        self.log = log
        self.topics = topics
        self.groups = groups
        self.alerts = alerts
        self.actions = actions
    }
}
