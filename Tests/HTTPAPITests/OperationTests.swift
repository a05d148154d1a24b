// What people do about alerts, over the control socket.
import HTTPAPI
import Testing

@Suite("Operations over HTTP")
struct OperationTests {
    @Test("firing alerts are acknowledged, silences made, listed and ended")
    func changes() async throws {
        try await withServer { server in
            let acknowledged = try await server.control.ask(
                "POST",
                "/api/v1/alerts/ack",
                body: #"{"fingerprints":["a27ac6f6"],"author":"eve"}"#
            )
            #expect(acknowledged.status == 200)
            #expect(acknowledged.text == #"{"acknowledged":[{"author":"eve"}]}"# + "\n")
            let silence = try await server.control.ask(
                "POST",
                "/api/v1/silences",
                body: #"{"matchers":{"device":"freezer-*"},"for_ms":60000,"author":"eve"}"#
            )
            #expect(silence.text == #"{"device":"freezer-*"}"# + "\n")
            let ended = try await server.control.ask(
                "POST",
                "/api/v1/silences/end",
                body: #"{"ids":["3c48ca6f"],"author":"eve"}"#
            )
            #expect(ended.text == #"{"silences":[{"id":"3c48ca6f"}]}"# + "\n")
            for peer in [server.network, server.control] {
                #expect(try await peer.get("/api/v1/silences").text == #"{"silences":[{"id":"3c48ca6f"}]}"# + "\n")
            }
        }
    }

    @Test(
        "a body that says what nobody knows is refused, before it silences more than was meant",
        arguments: [
            ("/api/v1/alerts/ack", #"{"fingerprints":["a27ac6f6"]}"#, 400),
            ("/api/v1/alerts/ack", #"{"fingerprints":["a27ac6f6"],"author":"eve","until":"noon"}"#, 400),
            ("/api/v1/alerts/ack", #"{"fingerprints":["ffffffff"],"author":"eve"}"#, 404),
            ("/api/v1/silences", #"{"for_ms":60000,"author":"eve"}"#, 400),
            ("/api/v1/silences", #"{"matchers":{"alert":"A","devise":"b"},"for_ms":60000,"author":"eve"}"#, 400),
            ("/api/v1/silences", #"{"matchers":{"alert":"A"},"ends_at":"tomorrow","author":"eve"}"#, 400),
            ("/api/v1/silences", #"{"matchers":{},"for_ms":60000,"author":"eve"}"#, 400),
            ("/api/v1/silences/end", #"{"ids":"3c48ca6f","author":"eve"}"#, 400),
        ]
    )
    func refused(path: String, body: String, status: Int) async throws {
        try await withServer { server in
            let answer = try await server.control.ask("POST", path, body: body)
            #expect(answer.status == status)
        }
    }
}
