// What was refused last, by input and reason: the samples that `status` shows.
package import CommitLog
internal import EventModel
internal import Foundation
package import Platform

/// Follows topic `rejected` by looks: each goes on where the one before stopped, or further on where more was refused since
/// than anybody wants to see. Its reads block, so it runs on the readers' thread; of a record only the beginning is kept.
package actor RejectedSamples {
    /// Whose samples they are.
    package struct Kind: Hashable, Sendable {
        package var input: String
        package var reason: String

        package init(input: String, reason: String) {
            self.input = input
            self.reason = reason
        }
    }

    private let log: CommitLog
    private let executor: ThreadExecutor
    private var walk: RecordWalk
    private var next = Offset.zero
    private var samples: [Kind: String] = [:]

    nonisolated package var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    package init(log: CommitLog, executor: ThreadExecutor) {
        self.log = log
        self.executor = executor
        walk = RecordWalk(log: log)
    }

    /// The newest sample of each input and reason among the last `recordsMax` rejects, and older ones that were met before.
    ///
    /// Throws where the disk fails; what was read until then is kept.
    package func newest() async throws(LogError) -> [Kind: String] {
        guard let partition = log.partition(TopicPartition(topic: .rejected, partition: .zero)) else { return [:] }
        let end = log.snapshot().highWatermark(of: partition)
        next = max(next, partition.logStartOffset, end + -RejectedSamples.recordsMax)
        while next < end, !Task.isCancelled {
            next = try walk.stretch(of: partition, from: next, upTo: end, visible: end) { record in
                take(record)
                return true
            }
            await Task.yield()
        }
        return samples
    }

    private func take(_ record: Record) {
        guard let input = RecordHeaders.value(of: "input", in: record),
            let reason = RecordHeaders.value(of: "reason", in: record)
        else { return }
        let kind = Kind(input: String(decoding: input, as: UTF8.self), reason: String(decoding: reason, as: UTF8.self))
        guard samples[kind] != nil || samples.count < RejectedSamples.kindsMax else { return }
        samples[kind] = RejectedSamples.shown(record.value ?? UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// The beginning of a payload as text, or in base64 where it is none.
    private static func shown(_ payload: UnsafeRawBufferPointer) -> String {
        let start = UnsafeRawBufferPointer(rebasing: payload.prefix(4 * charactersMax))
        // A cut may have gone through a character, of four bytes at most.
        for cut in 0...(start.count < payload.count ? 3 : 0) {
            let count = start.count - cut
            guard UTF8Text.isValid(start.bytes, start: 0, count: count) else { continue }
            return String(String(decoding: start.prefix(count), as: UTF8.self).prefix(charactersMax))
        }
        return "base64:" + Data(payload.prefix(charactersMax / 4 * 3)).base64EncodedString()
    }

    /// Of a minute in which everything is refused a page is enough.
    package static let recordsMax = 200
    /// A terminal's line or two; a multiple of four.
    package static let charactersMax = 200
    /// Inputs times reasons; the log may name inputs that are no more.
    private static let kindsMax = 1000
}
