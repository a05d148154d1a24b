// Alerts as the API shows them: what is pending or firing, one of them, and the past.
internal import Alerting
internal import CommitLog
internal import EventModel
internal import Foundation
internal import HTTPAPI
internal import NIOCore
internal import Platform

struct AlertsView: AlertBrowser {
    let box: ViewsBox

    func alerts(_ query: AlertQuery) async throws -> [JSONDocument] {
        try box.parts().alerting.alerts(query)
    }

    func alert(_ fingerprint: String) async throws -> JSONDocument {
        let alerting = try box.parts().alerting
        let found = alerting.book.entries(fingerprintPrefix: fingerprint)
        guard let entry = found.first, let document = alerting.document(entry) else {
            throw APIFailure(.notFound, "no alert has the fingerprint \(fingerprint)")
        }
        guard found.count == 1 else {
            throw APIFailure(.badRequest, "\(fingerprint) begins \(found.count) fingerprints")
        }
        return document
    }

    func silences() async throws -> SilencesDocument {
        try box.parts().alerting.silences()
    }

    func history(_ query: AlertHistoryQuery) async throws -> LineSequence {
        let parts = try box.parts()
        let records = RecordQuery(
            topic: TopicName.alerts.text,
            from: query.from ?? .earliest,
            to: query.to,
            device: query.device
        )
        let view = LogView(log: parts.log, disk: PosixDisk(), readers: parts.readersThread)
        return AlertValues(lines: try view.records(records), query: query)
    }
}

/// The values of the records of topic `alerts`, those that a query is about, a line each.
struct AlertValues: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    typealias Failure = any Error

    let lines: LineSequence
    let query: AlertHistoryQuery

    struct AsyncIterator: AsyncIteratorProtocol {
        private struct Line: Decodable {
            var value: JSONDocument
        }

        var lines: any AsyncIteratorProtocol<ByteBuffer, any Error>
        let query: AlertHistoryQuery
        var left: Int

        mutating func next() async throws -> ByteBuffer? {
            while left > 0, let buffer = try await lines.next(isolation: nil) {
                var values = ByteBuffer()
                for line in buffer.readableBytesView.split(separator: 0x0A) where left > 0 {
                    guard let value = try? JSONDecoder().decode(Line.self, from: Data(line)).value,
                        AlertingParts.matches(query.alert, value["alert"]),
                        AlertingParts.matches(query.fingerprint, value["fingerprint"])
                    else { continue }
                    values.writeBytes(try JSONEncoder().encode(value))
                    values.writeInteger(UInt8(0x0A))
                    left -= 1
                }
                if values.readableBytes > 0 { return values }
            }
            return nil
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(lines: lines.makeAsyncIterator(), query: query, left: query.count ?? .max)
    }
}
