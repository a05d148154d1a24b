// A record of topic `gaps` as the tests look at it.
import Foundation

struct GapSketch: Equatable {
    var key: String
    var kind: String
    var input: String?
    var device: String?
    var from: Int64?
    var to: Int64?
    var count: UInt64

    init(_ record: HarnessRecord) throws {
        struct Value: Decodable {
            var kind: String
            var input: String?
            var device: String?
            var from: Int64?
            var to: Int64?
            var count: UInt64
            var first: String
            var last: String
        }
        let value = try JSONDecoder().decode(Value.self, from: Data(record.value.utf8))
        guard value.first.count == 24, value.last.count == 24, value.first <= value.last else {
            throw TestFailure("no times: \(record.value)")
        }
        key = record.key
        (kind, input, device) = (value.kind, value.input, value.device)
        (from, to, count) = (value.from, value.to, value.count)
    }

    static func sum(_ gaps: [GapSketch], _ kind: String) -> UInt64 {
        gaps.filter { $0.kind == kind }.reduce(0) { $0 + $1.count }
    }
}
