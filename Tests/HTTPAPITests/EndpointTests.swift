// What each path answers, over real sockets.
import EventModel
import Foundation
import HTTPAPI
import Testing

@Suite("Endpoints on both listeners")
struct EndpointTests {
    @Test("healthz says that the process lives")
    func health() async throws {
        try await withServer { server in
            for peer in [server.network, server.control] {
                let answer = try await peer.get("/healthz")
                #expect(answer.status == 200)
                #expect(answer.text == "ok\n")
            }
        }
    }

    @Test("readyz is 200 when nothing is missing, else 503 with the reasons")
    func readiness() async throws {
        try await withServer { server in
            let ready = try await server.network.get("/readyz")
            #expect(ready.status == 200)
            #expect(ready.text == #"{"ready":true,"reasons":[]}"# + "\n")
            #expect(ready.headers["content-type"] == "application/json")
            server.appliance.set(\.reasons, ["input plant: connection refused"])
            let waiting = try await server.network.get("/readyz")
            #expect(waiting.status == 503)
            #expect(waiting.text == #"{"ready":false,"reasons":["input plant: connection refused"]}"# + "\n")
        }
    }

    @Test("metrics come as Prometheus text")
    func metrics() async throws {
        try await withServer { server in
            let answer = try await server.network.get("/metrics")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(answer.text == sampleMetrics.prometheusText)
            let readings = try await server.network.get("/metrics/readings")
            #expect(
                readings.text.contains(#"forebay_reading{device="freezer-7",metric="temperature",unit="°C"} -11.8"#)
            )
        }
    }

    @Test("status carries the keys that docs/http-api.md names")
    func status() async throws {
        try await withServer { server in
            for peer in [server.network, server.control] {
                let answer = try await peer.get("/api/v1/status")
                #expect(answer.status == 200)
                #expect(try answer.decoded(StatusDocument.self) == sampleStatus)
                let document = try answer.decoded(JSONDocument.self)
                guard case .object(let members) = document else {
                    Issue.record("not an object")
                    return
                }
                #expect(
                    Set(members.keys) == [
                        "box", "version", "pid", "state", "problems", "started", "time", "clock_synchronised", "inputs",
                        "devices", "alerts", "hooks", "disk",
                    ]
                )
                #expect(document["started"]?.text == "2026-11-23T19:10:00.000Z")
            }
        }
    }

    @Test("HEAD answers without a body")
    func head() async throws {
        try await withServer { server in
            let answer = try await server.network.ask("HEAD", "/healthz")
            #expect(answer.status == 200)
            #expect(answer.body.isEmpty)
        }
    }

    @Test("a path that is not there is a 404 with a sentence", arguments: ["/", "/nope", "/api/v1/topics/readings/x"])
    func notFound(path: String) async throws {
        try await withServer { server in
            let answer = try await server.control.get(path)
            #expect(answer.status == 404)
            #expect(try answer.decoded(ErrorDocument.self).error == "there is nothing at GET \(path)")
        }
    }

    @Test("an error that nobody expected is a 500 that says so")
    func unexpected() async throws {
        struct Odd: Error {}
        try await withServer { server in
            server.appliance.set(\.failure, Odd())
            let answer = try await server.network.get("/api/v1/status")
            #expect(answer.status == 500)
            #expect(try answer.decoded(ErrorDocument.self).error.contains("Odd"))
        }
    }

    @Test("several requests on one connection are answered in order")
    func keepAlive() async throws {
        try await withServer { server in
            let answer = try await offPool {
                let connection = try RawConnection(server.network)
                let request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                try connection.send(request + request + "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return try connection.answer()
            }
            #expect(answer.text.components(separatedBy: "HTTP/1.1 200 OK").count == 3)
            #expect(answer.text.hasSuffix(#"{"ready":true,"reasons":[]}"# + "\n"))
        }
    }
}

@Suite("Devices over HTTP")
struct DeviceEndpointTests {
    @Test("are listed with every filter")
    func list() async throws {
        try await withServer { server in
            let answer = try await server.network.get("/api/v1/devices?state=new&match=freezer-*&after=a%2Fb&max=5")
            #expect(answer.status == 200)
            #expect(try answer.decoded(DevicePage.self) == DevicePage(devices: [FakeAppliance.device("a")], next: "a"))
            _ = try await server.network.get("/api/v1/devices")
            #expect(
                server.appliance.seen.filters
                    == [DeviceFilter(state: .new, pattern: "freezer-*", after: "a/b", count: 5), DeviceFilter()]
            )
        }
    }

    @Test(
        "refuse a query that cannot be",
        arguments: [
            ("state=asleep", "`state` is one of new, active, blocked"), ("max=0", "whole number from 1 to 10000"),
            ("max=x", "whole number"), ("match=", "`match` is empty"), ("mach=x", "there is no parameter `mach`"),
            ("max=1&max=2", "there twice"), ("match=" + String(repeating: "x", count: 1025), "longer than 1024 bytes"),
        ]
    )
    func badQuery(query: String, sentence: String) async throws {
        try await withServer { server in
            let answer = try await server.network.get("/api/v1/devices?\(query)")
            #expect(answer.status == 400)
            #expect(try answer.decoded(ErrorDocument.self).error.contains(sentence))
        }
    }

    @Test("are found by an id with a slash, a space, and letters beyond ASCII")
    func percentEncoded() async throws {
        try await withServer { server in
            let answer = try await server.control.get("/api/v1/devices/hall%2F1%20%C3%A9")
            #expect(try answer.decoded(DeviceRecord.self).id == "hall/1 é")
        }
    }

    @Test("refuse an id that is no text", arguments: ["%", "%4", "%zz", "%FF", "%C3"])
    func badID(id: String) async throws {
        try await withServer { server in
            let answer = try await server.control.get("/api/v1/devices/\(id)")
            #expect(answer.status == 400)
        }
    }

    @Test("pass on what the registry refuses")
    func refused() async throws {
        try await withServer { server in
            let absent = try await server.control.get("/api/v1/devices/absent")
            #expect(absent.status == 404)
            #expect(absent.text == #"{"error":"there is no device `absent`","hint":"try another"}"# + "\n")
            server.appliance.set(\.failure, APIFailure(.conflict, "full"))
            #expect(try await server.control.ask("PATCH", "/api/v1/devices/a", body: "{}").status == 409)
            server.appliance.set(\.failure, APIFailure(.unavailable, "later"))
            #expect(try await server.control.get("/api/v1/devices/a").status == 503)
        }
    }

    @Test("are changed through the control socket")
    func change() async throws {
        try await withServer { server in
            let body = #"{"name":"Walk-in freezer","location":null,"labels":{"line":"a"},"create":true}"#
            let answer = try await server.control.ask("PATCH", "/api/v1/devices/hall%2F1", body: body)
            #expect(answer.status == 200)
            #expect(try answer.decoded(DeviceRecord.self).id == "hall/1")
            let changes = server.appliance.seen.changes
            #expect(changes.map(\.id) == ["hall/1"])
            let wanted = DeviceChange(
                name: .set("Walk-in freezer"),
                location: .clear,
                labels: ["line": "a"],
                create: true
            )
            #expect(changes.first?.change == wanted)
        }
    }

    @Test(
        "refuse a body that cannot be, and say where",
        arguments: [
            ("", ""), ("{", ""), ("[]", ""), (#"{"naem":"x"}"#, "unknown key `naem`"),
            (#"{"metrics":{"t":{"scale":"x"}}}"#, "metrics.t.scale"),
        ]
    )
    func badBody(body: String, sentence: String) async throws {
        try await withServer { server in
            let answer = try await server.control.ask("PATCH", "/api/v1/devices/a", body: body)
            #expect(answer.status == 400)
            let error = try answer.decoded(ErrorDocument.self).error
            #expect(sentence.isEmpty ? !error.isEmpty : error.contains(sentence))
            #expect(server.appliance.seen.changes.isEmpty)
        }
    }
}

@Suite("Alerts and actions over HTTP")
struct AlertEndpointTests {
    @Test("alerts are listed, shown and read back from the past")
    func alerts() async throws {
        try await withServer { server in
            let list = try await server.network.get("/api/v1/alerts?state=firing&device=freezer-*")
            #expect(try list.decoded(AlertsDocument.self) == AlertsDocument(alerts: [FakeAppliance.alert]))
            #expect(
                server.appliance.seen.alertQueries == [AlertQuery(state: "firing", device: "freezer-*")]
            )
            let shown = try await server.network.get("/api/v1/alerts/a27ac6f6a394764f")
            #expect(try shown.decoded(JSONDocument.self) == FakeAppliance.alert)
            #expect(try await server.network.get("/api/v1/alerts/0000").status == 404)
            #expect(try await server.network.get("/api/v1/alerts?state=gone").status == 400)

            let history = try await server.network.get("/api/v1/alerts/history?from=2026-11-23T19:10:00Z&max=7")
            #expect(history.headers["content-type"] == "application/x-ndjson")
            #expect(history.text == "{\"state\":\"firing\"}\n")
            #expect(
                server.appliance.seen.historyQueries
                    == [AlertHistoryQuery(from: .time(FixedClock.instant), count: 7)]
            )
        }
    }

    @Test("a reload is 200 when it was applied and 409 when the old configuration stays")
    func reload() async throws {
        try await withServer { server in
            let applied = try await server.control.ask("POST", "/api/v1/reload")
            #expect(applied.status == 200)
            #expect(try applied.decoded(ReloadDocument.self).changes.count == 1)
            let bad = ReloadDocument(
                applied: false,
                changes: [],
                problems: [.init(file: "forebay.yaml", line: 9, column: 5, message: "unknown key `abvoe`")]
            )
            server.appliance.set(\.reloadOutcome, bad)
            let refused = try await server.control.ask("POST", "/api/v1/reload")
            #expect(refused.status == 409)
            #expect(try refused.decoded(ReloadDocument.self) == bad)
        }
    }

    @Test("a hook is tested by name")
    func hookTest() async throws {
        try await withServer { server in
            let answer = try await server.control.ask("POST", "/api/v1/hooks/pager/test")
            #expect(answer.text == #"{"delivered":true,"hook":"pager","latency_ms":1.5,"status":200}"# + "\n")
            #expect(try await server.control.ask("POST", "/api/v1/hooks/nobody/test").status == 404)
        }
    }

    @Test("a hook's dead letters are listed and sent again by name, on the control socket only")
    func deadLetters() async throws {
        try await withServer { server in
            let path = "/api/v1/hooks/pager/dead-letters"
            let list = try await server.control.ask("GET", path)
            #expect(list.text == #"{"hook":"pager","letters":[{"key":"pager:3"}]}"# + "\n")
            let sent = try await server.control.ask("POST", path + "/resend")
            #expect(sent.text == #"{"delivered":1,"error":"HTTP 400","hook":"pager","left":2}"# + "\n")
            #expect(try await server.control.ask("GET", "/api/v1/hooks/nobody/dead-letters").status == 404)
            #expect(try await server.control.ask("POST", "/api/v1/hooks/nobody/dead-letters/resend").status == 404)
            #expect(try await server.network.ask("GET", path).status == 404)
        }
    }

    @Test(
        "HTTP over TCP changes nothing",
        arguments: [
            ("POST", "/api/v1/reload"), ("POST", "/api/v1/hooks/pager/test"), ("PATCH", "/api/v1/devices/a"),
            ("POST", "/api/v1/hooks/pager/dead-letters/resend"), ("POST", "/api/v1/alerts/ack"),
            ("POST", "/api/v1/silences"), ("POST", "/api/v1/silences/end"),
            ("PUT", "/api/v1/devices/a"), ("DELETE", "/api/v1/devices/a"), ("POST", "/nowhere"),
            ("OPTIONS", "/healthz"),
        ]
    )
    func networkIsReadOnly(method: String, path: String) async throws {
        try await withServer { server in
            let answer = try await server.network.ask(method, path, body: "{}")
            #expect(answer.status == 403)
            let document = try answer.decoded(ErrorDocument.self)
            #expect(document.error == "this listener only answers questions; it changes nothing")
            #expect(document.hint?.contains("control socket") == true)
            #expect(server.appliance.seen.reloads == 0 && server.appliance.seen.changes.isEmpty)
        }
    }

    @Test("reading the whole log is for the control socket")
    func verify() async throws {
        try await withServer { server in
            #expect(try await server.network.get("/api/v1/log/verify").status == 403)
            let answer = try await server.control.get("/api/v1/log/verify")
            #expect(answer.text == #"{"damage":[],"partitions":[]}"# + "\n")
        }
    }
}
