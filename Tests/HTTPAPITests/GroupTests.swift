// Topics and consumer groups as they are changed over the control socket.
import HTTPAPI
import Testing

@Suite("Topics and groups over HTTP")
struct GroupTests {
    @Test("a topic is made, changed and deleted by its name, with the settings of the body")
    func topics() async throws {
        try await withServer { server in
            let settings = #"{"partitions":3,"retention":"7d","retention_bytes":"1GiB","on_full":"refuse"}"#
            let made = try await server.control.ask("POST", "/api/v1/topics/hall%2F1", body: settings)
            #expect(made.status == 200)
            #expect(try made.decoded(TopicDocument.self).topic == "hall/1")
            let changes = #"{"cleanup":"compact","compression":"zstd"}"#
            #expect(try await server.control.ask("PATCH", "/api/v1/topics/orders", body: changes).status == 200)
            #expect(try await server.control.ask("DELETE", "/api/v1/topics/orders").status == 200)
            #expect(
                server.appliance.seen.topicChanges == [
                    .init(
                        kind: "create",
                        topic: "hall/1",
                        settings: TopicSettings(
                            partitions: 3,
                            retention: "7d",
                            retentionBytes: "1GiB",
                            onFull: "refuse"
                        )
                    ),
                    .init(
                        kind: "alter",
                        topic: "orders",
                        settings: TopicSettings(cleanup: "compact", compression: "zstd")
                    ),
                    .init(kind: "delete", topic: "orders", settings: nil),
                ]
            )
        }
    }

    @Test("groups are listed and shown on both listeners, with keys that stay")
    func groups() async throws {
        try await withServer { server in
            for peer in [server.network, server.control] {
                let list = try await peer.get("/api/v1/groups")
                #expect(
                    list.text
                        == #"{"groups":[{"group":"readers","lag":3,"members":1,"protocolType":"consumer","state":"Stable"}]}"#
                        + "\n"
                )
                let one = try await peer.get("/api/v1/groups/readers")
                #expect(
                    one.text
                        == #"{"group":"readers","lag":3,"members":1,"partitions":[{"clientId":"c","committedOffset":7,"#
                        + #""host":"/127.0.0.1","lag":3,"logEndOffset":10,"memberId":"c-1","partition":0,"topic":"orders"}],"#
                        + #""protocolType":"consumer","state":"Stable"}"# + "\n"
                )
                #expect(try await peer.get("/api/v1/groups/nobody").status == 404)
            }
        }
    }

    @Test("a group is set back, dry or not, and deleted")
    func changes() async throws {
        try await withServer { server in
            let path = "/api/v1/groups/readers"
            let dry = #"{"topic":"orders","partition":1,"to":"earliest","dry_run":true}"#
            let answer = try await server.control.ask("POST", path + "/reset", body: dry)
            #expect(
                answer.text
                    == #"{"applied":false,"group":"readers","partitions":[{"from":7,"partition":0,"to":0,"topic":"orders"}]}"#
                    + "\n"
            )
            let real = try await server.control.ask("POST", path + "/reset", body: #"{"topic":"orders","to":"5"}"#)
            #expect(try real.decoded(GroupResetDocument.self).applied)
            #expect(
                server.appliance.seen.resets == [
                    GroupResetRequest(topic: "orders", partition: 1, to: "earliest", isDryRun: true),
                    GroupResetRequest(topic: "orders", to: "5"),
                ]
            )
            #expect(try await server.control.ask("DELETE", path).status == 200)
            #expect(try await server.control.ask("DELETE", "/api/v1/groups/nobody").status == 404)
        }
    }

    @Test(
        "a body that says what nobody knows is refused, and changes nothing",
        arguments: [
            ("POST", "/api/v1/topics/orders", #"{"partition":3}"#), ("POST", "/api/v1/topics/orders", ""),
            ("PATCH", "/api/v1/topics/orders", #"{"retention":7}"#),
            ("POST", "/api/v1/groups/readers/reset", #"{"topic":"orders"}"#),
            ("POST", "/api/v1/groups/readers/reset", #"{"topic":"orders","partitions":0,"to":"earliest"}"#),
        ]
    )
    func badBody(method: String, path: String, body: String) async throws {
        try await withServer { server in
            let answer = try await server.control.ask(method, path, body: body)
            #expect(answer.status == 400)
            #expect(server.appliance.seen.topicChanges.isEmpty && server.appliance.seen.resets.isEmpty)
        }
    }

    @Test(
        "nothing of it is changed over TCP",
        arguments: [
            ("POST", "/api/v1/topics/orders"), ("PATCH", "/api/v1/topics/orders"), ("DELETE", "/api/v1/topics/orders"),
            ("POST", "/api/v1/groups/readers/reset"), ("DELETE", "/api/v1/groups/readers"),
        ]
    )
    func network(method: String, path: String) async throws {
        try await withServer { server in
            let answer = try await server.network.ask(method, path, body: #"{"topic":"orders","to":"earliest"}"#)
            #expect(answer.status == 403)
            #expect(server.appliance.seen.topicChanges.isEmpty && server.appliance.seen.resets.isEmpty)
        }
    }
}
