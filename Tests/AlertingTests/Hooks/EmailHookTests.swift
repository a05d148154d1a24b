// Mail as a mail program reads it: Python's parser, behind a sendmail that keeps what it gets.
import Alerting
import Foundation
import Platform
import Rules
import Testing

@Suite("Email hook", .timeLimit(.minutes(5)))
struct EmailHookTests {
    /// What came to the sendmail of the test.
    private struct Mail: Decodable {
        var arguments: [String]
        var headers: [[String]]
        var subject: String
        var text: String
        var defects: Int
        var longest: Int
    }

    /// A sendmail that exits with `status`, and writes what it got into `mail-N.json`.
    private func hook(_ harness: AlertingHarness, status: String = "0") throws -> HookSettings {
        let path = try harness.directory.file(
            "sendmail",
            """
            #!/usr/bin/python3
            import email.policy, json, os, sys
            raw = sys.stdin.buffer.read()
            home = os.path.dirname(sys.argv[0])
            number = len([name for name in os.listdir(home) if name.startswith("mail-")])
            mail = email.message_from_bytes(raw, policy=email.policy.default)
            what = {
                "arguments": sys.argv[1:], "headers": [[k, str(v)] for k, v in mail.items()],
                "subject": str(mail["subject"]), "text": mail.get_content(), "defects": len(mail.defects),
                "longest": max(len(line) for line in raw.split(b"\\n")),
            }
            with open(home + "/new", "w") as file: json.dump(what, file)
            os.rename(home + "/new", home + "/mail-" + str(number))
            print("mailer says", number)
            sys.exit(\(status))

            """
        )
        chmod(path, 0o755)
        let target = HookTarget.email(
            sendmail: path,
            from: "forebay@edge-01.example",
            to: ["duty@example.org", "boss@example.org"]
        )
        return HookSettings(name: "mail", target: target, timeout: .seconds(60))
    }

    private func mail(_ harness: AlertingHarness, _ number: Int = 0) throws -> Mail {
        let bytes = try contents(of: "\(harness.directory.path)/mail-\(number)")
        return try JSONDecoder().decode(Mail.self, from: Data(bytes))
    }

    private func delivered(_ alerts: [AlertRecord]) async throws -> Mail {
        let harness = try AlertingHarness()
        try await withHooks(harness, [try hook(harness)]) { dispatcher in
            try harness.appendAlerts(alerts)
            try await eventually("it is delivered") { dispatcher.status("mail").delivered == 1 }
        }
        return try mail(harness)
    }

    @Test("a mail to each recipient, its subject the alert, its text the summaries")
    func mail() async throws {
        let mail = try await delivered([.sample(), .sample(device: "freezer-8", summary: "größer, 冷凍庫\nsecond line")])
        #expect(mail.arguments == ["-i", "-f", "forebay@edge-01.example", "duty@example.org", "boss@example.org"])
        #expect(mail.subject == "[edge-01] FreezerTooWarm firing: 2 alerts")
        #expect(mail.text == "Walk-in freezer is at -11.8 °C\ngrößer, 冷凍庫\nsecond line\n")
        #expect(mail.defects == 0)
        #expect(mail.longest <= 78)
        let headers = Dictionary(uniqueKeysWithValues: mail.headers.map { ($0[0], $0[1]) })
        #expect(headers["From"] == "forebay@edge-01.example")
        #expect(headers["To"] == "duty@example.org, boss@example.org")
        #expect(headers["Auto-Submitted"] == "auto-generated")
    }

    @Test("no text makes a header, ends the message early, or breaks a character")
    func hostile() async throws {
        let name = "Zu warm\r\nBcc: evil@example.org\n\nHello " + String(repeating: "❄️冷", count: 60)
        let mail = try await delivered([.sample(name, summary: "a\n.\nb\r\nBcc: evil@example.org")])
        #expect(
            mail.headers.map { $0[0] } == [
                "From", "To", "Subject", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
                "Content-Transfer-Encoding",
            ]
        )
        #expect(mail.subject.hasPrefix("[edge-01] Zu warm Bcc: evil@example.org Hello ❄️冷❄️冷"))
        #expect(!mail.subject.contains("\u{FFFD}"))
        #expect(mail.text == "a\n.\nb \nBcc: evil@example.org\n")
        #expect(mail.defects == 0)
    }

    @Test("what sendmail cannot do now is tried again as the same message")
    func retried() async throws {
        let harness = try AlertingHarness()
        try await withHooks(harness, [try hook(harness, status: "0 if number == 2 else 75")]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("it is delivered") { dispatcher.status("mail").delivered == 1 }
            #expect(dispatcher.status("mail").failed == 2)
        }
        let identities = try (0...2).map { try mail(harness, $0).headers.first { $0[0] == "Message-ID" } }
        #expect(Set(identities).count == 1)
        #expect(identities.first??.isEmpty == false)
    }

    @Test("what sendmail says can never be sent is a dead letter", arguments: [65, 67])
    func refused(status: Int) async throws {
        let harness = try AlertingHarness()
        try await withHooks(harness, [try hook(harness, status: "\(status)")]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("it is refused") { dispatcher.status("mail").refused == 1 }
            #expect(dispatcher.status("mail").lastError?.contains("mailer says 0") == true)
        }
        #expect(try DeadLetter.all(harness, of: "mail").map(\.status) == [status])
    }

    @Test("the planted bug: any other exit code, taken for final, would be a dead letter")
    func neverRefused() async throws {
        let harness = try AlertingHarness()
        try await withHooks(harness, [try hook(harness, status: "71")]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("it is tried on") { dispatcher.status("mail").failed >= 3 }
            #expect(dispatcher.status("mail").refused == 0)
        }
    }
}
