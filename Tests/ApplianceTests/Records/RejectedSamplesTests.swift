// What `status` shows of refused payloads: the newest of each kind, whatever their size, and read once.
import Appliance
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("Samples of rejects", .timeLimit(.minutes(5)))
struct RejectedSamplesTests {
    private func reject(_ payload: [UInt8], _ reason: String, into stored: StoredLog) throws {
        try stored.append(payload, to: .rejected, headers: ["input": "lan", "from": "x", "reason": reason])
    }

    private let malformed = RejectedSamples.Kind(input: "lan", reason: "malformed")

    @Test("the newest of each input and reason is shown, cut to a line or two")
    func newest() async throws {
        let stored = try StoredLog()
        let readers = ThreadExecutor(name: "readers")
        let samples = RejectedSamples(log: stored.log, executor: readers)
        #expect(try await samples.newest() == [:])
        try reject(Array("first".utf8), "malformed", into: stored)
        try reject([], "empty", into: stored)
        let expected = [malformed: "first", RejectedSamples.Kind(input: "lan", reason: "empty"): ""]
        #expect(try await samples.newest() == expected)
        let long = String(repeating: "ä", count: 450_000)
        try reject(Array(long.utf8), "malformed", into: stored)
        #expect(try await samples.newest()[malformed] == String(long.prefix(RejectedSamples.charactersMax)))
        try reject([UInt8](repeating: 0xFF, count: 900_000), "malformed", into: stored)
        let binary = try #require(try await samples.newest()[malformed])
        #expect(binary == "base64:" + String(repeating: "/", count: RejectedSamples.charactersMax))
        await readers.stop()
    }

    @Test("a payload that is cut in the middle of a character is text still", arguments: 0..<4)
    func cutCharacter(shift: Int) async throws {
        let stored = try StoredLog()
        let readers = ThreadExecutor(name: "readers")
        let text = String(repeating: "x", count: shift) + String(repeating: "🌡", count: 400)
        try reject(Array(text.utf8), "malformed", into: stored)
        let samples = RejectedSamples(log: stored.log, executor: readers)
        let shown = try #require(try await samples.newest()[malformed])
        #expect(text.hasPrefix(shown))
        #expect(shown.count >= RejectedSamples.charactersMax - 1)
        await readers.stop()
    }

    @Test("of many large rejects only the last are read, and none twice")
    func readOnce() async throws {
        let stored = try StoredLog()
        let readers = ThreadExecutor(name: "readers")
        let large = 500_000
        let count = RejectedSamples.recordsMax + 50
        for index in 0..<count {
            try reject(Array("\(index) ".utf8) + [UInt8](repeating: 0x78, count: large), "malformed", into: stored)
        }
        let samples = RejectedSamples(log: stored.log, executor: readers)
        func bytesRead() async throws -> Int {
            stored.disk.watch.withLock { $0.bytes = 0 }
            #expect(try await samples.newest()[malformed]?.hasPrefix("\(count - 1) ") == true)
            return stored.disk.watch.withLock { $0.bytes }
        }
        let first = try await bytesRead()
        #expect(first >= RejectedSamples.recordsMax * large)
        #expect(try await bytesRead() == 0)
        await readers.stop()
    }
}
