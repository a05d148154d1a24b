// Programs as hooks: what they get, how they end, and that nothing of them is left.
import Alerting
import Glibc
import MQTT
import NIOPosix
import Platform
import Rules
import Testing

@Suite("Exec hook", .timeLimit(.minutes(5)))
struct ExecHookTests {
    /// A hook that runs these lines with the POSIX shell, which gets `arguments` as `$1` and so on.
    private func siren(
        _ harness: AlertingHarness,
        _ lines: String,
        _ arguments: [String] = [],
        timeout: Duration = .seconds(60)
    ) throws -> HookSettings {
        let script = try harness.directory.file("siren.sh", lines + "\n")
        return HookSettings(
            name: "siren",
            target: .exec(command: ["/bin/sh", script] + arguments),
            timeout: timeout
        )
    }

    /// The outcome of one run, beside the queue.
    private func run(
        _ lines: String,
        _ arguments: [String] = [],
        in harness: AlertingHarness,
        timeout: Duration = .seconds(60)
    ) async throws -> HookTestResult {
        var result: HookTestResult?
        try await withHooks(harness, [try siren(harness, lines, arguments, timeout: timeout)]) { dispatcher in
            result = await dispatcher.test("siren")
        }
        return try #require(result)
    }

    /// Whether the process runs; one that is dead and only waits for its parent does not.
    private func isRunning(_ identifier: Int32) -> Bool {
        let descriptor = open("/proc/\(identifier)/stat", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = read(descriptor, &bytes, 512)
        // `pid (name) state …`; the name may hold anything.
        guard count > 0, let end = bytes.lastIndex(of: UInt8(ascii: ")")), end + 2 < count else { return false }
        return bytes[end + 2] != UInt8(ascii: "Z") && bytes[end + 2] != UInt8(ascii: "X")
    }

    /// The number that a program wrote into a file, when it is there.
    private func identifier(_ harness: AlertingHarness, _ name: String) async throws -> Int32 {
        try await eventually("the program says its number") { try harness.directory.exists(name) }
        let lines = try harness.directory.lines(of: name)
        return try #require(Int32(lines.first ?? ""))
    }

    @Test("a program gets the webhook's body on its standard input, and the delivery's key in its environment")
    func body() async throws {
        let harness = try AlertingHarness()
        let directory = harness.directory.path
        let hook = try siren(
            harness,
            #"cat > "$1/body"; printf %s "$FOREBAY_IDEMPOTENCY_KEY" > "$1/key"; env > "$1/environment""#,
            [directory]
        )
        let receiver = try HTTPReceiver()
        try await withHooks(harness, [hook, webhook("pager", receiver)]) { dispatcher in
            try harness.appendAlerts([.sample(device: "freezer-7"), .sample(device: "freezer-8")])
            try await eventually("both hooks deliver") {
                dispatcher.status("siren").delivered == 1 && dispatcher.status("pager").delivered == 1
            }
        }
        let bytes = try contents(of: directory + "/body")
        let document = try WebhookDocument(bytes)
        #expect(document.receiver == "siren")
        #expect(document.devices == ["freezer-7", "freezer-8"])
        let request = try #require(receiver.requests.first)
        let posted = try WebhookDocument(request.body)
        #expect(document.alerts == posted.alerts)
        #expect(try keysOfJSON(bytes) == keysOfJSON(request.body))
        let key = String(decoding: try contents(of: directory + "/key"), as: UTF8.self)
        #expect(!key.isEmpty)
        #expect(key != request.key)
        // Nothing of the daemon's own environment, which may hold secrets.
        let names = try harness.directory.lines(of: "environment").map { line in String(line.prefix { $0 != "=" }) }
        #expect(Set(names).isSubset(of: ["PATH", "LANG", "FOREBAY_IDEMPOTENCY_KEY", "PWD", "OLDPWD", "SHLVL", "_"]))
    }

    @Test("there is no shell: arguments arrive as they are written")
    func literalArguments() async throws {
        let harness = try AlertingHarness()
        let directory = harness.directory.path
        let arguments = [
            "$(touch \(directory)/expanded)", "`touch \(directory)/expanded`", "a  b", "*", "; exit 3", "$HOME",
            #"\""#, "",
        ]
        let lines = #"out="$1"; shift; for word in "$@"; do printf '<%s>\n' "$word"; done > "$out""#
        let result = try await run(lines, [directory + "/words"] + arguments, in: harness)
        #expect(result.delivered)
        #expect(try harness.directory.lines(of: "words") == arguments.map { "<\($0)>" })
        #expect(try !harness.directory.exists("expanded"))
    }

    @Test("the twin: given to a shell, the same argument would have been expanded")
    func expandedArgument() async throws {
        let harness = try AlertingHarness()
        let path = harness.directory.path + "/expanded"
        let result = try await run(#"eval "echo $1""#, ["$(touch \(path))"], in: harness)
        #expect(result.delivered)
        #expect(try harness.directory.exists("expanded"))
    }

    @Test(
        "an exit code, a signal or a missing program is a failure that says what happened",
        arguments: [
            ("echo no siren; echo 'at all' >&2; exit 3", 3, ["exit code 3", "no siren", "at all"]),
            ("cat > /dev/null; exit 255", 255, ["exit code 255"]),
            ("kill -9 $$", nil, ["signal 9"]),
        ] as [(String, Int?, [String])]
    )
    func failures(lines: String, status: Int?, words: [String]) async throws {
        let result = try await run(lines, in: try AlertingHarness())
        #expect(!result.delivered)
        #expect(result.status == status)
        for word in words { #expect(result.error?.contains(word) == true, "\(result.error ?? "nil")") }
    }

    @Test("a program that cannot be started is a failure that names it")
    func missing() async throws {
        let harness = try AlertingHarness()
        let path = harness.directory.path + "/no-such-program"
        let hook = HookSettings(name: "siren", target: .exec(command: [path]))
        try await withHooks(harness, [hook]) { dispatcher in
            let result = await dispatcher.test("siren")
            #expect(result?.delivered == false)
            #expect(result?.error?.contains(path) == true)
        }
    }

    @Test("a non-zero exit is tried again with the same body until the program is content")
    func retried() async throws {
        let harness = try AlertingHarness()
        let directory = harness.directory.path
        let hook = try siren(
            harness,
            #"number=$(($(cat "$1/count" 2>/dev/null || echo 0) + 1)); echo $number > "$1/count""# + "\n"
                + #"cat > "$1/body-$number"; test $number -ge 3"#,
            [directory]
        )
        try await withHooks(harness, [hook]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("it is delivered") { dispatcher.status("siren").delivered == 1 }
            #expect(dispatcher.status("siren").failed == 2)
            #expect(dispatcher.status("siren").refused == 0)
        }
        #expect(try harness.directory.lines(of: "count") == ["3"])
        let bodies = try (1...3).map { try contents(of: "\(directory)/body-\($0)") }
        #expect(Set(bodies).count == 1)
        #expect(try WebhookDocument(bodies[0]).devices == ["freezer-7"])
    }

    /// Starts a child that outlives it, says its number, and waits.
    private static let lingering = #"sleep 600 & echo $! > "$1/new"; mv "$1/new" "$1/child"; wait"#

    @Test("a program that takes too long is killed with all that it started")
    func timeout() async throws {
        let harness = try AlertingHarness()
        let hook = try siren(harness, ExecHookTests.lingering, [harness.directory.path], timeout: .seconds(3))
        try await withHooks(harness, [hook]) { dispatcher in
            async let outcome = dispatcher.test("siren")
            let child = try await identifier(harness, "child")
            #expect(isRunning(child), "it sleeps for ten minutes")
            let result = await outcome
            #expect(result?.delivered == false)
            #expect(result?.status == nil)
            #expect(result?.error?.contains("3000 ms") == true)
            try await eventually("the child is gone") { !isRunning(child) }
        }
    }

    @Test("stopping a hook kills its program, and the alert is delivered after the next start")
    func stopped() async throws {
        let harness = try AlertingHarness()
        let directory = harness.directory.path
        var child: Int32 = 0
        try await withHooks(harness, [try siren(harness, ExecHookTests.lingering, [directory])]) { _ in
            try harness.appendAlerts([.sample()])
            child = try await identifier(harness, "child")
            #expect(isRunning(child))
        }
        try await eventually("the child is gone") { !isRunning(child) }
        try await withHooks(harness, [try siren(harness, #"cat > "$1/body""#, [directory])]) { dispatcher in
            try await eventually("it is delivered") { dispatcher.status("siren").delivered == 1 }
        }
        #expect(try WebhookDocument(contents(of: directory + "/body")).devices == ["freezer-7"])
    }

    @Test("a body larger than a pipe arrives whole, and does no harm where nobody reads it", arguments: [true, false])
    func largeBody(isRead: Bool) async throws {
        let harness = try AlertingHarness()
        let directory = harness.directory.path
        let hook = try siren(harness, isRead ? #"cat > "$1/body""# : "exit 0", [directory])
        let words = String(repeating: "long ", count: 800)
        let alerts = (0..<40).map { AlertRecord.sample(device: "freezer-\($0)", summary: words) }
        try await withHooks(harness, [hook]) { dispatcher in
            try harness.appendAlerts(alerts)
            try await eventually("it is delivered") { dispatcher.status("siren").delivered == 1 }
            #expect(dispatcher.status("siren").failed == 0)
        }
        guard isRead else { return }
        let bytes = try contents(of: directory + "/body")
        #expect(bytes.count > 128 << 10, "Linux's pipe holds 64 KiB")
        #expect(try WebhookDocument(bytes).devices == alerts.map(\.device))
    }

    @Test("the registry makes each type of its own settings, and no program without an absolute path")
    func registry() async throws {
        let http = HookHTTP(on: MultiThreadedEventLoopGroup.singleton)
        func made(_ target: HookTarget) async -> String? {
            let settings = HookSettings(name: "a", target: target)
            guard let made = HookRegistry.make(settings, http: http, origin: AlertingHarness.origin) else { return nil }
            await made.close()
            return made.typeName
        }
        let broker = BrokerAddress(host: "127.0.0.1", port: 1, usesTLS: false)
        let connection = MQTTConnectionSettings(broker: broker, clientID: "a")
        let targets: [HookTarget] = [
            .webhook(url: "http://127.0.0.1:1/", headers: [:]), .exec(command: ["/bin/true"]),
            .ntfy(url: "http://127.0.0.1:1/", topic: "a", headers: [:]), .slack(url: "http://127.0.0.1:1/"),
            .pagerduty(url: "http://127.0.0.1:1/", routingKey: "a"),
            .alertmanager(url: "http://127.0.0.1:1/", headers: [:], resendInterval: .seconds(60)),
            .email(sendmail: "/usr/sbin/sendmail", from: "a@b", to: ["c@d"]),
            .mqtt(MQTTHookTarget(connection: connection, topic: "a")),
            .heartbeat(url: "http://127.0.0.1:1/", interval: .seconds(60)),
        ]
        var types: [String?] = []
        for target in targets { types.append(await made(target)) }
        #expect(types == HookRegistry.all.map(\.typeName))
        for target in [HookTarget.exec(command: ["true"]), .exec(command: [])] { #expect(await made(target) == nil) }
        #expect(await made(.email(sendmail: "sendmail", from: "a@b", to: ["c@d"])) == nil)
        try await http.shutdown()
    }
}
