// Topics, groups and users as people administer them, while a stock client reads and writes.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Kafka administration")
    struct KafkaAdministrationTests {
        private static let kcat = "/usr/bin/kcat"

        /// A running box and its commands.
        private struct Bench {
            let box: Box
            let bench: Workbench

            func objects(_ arguments: String...) throws -> [[String: Any]] {
                try box.command(arguments + ["-o", "ndjson", "--data", box.data]).split(separator: "\n").map {
                    try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
                }
            }

            /// Exit code and words of a command that is refused.
            func refusal(_ arguments: String...) throws -> (status: Int32, error: String) {
                let run = try Command.run("forebay", arguments + ["--data", box.data])
                return (run.status, run.error)
            }

            func produce(_ lines: ClosedRange<Int>, to topic: String, _ partition: Int) throws {
                let text = lines.map { "\(topic) \($0)\n" }.joined()
                let run = try Command.run(
                    KafkaAdministrationTests.kcat,
                    ["-P", "-b", "127.0.0.1:\(box.kafka)", "-t", topic, "-p", "\(partition)", "-X", "acks=all"],
                    input: Data(text.utf8)
                )
                try #require(run.status == 0, "\(run.error)")
            }

            private func reading(_ group: String, _ topic: String) -> [String] {
                [
                    "-G", group, "-b", "127.0.0.1:\(box.kafka)", "-q", "-X", "auto.offset.reset=earliest", "-X",
                    "client.id=till",
                ]
            }

            /// Reads so many records as a member of a group, commits, and leaves; the lines, in order.
            func consume(_ count: Int, of topic: String, as group: String) throws -> [String] {
                let run = try Command.run(
                    "/usr/bin/timeout",
                    ["120", KafkaAdministrationTests.kcat] + reading(group, topic) + ["-c", "\(count)", topic]
                )
                try #require(run.status == 0, "\(run.error)")
                return run.output.split(separator: "\n").map(String.init).sorted()
            }

            /// A member that stays until it is told to go.
            func member(of group: String, reading topic: String) throws -> Child {
                try bench.start("member", KafkaAdministrationTests.kcat, reading(group, topic) + [topic])
            }

            func group(_ name: String) throws -> [String: Any] {
                try objects("groups", "list").first { $0["group"] as? String == name } ?? [:]
            }

            func committed(_ group: String) throws -> [Int: Int] {
                let partitions = try objects("groups", "describe", group)
                return Dictionary(
                    uniqueKeysWithValues: partitions.compactMap { row in
                        guard let number = row["partition"] as? Int, let offset = row["committedOffset"] as? Int else {
                            return nil
                        }
                        return (number, offset)
                    }
                )
            }
        }

        private func withBox(_ body: (Bench, Child) async throws -> Void) async throws {
            try await Workbench.use { bench in
                let box = try Box(bench, configuration: "")
                let daemon = try await box.start()
                try await body(Bench(box: box, bench: bench), daemon)
            }
        }

        @Test("groups are listed with their lag, shown with their members, set back and deleted")
        func groups() async throws {
            try await withBox { bench, _ in
                _ = try bench.objects("topics", "create", "orders", "--partitions", "2")
                try bench.produce(1...10, to: "orders", 0)
                try bench.produce(11...15, to: "orders", 1)
                #expect(try bench.consume(15, of: "orders", as: "tills").count == 15)
                var group = try bench.group("tills")
                #expect(group["state"] as? String == "Empty" && group["lag"] as? Int == 0, "\(group)")
                try bench.produce(16...18, to: "orders", 1)
                group = try bench.group("tills")
                #expect(group["lag"] as? Int == 3 && group["protocolType"] as? String == "consumer", "\(group)")
                #expect(try await bench.box.metric("forebay_group_lag_records", #"group="tills""#) == 3)
                #expect(try await bench.box.metric("forebay_kafka_requests_total", #"api="JoinGroup""#) > 0)

                try lookAtMoves(bench)
                // What was set back is read again.
                _ = try bench.objects("groups", "reset", "tills", "--topic", "orders", "--to", "earliest")
                #expect(try bench.consume(18, of: "orders", as: "tills").count == 18)
                try await lookAtMember(bench)

                #expect(try bench.objects("groups", "delete", "tills").count == 1)
                #expect(try bench.objects("groups", "list").isEmpty)
                #expect(try bench.refusal("groups", "describe", "tills").status == 66)
                #expect(try bench.refusal("groups", "delete", "tills").status == 66)
                #expect(try bench.consume(18, of: "orders", as: "tills").count == 18)
            }
        }

        /// Of a group without members that has read 10 and 5 of 10 and 8 records.
        private func lookAtMoves(_ bench: Bench) throws {
            func moves(_ arguments: String...) throws -> [[Int]] {
                let run = try bench.box.command(
                    ["groups", "reset", "tills"] + arguments + ["-o", "ndjson", "--data", bench.box.data]
                )
                return try run.split(separator: "\n").map { line in
                    let move = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                    return ["partition", "from", "to"].compactMap { move?[$0] as? Int }
                }
            }
            #expect(try bench.committed("tills") == [0: 10, 1: 5])
            #expect(
                try moves("--topic", "orders", "--to", "earliest", "--dry-run") == [[0, 10, 0], [1, 5, 0]]
            )
            #expect(try bench.committed("tills") == [0: 10, 1: 5])
            #expect(try moves("--topic", "orders:1", "--to", "2") == [[1, 5, 2]])
            #expect(try bench.committed("tills") == [0: 10, 1: 2])
            #expect(try moves("--topic", "orders", "--to", "latest") == [[0, 10, 10], [1, 2, 8]])
            #expect(try moves("--topic", "orders", "--to", "2000-01-01T00:00:00Z") == [[0, 10, 0], [1, 8, 0]])
            #expect(try moves("--topic", "orders", "--to", "2100-01-01T00:00:00Z") == [[0, 0, 10], [1, 0, 8]])
            #expect(try moves("--topic", "orders:0", "--to", "99") == [[0, 10, 10]])
            #expect(try bench.committed("tills") == [0: 10, 1: 8])
            let reset = ["groups", "reset", "tills", "--data", bench.box.data]
            for (more, status) in [
                (["--topic", "nowhere", "--to", "earliest"], 66), (["--topic", "orders:7", "--to", "earliest"], 66),
                (["--topic", "orders", "--to", "noon"], 64), (["--topic", "orders:x", "--to", "earliest"], 64),
            ] {
                #expect(try Command.run("forebay", reset + more).status == Int32(status), "\(more)")
            }
            let unknown = try bench.refusal("groups", "reset", "nobody", "--topic", "orders", "--to", "earliest")
            #expect(unknown.status == 66)
        }

        private func lookAtMember(_ bench: Bench) async throws {
            let member = try bench.member(of: "tills", reading: "orders")
            try await eventually("the member reads both partitions: \(member.output)", within: 60) {
                let rows = try bench.objects("groups", "describe", "tills")
                return rows.count == 2 && rows.allSatisfy { $0["clientId"] as? String == "till" }
            }
            let rows = try bench.objects("groups", "describe", "tills")
            #expect(rows.compactMap { $0["partition"] as? Int } == [0, 1])
            #expect(rows.allSatisfy { ($0["memberId"] as? String ?? "").hasPrefix("till-") }, "\(rows)")
            #expect(rows.allSatisfy { ($0["host"] as? String ?? "").contains("127.0.0.1") }, "\(rows)")
            #expect(try await bench.box.metric("forebay_kafka_connections") > 0)
            let before = try bench.committed("tills")
            for refusal in [
                try bench.refusal("groups", "reset", "tills", "--topic", "orders", "--to", "earliest"),
                try bench.refusal("groups", "delete", "tills"),
            ] {
                #expect(refusal.status == 64 && refusal.error.contains("has members"), "\(refusal)")
            }
            #expect(try bench.committed("tills") == before)
            member.kill(SIGTERM)
            _ = try await member.exitCode()
            try await eventually("the group is empty", within: 60) {
                try bench.group("tills")["state"] as? String == "Empty"
            }
        }

        @Test("topics are made, changed and deleted beside a daemon and without one; their groups forget them")
        func topics() async throws {
            try await withBox { bench, daemon in
                let made = try bench.objects("topics", "create", "orders", "--partitions", "2", "--retention", "1d")
                #expect((made.first?["configuration"] as? [String: String])?["retention"] == "1d")
                _ = try bench.objects("topics", "alter", "orders", "--partitions", "3", "--on-full", "drop_oldest")
                let altered = try #require(try bench.objects("topics", "describe", "orders").first)
                #expect((altered["partitions"] as? [Any])?.count == 3)
                let settings = altered["configuration"] as? [String: String]
                #expect(settings?["retention"] == "1d" && settings?["on_full"] == "drop_oldest")
                #expect(try bench.refusal("topics", "create", "orders").status == 64)
                #expect(try bench.refusal("topics", "alter", "orders", "--partitions", "1").status == 64)
                #expect(try bench.refusal("topics", "alter", "orders").status == 64)
                let kept = try bench.refusal("topics", "delete", "readings")
                #expect(kept.status == 64 && kept.error.contains("is not deleted"), "\(kept.error)")
                for own in [
                    try bench.refusal("topics", "alter", "readings", "--retention", "1d"),
                    try bench.refusal("topics", "create", "readings"),
                ] {
                    #expect(own.status == 64)
                    #expect(own.error.contains("log.topics.readings"), "\(own.error)")
                    #expect(own.error.contains(bench.bench.path("forebay.yaml")), "\(own.error)")
                }
                #expect(try bench.refusal("topics", "delete", "__consumer_offsets").status == 64)
                try bench.produce(1...4, to: "orders", 0)
                _ = try bench.consume(4, of: "orders", as: "tills")

                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                try lookAtFiles(bench)

                _ = try await bench.box.start()
                // The first goes, the second is not there.
                let run = try Command.run(
                    "forebay",
                    ["topics", "delete", "orders", "nowhere", "-o", "ndjson", "--data", bench.box.data]
                )
                #expect(run.status == 66 && run.output.contains(#""topic":"orders""#), "\(run.output)\(run.error)")
                try await eventually("the group has forgotten the topic") { try bench.committed("tills").isEmpty }
                _ = try bench.objects("topics", "create", "orders")
                try bench.produce(1...2, to: "orders", 0)
                #expect(try bench.consume(2, of: "orders", as: "tills") == ["orders 1", "orders 2"])
            }
        }

        /// While no daemon runs.
        private func lookAtFiles(_ bench: Bench) throws {
            let group = try bench.group("tills")
            #expect(group["lag"] as? Int == 0, "\(group)")
            #expect(try bench.committed("tills")[0] == 4)
            let reset = try bench.refusal("groups", "reset", "tills", "--topic", "orders", "--to", "earliest")
            #expect(reset.status == 69 && reset.error.contains("forebay run"), "\(reset.error)")
            #expect(try bench.refusal("groups", "delete", "tills").status == 69)
            // Another one of its name would begin where the group does not.
            let deletion = try bench.refusal("topics", "delete", "orders")
            #expect(deletion.status == 69 && deletion.error.contains("tills"), "\(deletion.error)")
            _ = try bench.objects("topics", "create", "spare", "--cleanup", "compact")
            _ = try bench.objects("topics", "alter", "spare", "--cleanup", "delete", "--retention", "none")
            #expect(try bench.objects("topics", "delete", "spare").count == 1)
            _ = try bench.objects("topics", "create", "kept")
            #expect(try bench.objects("topics", "describe", "kept").count == 1)
        }

        @Test("users are added from standard input and from a terminal, log in after a reload, and go")
        func users() async throws {
            try await Workbench.use { bench in
                let box = try Box(bench, access: "users_file: users", configuration: "")
                let (path, users) = (bench.path("forebay.yaml"), bench.path("users"))
                func add(_ name: String, _ password: String) throws -> Int32 {
                    let arguments = ["users", "add", name, "--config", path]
                    return try Command.run("forebay", arguments, input: Data(password.utf8)).status
                }
                func canLogIn(_ user: String, _ password: String, _ mechanism: String) throws -> Bool {
                    let run = try Command.run(
                        "/usr/bin/timeout",
                        [
                            "120", Self.kcat, "-L", "-b", "127.0.0.1:\(box.kafka)", "-m", "20",
                            "-X", "security.protocol=SASL_PLAINTEXT", "-X", "sasl.mechanism=\(mechanism)",
                            "-X", "sasl.username=\(user)", "-X", "sasl.password=\(password)",
                        ]
                    )
                    return run.status == 0
                }
                // A login has ten seconds, which a starved machine may need for other things.
                func logsIn(_ user: String, _ password: String, _ mechanism: String) throws -> Bool {
                    for _ in 0..<5 where try canLogIn(user, password, mechanism) { return true }
                    return false
                }
                func check() throws -> (status: Int32, output: String) {
                    let run = try Command.run("forebay", ["check", "--config", path])
                    return (run.status, run.output)
                }
                let missing = try check()
                #expect(missing.status == 1 && missing.output.contains("`forebay users add NAME` makes it"))
                #expect(try add("lena", "first\n") == 0)
                let own = try check()
                #expect(own.status == 0 && !own.output.contains("can read"), "\(own.output)")
                #expect(chmod(users, 0o644) == 0)
                let shared = try check()
                #expect(shared.status == 0, "\(shared.output)")
                #expect(shared.output.contains("everybody on this machine can read"), "\(shared.output)")
                #expect(chmod(users, 0o640) == 0)
                _ = try await box.start()
                #expect(try logsIn("lena", "first", "SCRAM-SHA-256"))
                #expect(try logsIn("lena", "first", "SCRAM-SHA-512"))
                #expect(try add("lena", "second\n") == 0)
                try addAtTerminal("mia", "third", config: path)
                #expect(try box.command(["reload", "--data", box.data]).contains("the users or their passwords"))
                #expect(try box.command(["reload", "--data", box.data]) == "no changes\n")
                #expect(try logsIn("lena", "second", "SCRAM-SHA-256"))
                #expect(try logsIn("mia", "third", "SCRAM-SHA-512"))
                #expect(try !canLogIn("lena", "first", "SCRAM-SHA-256"))
                let listed = try box.command(["users", "list", "-o", "csv", "--file", users])
                #expect(
                    listed == "USER,MECHANISMS\r\nlena,SCRAM-SHA-256 SCRAM-SHA-512\r\nmia,SCRAM-SHA-256 SCRAM-SHA-512\n"
                )
                _ = try box.command(["users", "delete", "lena", "--config", path])
                #expect(try Command.run("forebay", ["users", "delete", "lena", "--config", path]).status == 66)
                #expect(try add("lena", "") == 64)
                #expect(try add("a:b", "x\n") == 64)
                #expect(
                    try box.command(["users", "list", "-o", "csv", "--file", users]).hasSuffix(
                        "\r\nmia,SCRAM-SHA-256 SCRAM-SHA-512\n"
                    )
                )
            }
        }

        /// Types the password twice where it is asked for; fails where it is echoed.
        private func addAtTerminal(_ user: String, _ password: String, config: String) throws {
            let script = """
                import os, pty, sys
                pid, terminal = pty.fork()
                if pid == 0:
                    os.execv(sys.argv[2], sys.argv[2:])
                said = b""
                def until(words):
                    global said
                    while words not in said:
                        said += os.read(terminal, 1000)
                for words in [b"Password for", b"same again"]:
                    until(words)
                    os.write(terminal, sys.argv[1].encode() + b"\\n")
                try:
                    while True:
                        more = os.read(terminal, 1000)
                        if not more:
                            break
                        said += more
                except OSError:
                    pass
                sys.stdout.write(said.decode())
                sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                """
            let forebay = Workbench.binaries.appendingPathComponent("forebay").path
            let run = try Command.run(
                "/usr/bin/timeout",
                ["60", "/usr/bin/python3", "-c", script, password, forebay, "users", "add", user, "--config", config]
            )
            #expect(run.status == 0, "\(run.output)\(run.error)")
            #expect(run.output.contains("users") && !run.output.contains(password), "\(run.output)")
        }
    }
}
