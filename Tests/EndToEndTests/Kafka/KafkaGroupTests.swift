// Consumer groups of Kafka's clients, with members that are killed.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Kafka groups")
    struct KafkaGroupTests {
        @Test(
            "partitions are divided, move on from who is killed, and nothing is skipped or read again",
            arguments: [
                "confluent-kafka-range", "confluent-kafka-roundrobin", "confluent-kafka-cooperative-sticky",
                "kafka-python-range", "kafka-python-roundrobin", "kafka-python-sticky",
                "kafka-python-cooperative-sticky", "aiokafka-range", "aiokafka-roundrobin", "aiokafka-sticky", "mixed",
            ]
        )
        func divided(name: String) async throws {
            try await group(name, kills: 1)
        }

        @Test(
            "a static member that comes back in time disturbs nobody",
            arguments: ["static-confluent-kafka", "static-kafka-python", "static-aiokafka"]
        )
        func staticMember(name: String) async throws {
            try await group(name, kills: 1)
        }

        @Test("kcat goes on where it stopped")
        func console() async throws {
            try await group("kcat", kills: 0)
        }

        private func group(_ name: String, kills: Int) async throws {
            try await Workbench.use { bench in
                let box = try Box(bench, configuration: "inputs: {}\n")
                let daemon = try await box.start()
                let seen = try KafkaScript.run("groups", [box.brokers, name])
                #expect(seen["kills"] as? Int == kills)
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
            }
        }
    }
}
