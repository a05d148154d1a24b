// Several files, references to the outside, reloads, and what the machine has to say.
import Appliance
import Foundation
import Platform
import Rules
import Testing

@Suite("Configuration files")
struct ConfigurationFileTests {
    @Test("conf.d and rules.d are merged in the order of their names")
    func merge() throws {
        let fixture = try ConfigurationFixture([
            "forebay.yaml":
                "name: box\nlog: { keep_free: 20% }\nrules:\n  - { alert: A, match: { metric: t }, above: 1 }\n",
            "conf.d/20-hooks.yaml": "hooks: { p: { type: exec, command: /bin/true } }\n",
            "conf.d/10-inputs.yaml": "inputs: { lan: { type: udp } }\nlog: { commit_interval: 50ms }\n",
            "conf.d/notes.txt": "not: [read",
            "rules.d/a.yaml": "- { alert: B, match: { metric: t }, above: 2 }\n",
            "rules.d/b.yaml": "rules:\n  - { alert: C, match: { metric: t }, above: 3 }\n",
            "rules.d/empty.yaml": "",
        ])
        let loaded = try fixture.load().get()
        #expect(loaded.configuration.name == "box")
        #expect(loaded.configuration.log.keepFreePercent == 20)
        #expect(loaded.configuration.log.commitInterval == .milliseconds(50))
        #expect(loaded.configuration.inputs.map(\.name) == ["lan"])
        #expect(loaded.configuration.rules.map(\.alert) == ["A", "B", "C"])
        #expect(loaded.problems.isEmpty)
        let names = loaded.files.map { $0.replacingOccurrences(of: fixture.directory + "/", with: "") }
        #expect(
            names == [
                "forebay.yaml", "conf.d/10-inputs.yaml", "conf.d/20-hooks.yaml", "rules.d/a.yaml", "rules.d/b.yaml",
                "rules.d/empty.yaml",
            ]
        )
        #expect(loaded.place(of: "rules.C").line == 2)
        #expect(loaded.place(of: "inputs.lan.listen").file.hasSuffix("conf.d/10-inputs.yaml"))
    }

    @Test("what two files say is an error that names both places")
    func conflicts() throws {
        let fixture = try ConfigurationFixture([
            "forebay.yaml":
                "name: box\ninputs: { lan: { type: udp } }\nhooks: { p: { type: exec, command: /bin/true } }\n",
            "conf.d/a.yaml": "name: other\ninputs: { lan: { format: json } }\n",
            "conf.d/b.yml": "name: left out\n",
            "rules.d/r.yaml": "rules: [{ alert: A, match: { metric: t }, above: 1 }]\nname: x\n",
            "rules.d/s.yaml": "rules: [{ alert: A, match: { metric: t }, above: 1 }]\n",
        ])
        #expect(
            fixture.problems() == [
                "conf.d/a.yaml:1:1: `name` is given twice: it stands at forebay.yaml:1:1 already",
                "conf.d/a.yaml:2:11: `inputs.lan` is given twice: it stands at forebay.yaml:2:11 already",
                "rules.d/r.yaml:2:1: `name` does not belong into `rules.d`: a file there has `rules:` alone; the rest goes to `conf.d`",
                "rules.d/s.yaml:1:18: alert `A` is given twice: it stands at rules.d/r.yaml:1:18 already",
                "conf.d/b.yml:1:1: warning: left out: its name must end in .yaml",
            ]
        )
    }

    @Test("a syntax error in one file does not hide the problems of another")
    func problemsOfSeveralFiles() throws {
        let fixture = try ConfigurationFixture([
            "forebay.yaml": "nam: box\n", "conf.d/a.yaml": "log: [\n", "conf.d/b.yaml": "dat: /x\n",
        ])
        let found = fixture.problems()
        #expect(found.count == 3)
        #expect(found.contains { $0.hasPrefix("forebay.yaml:1:1: unknown key `nam`") })
        #expect(found.contains { $0.hasPrefix("conf.d/a.yaml:2:1: not YAML") })
        #expect(found.contains { $0.hasPrefix("conf.d/b.yaml:1:1: unknown key `dat`") })
    }

    @Test("a file that is not there, not UTF-8, or a directory is named")
    func unreadable() throws {
        let fixture = try ConfigurationFixture(["other": ""])
        #expect(fixture.problems() == ["not found: forebay.yaml"])
        try FileManager.default.createDirectory(atPath: fixture.path, withIntermediateDirectories: true)
        #expect(fixture.problems().first?.hasPrefix("forebay.yaml:1:1: cannot read the file") == true)
        try FileManager.default.removeItem(atPath: fixture.path)
        try Data([0x61, 0x3A, 0x20, 0x62, 0x0A, 0x63, 0x3A, 0x20, 0xFF, 0x0A]).write(
            to: URL(fileURLWithPath: fixture.path)
        )
        #expect(fixture.problems() == ["forebay.yaml:2:4: the file is not UTF-8"])
    }

    @Test("variables and files are put in, and relative paths start at the file")
    func expansion() throws {
        let fixture = try ConfigurationFixture([
            "forebay.yaml": """
            name: edge-${SITE}
            data: ./data
            hooks:
              p: { type: webhook, url: "http://127.0.0.1:9000/", headers: { Authorization: "Bearer ${file:token}" } }
            inputs:
              lan: { type: udp, listen: "${LISTEN}", device: "$${x}" }
            rules: [{ alert: A, match: { metric: t }, above: "${LIMIT}" }]
            """,
            "token": "s3cret\r\n",
        ])
        let environment = ["SITE": "7", "LISTEN": "127.0.0.1:9001", "LIMIT": "-4.5"]
        let value = try fixture.load(environment).get().configuration
        #expect(value.name == "edge-7")
        #expect(value.data == fixture.directory + "/data")
        #expect(value.rules.first?.levels.first?.condition == .above(limit: -4.5, clear: nil))
        #expect(value.inputs.first?.device == "${x}")
        guard case .webhook(_, let headers, _)? = value.hooks.first?.delivery else {
            Issue.record("no webhook")
            return
        }
        #expect(headers["Authorization"]?.reveal() == "Bearer s3cret")
    }

    @Test(
        "a reference that leads nowhere is an error",
        arguments: [
            ("${NOBODY}", "c.yaml:1:7: `name`: the environment variable `NOBODY` is not set"),
            ("${SIET}", "c.yaml:1:7: `name`: the environment variable `SIET` is not set; did you mean `SITE`?"),
            ("${file:/nowhere/at/all}", "c.yaml:1:7: `name`: cannot read the file `/nowhere/at/all`: No such file"),
            ("${SITE", "c.yaml:1:7: `name`: `${` without its `}`"),
            ("${a b}", "c.yaml:1:7: `name`: `${a b}` is neither `${VAR}` nor `${file:PATH}`"),
        ]
    )
    func danglingReferences(text: String, expected: String) {
        let found = problems("name: \"\(text)\"", ["SITE": "x"])
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix(expected) == true, "\(found)")
    }

    @Test("no message and no rendering shows a secret")
    func secrets() throws {
        let text = """
            hooks:
              a: { type: webhook, url: "http://x/${TOKEN}", headers: { Authorization: "${TOKEN}" } }
              b: { type: exec, command: [/bin/true, "${TOKEN}"] }
            """
        let value = try configuration(text, ["TOKEN": "hunter2"])
        var rendered = "\(value)\n"
        dump(value, to: &rendered)
        rendered += value.hooks.map { String(reflecting: $0.delivery) }.joined()
        rendered += value.settings.map { "\($0.path)=\($0.value)" }.joined(separator: "\n")
        let other = try configuration(text, ["TOKEN": "hunter3"])
        rendered += other.changes(from: value).map(\.description).joined(separator: "\n")
        rendered += problems("log: { keep_free: \"${TOKEN}\" }", ["TOKEN": "hunter2"]).joined()
        rendered += problems("inputs: { a: { type: \"${TOKEN}\" } }", ["TOKEN": "hunter2"]).joined()
        rendered += problems("external_url: \"${TOKEN}\"", ["TOKEN": "hunter2"]).joined()
        rendered += problems("time_zone: \"${TOKEN}\"", ["TOKEN": "hunter2"]).joined()
        #expect(rendered.contains("${TOKEN}"))
        #expect(rendered.contains("the secret is another one"))
        let isLeaking = rendered.contains("hunter")
        #expect(!isLeaking)
    }

    @Test("the hash follows the settings in force, not the text")
    func hash() throws {
        let plain = try configuration("name: a\nlog: { keep_free: 10% }\n")
        let same = try configuration("# a comment\nname: \"a\"\n")
        let other = try configuration("name: a\nlog: { keep_free: 11% }\n")
        #expect(plain.hash == same.hash)
        #expect(plain.hash != other.hash)
        #expect(plain.hash.count == 16)
    }

    @Test("a reload says what changed and what waits for a restart")
    func changes() throws {
        let hooks = "hooks: { p: { type: exec, command: /bin/true } }\n"
        let old = try configuration(
            hooks
                + """
                data: /a
                time_zone: UTC
                inputs: { lan: { type: udp, device_prefix: x }, old: { type: udp, listen: "127.0.0.1:1" } }
                rules: [{ alert: A, match: { metric: t }, above: 1 }]
                """
        )
        let new = try configuration(
            hooks
                + """
                data: /b
                inputs: { lan: { type: udp, format: json } }
                rules: [{ alert: A, match: { metric: t }, above: 2, for: 5m }, { alert: B, match: { metric: t }, above: 1 }]
                """
        )
        #expect(
            new.changes(from: old).map(\.description) == [
                "`data`: /a -> /b (after a restart)",
                "`time_zone`: no longer set, was UTC",
                "`inputs.lan.format`: auto -> json",
                "`inputs.lan.device_prefix`: no longer set, was x",
                "`rules.A.above`: 1.0 -> 2.0",
                "`rules.A.for`: 0s -> 5m",
                "rule `B` is new",
                "input `old` is gone",
            ]
        )
        #expect(new.changes(from: new).isEmpty)
    }

    @Test("the machine's side: ports, files, devices and directories")
    func environment() throws {
        let taken = try TakenPort()
        let fixture = try ConfigurationFixture([
            "file": "",
            "forebay.yaml": """
            data: file
            listen: { http: none }
            inputs:
              lan: { type: udp, listen: "127.0.0.1:\(taken.port)", receive_buffer_bytes: 64KiB }
              port: { type: serial, port: /nowhere/tty }
              must: { type: serial, port: file, required: true }
              mqtt: { type: mqtt, url: "mqtt://127.0.0.1:\(taken.port)", subscribe: [x], user: u, password_file: none }
            hooks:
              h: { type: exec, command: [/nowhere/siren] }
            """,
        ])
        let loaded = try fixture.load().get()
        let found = EnvironmentCheck(loaded, daemonIsRunning: false).run()
            .map { $0.description.replacingOccurrences(of: fixture.directory + "/", with: "") }
        let expected = [
            "forebay.yaml:1:7: `file` is not a directory",
            "forebay.yaml:4:29: cannot listen on UDP 127.0.0.1:\(taken.port): Address already in use",
            "forebay.yaml:5:31: warning: `/nowhere/tty`: No such file or directory",
            "forebay.yaml:6:31: `file` is not a serial device",
            "forebay.yaml:7:",
            "forebay.yaml:7:28: warning: the broker at mqtt://127.0.0.1:\(taken.port) does not answer: Connection refused",
            "forebay.yaml:9:29: cannot run `/nowhere/siren`: No such file or directory",
        ]
        #expect(found.count == expected.count, "\(found)")
        for (line, start) in zip(found, expected) { #expect(line.hasPrefix(start)) }
        let beside = EnvironmentCheck(loaded, daemonIsRunning: true).run()
        #expect(!beside.contains { $0.message.contains("cannot listen") })
        #expect(beside.count == found.count - 1)
        withExtendedLifetime((fixture, taken)) {}
    }

    @Test(
        "a data directory may lie deep, and no deeper than the control socket's path reaches",
        arguments: [("one/two/three", false), (String(repeating: "deep/", count: 20), true)]
    )
    func dataDirectory(data: String, isTooLong: Bool) throws {
        let fixture = try ConfigurationFixture(["forebay.yaml": "data: \(data)\nlisten: { http: none }"])
        let found = EnvironmentCheck(try fixture.load().get(), daemonIsRunning: false).run()
        #expect(found.map { $0.message.prefix(16) } == (isTooLong ? ["cannot listen on"] : []))
        withExtendedLifetime(fixture) {}
    }
}

/// A UDP port that is in use for as long as the value lives; nobody listens on the TCP port of the same number.
private final class TakenPort {
    let port: UInt16
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 ? getsockname(descriptor, generic, &length) : -1
            }
        }
        try #require(status == 0)
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit {
        close(descriptor)
    }
}
