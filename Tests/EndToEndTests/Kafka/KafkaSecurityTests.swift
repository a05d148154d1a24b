// TLS, passwords, certificates and permissions with Kafka's clients.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Kafka clients that say who they are")
    struct KafkaSecurityTests {
        /// Makes certificates and users; runs a case of the script against a box with this `listen.kafka`.
        private func check(_ name: String, _ access: (String) -> String) async throws {
            try await Workbench.use { bench in
                _ = try KafkaScript.run("security", ["prepare", bench.directory.path])
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    access: access(bench.directory.path),
                    configuration: "inputs: { lan: { type: udp, listen: \"127.0.0.1:\(port)\", format: json } }\n"
                        + KafkaScript.automaticTopics
                )
                let daemon = try await box.start()
                try DatagramSocket(port: port).send(#"{"device":"a","temperature":21.5}"#)
                try await eventually("a reading is stored") {
                    try await box.metric("forebay_input_appended_total") == 1
                }
                _ = try KafkaScript.run("security", [name, box.brokers, bench.directory.path])
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
            }
        }

        @Test("PLAIN and SCRAM over TLS; wrong passwords are refused, and permissions hold")
        func passwords() async throws {
            try await check("passwords") { directory in
                """
                tls: { cert: \(directory)/server.pem, key: \(directory)/server.key }, users_file: \(directory)/users, \
                permissions: [ \
                { user: lena, topics: ["*"], groups: ["*"], allow: [read, write, create, alter, delete] }, \
                { user: reader, topics: [readings], groups: ["reader-*"], allow: [read] } ]
                """
            }
        }

        @Test("clients show certificates, and permissions go by their names")
        func certificates() async throws {
            try await check("certificates") { directory in
                """
                tls: { cert: \(directory)/server.pem, key: \(directory)/server.key, ca: \(directory)/authority.pem }, \
                permissions: [ { user: press, topics: ["press-*"], groups: ["*"], allow: [read, write, create] } ]
                """
            }
        }
    }
}
