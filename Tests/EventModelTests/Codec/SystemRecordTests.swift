// Records of topic `system`: their golden text, that they read back, and that no damage to them traps.
import EventModel
import Platform
import Testing

private func text(_ record: SystemRecord) -> String {
    String(decoding: record.encode(), as: UTF8.self)
}

private func read(_ text: String) -> SystemRecord? {
    let bytes = Array(text.utf8)
    return SystemRecord(bytes.span.bytes)
}

private func record(_ kind: SystemRecord.Kind = .tick, run: String = "r1") -> SystemRecord {
    SystemRecord(
        kind: kind,
        run: run,
        wall: Timestamp(milliseconds: 1_795_461_000_123),
        monotonicMilliseconds: 86_400_000,
        clock: .synchronised
    )
}

/// Has every member.
private let full = SystemRecord(
    kind: .clockStep,
    run: "0b9cf4a1",
    wall: Timestamp(milliseconds: -1),
    monotonicMilliseconds: 12_345,
    clock: .unsynchronised,
    ends: ["readings-1": 7, "readings-0": 1041],
    boot: "5e3b6f0a-8a2c-4f0f-9d53-0f6c1c0de001",
    configurationHash: "sha256:ab",
    version: "1.0.0 \"beta\"",
    stepMilliseconds: -3_600_000
)

@Suite("System record")
struct SystemRecordTests {
    @Test("writes only what there is")
    func smallest() {
        #expect(
            text(record())
                == #"{"type":"tick","run":"r1","wall":1795461000123,"mono":86400000,"clock":"synchronised"}"#
        )
    }

    @Test("writes every member, the ends in the order of their names")
    func everything() {
        let golden =
            #"{"type":"clock_step","boot":"5e3b6f0a-8a2c-4f0f-9d53-0f6c1c0de001","run":"0b9cf4a1","wall":-1,"#
            + #""mono":12345,"clock":"unsynced","config":"sha256:ab","version":"1.0.0 \"beta\"","step":-3600000,"#
            + #""end":{"readings-0":1041,"readings-1":7}}"#
        #expect(text(full) == golden)
    }

    @Test("reads back every kind", arguments: SystemRecord.Kind.allCases)
    func kinds(kind: SystemRecord.Kind) {
        var whole = full
        whole.kind = kind
        #expect(read(text(whole)) == whole)
        #expect(read(text(record(kind))) == record(kind))
    }

    @Test("reads back random records", arguments: [1, 2, 2026] as [UInt64])
    func roundTrip(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let exact: ClosedRange<Int64> = -9_007_199_254_740_992...9_007_199_254_740_992
        for round in 0..<500 {
            var wanted = record(run: "run \"\(round)\"\n\u{1} é☂😀")
            wanted.wall = Timestamp(milliseconds: Int64.random(in: exact, using: &generator))
            wanted.monotonicMilliseconds = Int64.random(in: exact, using: &generator)
            wanted.clock = Bool.random(using: &generator) ? .synchronised : .unsynchronised
            for partition in 0..<Int.random(in: 0...4, using: &generator) {
                wanted.ends["topic \\\(partition)"] = Int64.random(in: 0...exact.upperBound, using: &generator)
            }
            if Bool.random(using: &generator) { wanted.boot = "" }
            if Bool.random(using: &generator) { wanted.configurationHash = String(generator.next(), radix: 16) }
            if Bool.random(using: &generator) { wanted.version = "\t" }
            if Bool.random(using: &generator) {
                wanted.stepMilliseconds = Int64.random(in: exact, using: &generator)
            }
            #expect(read(text(wanted)) == wanted, "seed \(seed), round \(round)")
        }
    }

    @Test(
        "reads members in any order, steps over keys that it does not know, and takes the last of two",
        arguments: [
            #"{"mono":86400000,"clock":"synchronised","wall":1795461000123,"run":"r1","type":"tick"}"#,
            #"{"type":"tick","run":"r1","wall":1795461000123,"mono":86400000,"clock":"synchronised","new":{"a":[1]}}"#,
            #"{"type":"stop","type":"tick","run":"r0","run":"r1","wall":1,"wall":1795461000123,"mono":86400000,"clock":"synchronised"}"#,
            #" { "type" : "tick" , "run" : "r1" , "wall" : 1795461000123 , "mono" : 8.64e7 , "clock" : "synchronised" }"#,
            #"{"type":"t\u0069ck","\u0072un":"r1","wall":1795461000123,"mono":86400000,"clock":"synchronised","end":{ }}"#,
        ]
    )
    func otherWriters(text: String) {
        #expect(read(text) == record())
    }

    @Test("a clock that it does not know, or none, cannot be believed", arguments: [#","clock":"atomic""#, ""])
    func unknownClock(member: String) {
        #expect(read(#"{"type":"tick","run":"r","wall":1,"mono":2\#(member)}"#)?.clock == .unsynchronised)
    }

    @Test(
        "refuses what is no record of these kinds with its run and clocks",
        arguments: [
            "", "{", "{}", "[]", "null", #"{"type":"tick","run":"r","wall":1}"#, #"{"type":"tick","run":"r","mono":1}"#,
            #"{"type":"tick","wall":1,"mono":1}"#, #"{"run":"r","wall":1,"mono":1}"#,
            #"{"type":"nap","run":"r","wall":1,"mono":1}"#, #"{"type":1,"run":"r","wall":1,"mono":1}"#,
            #"{"type":"tick","run":null,"wall":1,"mono":1}"#, #"{"type":"tick","run":"r","wall":"1","mono":1}"#,
            #"{"type":"tick","run":"r","wall":1.5,"mono":1}"#, #"{"type":"tick","run":"r","wall":1e300,"mono":1}"#,
            #"{"type":"tick","run":"r","wall":1,"mono":1,}"#, #"{"type":"tick","run":"r","wall":1,"mono":1,"end":[]}"#,
            #"{"type":"tick","run":"r","wall":1,"mono":1,"end":{"a":1.5}}"#,
            #"{"type":"tick","run":"r","wall":1,"mono":1,"end":{"a":1,}}"#,
            #"{"type":"tick","run":"\ud800","wall":1,"mono":1}"#, #"{"type":"tick","run":"r","wall":1,"mono":1,"x":}"#,
        ]
    )
    func refused(text: String) {
        #expect(read(text) == nil)
    }

    @Test("texts of up to 1,024 bytes and ends of up to 10,000 partitions are read, longer ones are not")
    func limits() {
        #expect(read(text(record(run: String(repeating: "x", count: 1024))))?.run.utf8.count == 1024)
        #expect(read(text(record(run: String(repeating: "x", count: 1025)))) == nil)
        var wide = record()
        for partition in 0..<10_000 { wide.ends["readings-\(partition)"] = Int64(partition) }
        #expect(read(text(wide)) == wide)
        wide.ends["readings-10000"] = 0
        #expect(read(text(wide)) == nil)
    }
}

@Suite("System record, damaged")
struct SystemRecordCorruptionTests {
    /// The bytes that are cut off still lie behind the span, so that one read too far would find them.
    @Test("no truncation is a record")
    func truncations() {
        let bytes = full.encode()
        for count in bytes.indices {
            let found = SystemRecord(bytes.span.bytes.extracting(0..<count))
            #expect(found == nil, "cut to \(count)")
        }
        let whole = SystemRecord(bytes.span.bytes)
        #expect(whole == full)
    }

    /// What is still read must be writable and then read back as the same.
    @Test("a record with one byte changed is refused, or is another whole record")
    func changedBytes() {
        let golden = full.encode()
        var bytes = golden
        var found: [String] = []
        var refused = 0
        for index in golden.indices {
            for change in 1...255 as ClosedRange<UInt8> {
                bytes[index] = golden[index] ^ change
                guard let record = SystemRecord(bytes.span.bytes) else {
                    refused += 1
                    continue
                }
                if read(text(record)) != record { found.append("\(index) ^ \(change)") }
            }
            bytes[index] = golden[index]
        }
        #expect(found.isEmpty, "\(found.prefix(5))")
        #expect(refused > golden.count * 255 / 4)
    }

    @Test("what follows the record spoils it", arguments: ["}", "x", ",", "{}"])
    func trailing(text tail: String) {
        #expect(read(text(record())) != nil)
        #expect(read(text(record()) + tail) == nil)
    }
}
