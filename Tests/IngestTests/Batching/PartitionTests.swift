// Which partition a device's events go to: Kafka's default partitioner, and one partition for all of a device.
import CommitLog
import EventModel
import Ingest
import Platform
import Testing

/// Devices and their partitions among 2, 3, 7 and 12, by murmur2 as kafka-python 2.0 has it (`partitioner/default.py`),
/// sign bit cleared, modulo; computed outside of this project.
private let vectors: [(device: String, partitions: [Int: Int32])] = [
    ("a", [2: 0, 3: 1, 7: 5, 12: 4]), ("ab", [2: 0, 3: 2, 7: 0, 12: 2]), ("abc", [2: 1, 3: 0, 7: 4, 12: 3]),
    ("abcd", [2: 0, 3: 2, 7: 5, 12: 8]), ("freezer-7", [2: 0, 3: 0, 7: 3, 12: 0]),
    ("device-0001", [2: 1, 3: 0, 7: 1, 12: 3]), ("hall 3/é", [2: 0, 3: 2, 7: 0, 12: 8]),
    ("😀", [2: 1, 3: 0, 7: 0, 12: 9]), (String(repeating: "d", count: 128), [2: 0, 3: 1, 7: 5, 12: 10]),
    ("0004A30B001C0530", [2: 0, 3: 1, 7: 1, 12: 10]), ("shelly-3", [2: 0, 3: 2, 7: 6, 12: 8]),
    ("WI", [2: 0, 3: 1, 7: 3, 12: 4]),
]

@Suite("Partitions of topic readings")
struct PartitionTests {
    @Test("an event goes where Kafka's default partitioner puts its key", arguments: [2, 3, 7, 12])
    func kafka(_ count: Int) throws {
        let bench = try PipelineBench { $0.partitions = count }
        let elements = vectors.map { "{\"device\":\"\($0.device)\",\"t\":1}" }.joined(separator: ",")
        let taken = try bench.take("[\(elements)]")
        #expect(taken.events.count == vectors.count)
        for (device, partitions) in vectors {
            let wanted = try #require(partitions[count])
            let found = taken.events.filter { $0.key == device }.map(\.partition)
            #expect(found == [wanted], "\(device)")
        }
    }

    @Test("one partition takes every device")
    func onePartition() throws {
        let elements = vectors.map { "{\"device\":\"\($0.device)\",\"t\":1}" }.joined(separator: ",")
        let taken = try PipelineBench().take("[\(elements)]")
        #expect(taken.events.allSatisfy { $0.partition == 0 })
        #expect(taken.events.map(\.key) == vectors.map { $0.device })
    }

    @Test("all events of a device are in one partition, in their order, over batches and commits")
    func order() throws {
        let bench = try PipelineBench { $0.partitions = 3 }
        var events: [BenchRecord] = []
        for number in 0..<300 {
            try bench.accept("{\"device\":\"d\(number % 10)\",\"seq\":\(number),\"t\":1}")
            if number % 41 == 0 {
                try bench.commit()
                events += try bench.records(of: .readings)
            }
        }
        try bench.commit()
        events += try bench.records(of: .readings)
        #expect(events.count == 300)
        for device in 0..<10 {
            let own = events.filter { $0.key == "d\(device)" }
            let sequences = try own.compactMap { try $0.json().number("seq") }
            let wanted = stride(from: device, to: 300, by: 10).map { Double($0) }
            #expect(Set(own.map(\.partition)).count == 1)
            #expect(sequences == wanted)
        }
    }

    @Test("the id that is stored is the key: device_prefix counts")
    func prefix() throws {
        // With the prefix the id is "abcd", without it "cd".
        let bench = try PipelineBench {
            $0.partitions = 12
            $0.normaliser.devicePrefix = "ab"
        }
        let taken = try bench.take(#"{"device":"cd","t":1}"#)
        #expect(taken.events.map(\.key) == ["abcd"])
        #expect(taken.events.map(\.partition) == [8])
    }

    @Test("rejects are in the only partition of their topic")
    func rejects() throws {
        let bench = try PipelineBench { $0.partitions = 7 }
        let taken = try bench.take("no JSON")
        #expect(taken.rejects.map(\.partition) == [0])
    }
}
