// What people do about alerts is durable before it counts, under their name, and over when it is over.
import Alerting
import CommitLog
import EventModel
import Platform
import Rules
import Testing

@Suite("Operations", .timeLimit(.minutes(5)))
struct OperationsTests {
    private func bench() throws -> PolicyBench { try PolicyBench([]) }

    @Test("an acknowledgement by the first digits is of one firing, and survives a restart")
    func acknowledged() async throws {
        let bench = try bench()
        try bench.fire("FreezerTooWarm", ["freezer-1", "freezer-2"])
        let record = try #require(bench.book.firing.map(\.record).first { $0.device == "freezer-1" })
        let made = try await bench.record {
            try await $0.acknowledge([String(record.fingerprint.prefix(8))], author: "eve", comment: "on my way")
        }
        #expect(made.map(\.device) == ["freezer-1"])
        #expect(bench.operations.acknowledgement(of: record)?.author == "eve")
        let again = try OperationsBook(reading: bench.harness.log)
        #expect(again.acknowledgement(of: record) == made.first)
        #expect(again.acknowledgement(of: .sample(device: "freezer-2")) == nil)
        var next = record
        next.firedAt = record.firedAt.advanced(by: .seconds(1))
        #expect(again.acknowledgement(of: next) == nil, "another firing")
        let stored = try #require(try bench.harness.records(of: .operations).first)
        #expect(stored.key == "ack/\(record.fingerprint)")
        #expect(
            try keysOfJSON(stored.value)
                == ["kind", "id", "alert", "device", "metric", "fired_at", "author", "comment", "at"]
        )
    }

    @Test("what cannot be acknowledged is refused with the reason, and nothing is recorded")
    func refused() async throws {
        let bench = try bench()
        let devices = (0..<40).map { "freezer-\($0)" }
        try bench.fire("FreezerTooWarm", devices)
        try bench.resolve("FreezerTooWarm", ["freezer-0"])
        let resolved = AlertFingerprint.of(alert: "FreezerTooWarm", device: "freezer-0", metric: "temperature")
        // Of forty fingerprints some begin with the same digit.
        let digits = bench.book.firing.map { String($0.record.fingerprint.prefix(1)) }
        let shared = try #require(digits.first { digit in digits.count { $0 == digit } > 1 })
        let cases: [(String, OperationError.Kind)] = [
            ("ffffffffffffffff", .unknown), (resolved, .unknown), (shared, .invalid), ("", .unknown),
        ]
        for (prefix, kind) in cases {
            let error = await #expect(throws: OperationError.self) {
                _ = try await bench.record { try await $0.acknowledge([prefix], author: "eve", comment: nil) }
            }
            #expect(error?.kind == kind, "\(prefix): \(error?.message ?? "")")
        }
        #expect(try bench.harness.records(of: .operations).isEmpty)
    }

    @Test("a silence matches by globs until it ends, and a tombstone ends it before")
    func silences() async throws {
        let bench = try bench()
        let silence = try await bench.silence(device: "freezer-*", for: .seconds(3600))
        let record = AlertRecord.sample()
        let now = bench.harness.clock.now()
        #expect(bench.operations.silence(of: record, at: now) == silence)
        #expect(bench.operations.silence(of: .sample(device: "door-1"), at: now) == nil)
        #expect(bench.operations.silence(of: record, at: now.advanced(by: .seconds(3599))) == silence)
        #expect(bench.operations.silence(of: record, at: now.advanced(by: .seconds(3600))) == nil)
        #expect(try OperationsBook(reading: bench.harness.log).silences == [silence])
        let ended = try await bench.record { try await $0.unsilence([silence.id], author: "adam") }
        #expect(ended == [silence])
        #expect(bench.operations.silence(of: record, at: now) == nil)
        #expect(try OperationsBook(reading: bench.harness.log).silences.isEmpty)
        let error = await #expect(throws: OperationError.self) {
            _ = try await bench.record { try await $0.unsilence([silence.id], author: "adam") }
        }
        #expect(error?.kind == .unknown)
    }

    @Test("a silence without a matcher, without an end or for years is refused")
    func wrongSilences() async throws {
        let bench = try bench()
        let freezer = AlertMatchers(device: "freezer-1")
        let cases: [(AlertMatchers, Duration?)] = [
            (AlertMatchers(), .seconds(60)), (freezer, nil), (freezer, .zero), (freezer, .seconds(400 * 86_400)),
            (AlertMatchers(device: String(repeating: "x", count: 257)), .seconds(60)),
            (AlertMatchers(device: "a\nb"), .seconds(60)),
        ]
        for (matchers, duration) in cases {
            let error = await #expect(throws: OperationError.self) {
                _ = try await bench.record {
                    try await $0.silence(matchers, until: nil, for: duration, author: "eve", comment: nil)
                }
            }
            #expect(error?.kind == .invalid)
        }
    }

    @Test("what is over leaves the book with the next change")
    func swept() async throws {
        let bench = try bench()
        try bench.fire("FreezerTooWarm", ["freezer-1", "freezer-2"])
        try await bench.acknowledge("FreezerTooWarm", "freezer-1")
        _ = try await bench.silence(device: "freezer-9", for: .seconds(60))
        try bench.resolve("FreezerTooWarm", ["freezer-1"])
        bench.harness.clock.advance(.seconds(2 * 86_400))
        try await bench.acknowledge("FreezerTooWarm", "freezer-2")
        #expect(bench.operations.acknowledgements.map(\.device) == ["freezer-2"])
        #expect(bench.operations.silences.isEmpty)
        let again = try OperationsBook(reading: bench.harness.log)
        #expect(again.acknowledgements == bench.operations.acknowledgements)
        #expect(again.silences.isEmpty)
    }
}
