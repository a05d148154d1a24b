// Records over HTTP: the query, the lines, and how a stream ends.
import HTTPAPI
import Platform
import Testing

@Suite("Record streams")
struct RecordStreamTests {
    @Test("topics are described in Kafka's words")
    func topics() async throws {
        try await withServer { server in
            let all = try await server.network.get("/api/v1/topics")
            #expect(try all.decoded(TopicsDocument.self) == TopicsDocument(topics: [FakeAppliance.readings]))
            let one = try await server.network.get("/api/v1/topics/readings")
            #expect(
                one.text == """
                    {"configuration":{"retention":"400d"},"partitions":[{"bytes":4096,"highWatermark":9,\
                    "logEndOffset":10,"logStartOffset":3,"partition":0,"segments":1,"topic":"readings"}],\
                    "topic":"readings"}

                    """
            )
            #expect(try await server.network.get("/api/v1/topics/nope").status == 404)
        }
    }

    @Test("the query says which records")
    func query() async throws {
        try await withServer { server in
            let path = "/api/v1/topics/readings/records"
            _ = try await server.control.get(
                path + "?from=2026-11-23T20:10:00%2B01:00&to=latest&partition=2&device=a*&metric=t&max=9&follow=false"
            )
            _ = try await server.control.get(path + "?from=17")
            _ = try await server.control.get(path)
            #expect(
                server.appliance.seen.queries
                    == [
                        RecordQuery(
                            topic: "readings",
                            from: .time(FixedClock.instant),
                            to: .latest,
                            partition: 2,
                            device: "a*",
                            metric: "t",
                            count: 9
                        ),
                        RecordQuery(topic: "readings", from: .offset(17)),
                        RecordQuery(topic: "readings"),
                    ]
            )
        }
    }

    @Test(
        "a query that cannot be is refused before anything is read",
        arguments: [
            "from=yesterday", "from=-1", "from=2026-11-23T19:10:00", "from=99999999999999999999", "partition=-1",
            "partition=4294967296", "max=0", "follow=perhaps", "form=1",
        ]
    )
    func badQuery(query: String) async throws {
        try await withServer { server in
            let answer = try await server.control.get("/api/v1/topics/readings/records?\(query)")
            #expect(answer.status == 400)
            #expect(server.appliance.seen.queries.isEmpty)
        }
    }

    @Test("lines arrive whole and in order, however many")
    func lines() async throws {
        try await withServer { server in
            let lines = (0..<5000).map { "{\"offset\":\($0),\"value\":\"\(String(repeating: "x", count: 200))\"}\n" }
            server.appliance.set(\.lines, lines)
            let answer = try await server.network.get("/api/v1/topics/readings/records?from=earliest")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/x-ndjson")
            #expect(answer.isWhole)
            #expect(answer.text == lines.joined())
        }
    }

    @Test("no line at all is a whole, empty answer")
    func noLines() async throws {
        try await withServer { server in
            let answer = try await server.network.get("/api/v1/topics/readings/records")
            #expect(answer.status == 200 && answer.isWhole && answer.body.isEmpty)
        }
    }

    @Test("an error in the middle breaks the connection off, so that a cut answer does not look whole")
    func brokenStream() async throws {
        try await withServer { server in
            server.appliance.set(\.lines, ["{\"offset\":0}\n"])
            server.appliance.set(\.failure, APIFailure(.failed, "the disk is gone"))
            let answer = try await server.network.get("/api/v1/topics/readings/records")
            #expect(answer.status == 200)
            #expect(answer.text == "{\"offset\":0}\n")
            #expect(!answer.isWhole)
        }
    }

    @Test("reading the log stops when the client leaves", arguments: ["follow=1", "from=earliest&device=nowhere"])
    func clientLeaves(query: String) async throws {
        try await withServer { server in
            try await beginAndLeave(server.control, query)
            await server.appliance.endless.untilCancelled()
            // The server lives on.
            #expect(try await server.control.get("/healthz").status == 200)
        }
    }

    @Test("following ends when the daemon stops")
    func daemonStops() async throws {
        try await withServer { server in
            let connection = try await offPool {
                let connection = try RawConnection(server.network)
                try connection.send("GET /api/v1/topics/readings/records?follow HTTP/1.1\r\nHost: x\r\n\r\n")
                try connection.read { $0.contains(0x7D) }
                return connection
            }
            await server.stop()
            let answer = try await offPool { try connection.answer() }
            #expect(answer.text == "{\"offset\":0}\n")
            #expect(answer.isWhole)
        }
    }

    /// Asks until the first line is there, then hangs up.
    private func beginAndLeave(_ peer: Peer, _ query: String) async throws {
        try await offPool {
            let connection = try RawConnection(peer)
            try connection.send("GET /api/v1/topics/readings/records?\(query) HTTP/1.1\r\nHost: x\r\n\r\n")
            try connection.read { $0.contains(0x7D) }
        }
    }
}
