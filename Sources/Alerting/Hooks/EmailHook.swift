// Hook type `email`: a message through the box's own sendmail, which queues it (Postfix, Exim, OpenSMTPD, msmtp, ...).
internal import Crypto
internal import Foundation

/// Exit code 0 is delivered: the mail system has it. What it says can never be sent is refused; everything else is tried
/// again.
struct EmailHook: Hook {
    /// sysexits.h: EX_DATAERR, EX_NOUSER.
    private static let refusing: Set<Int32> = [65, 67]
    /// Longer ones are for archives, not for people.
    private static let textBytesMax = 64 << 10

    private let from: String
    private let to: [String]
    private let program: HookProgram

    init?(_ settings: HookSettings) {
        guard case .email(let sendmail, let from, let to) = settings.target, sendmail.hasPrefix("/") else { return nil }
        self.from = from
        self.to = to
        // `-i`: a line with nothing but a point does not end the message.
        program = HookProgram(command: [sendmail, "-i", "-f", from] + to, timeout: settings.timeout)
    }

    func deliver(_ payload: HookPayload) async -> HookOutcome {
        let input = Array(message(payload).utf8)
        let ending = await program.run(input: input, key: payload.idempotencyKey)
        return program.outcome(of: ending, refusing: EmailHook.refusing)
    }

    /// RFC 5322 with the line ends of the box. What comes from rules and devices stands in base64 only, where no text can
    /// begin another header.
    private func message(_ payload: HookPayload) -> String {
        let text = HookMessage(payload.alerts, bytesMax: EmailHook.textBytesMax)
        let body = Data("\(text.text)\n".utf8).base64EncodedString(options: [
            .lineLength76Characters, .endLineWithLineFeed,
        ])
        // The same for each attempt, so that a mailbox can tell a repeat.
        let identity = SHA256.hash(data: Array("\(payload.origin.box)\u{0}\(payload.idempotencyKey)".utf8)).prefix(16)
            .map { AlertFingerprint.hex(UInt64($0), digits: 2) }.joined()
        return [
            "From: \(from)",
            "To: \(to.joined(separator: ",\n "))",
            "Subject: \(EmailHook.encodedWords("[\(payload.origin.box)] \(text.title)"))",
            "Message-ID: <\(identity)@forebay.invalid>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: base64",
            "",
            body,
            "",
        ].joined(separator: "\n")
    }

    /// RFC 2047: words of at most 75 characters, none of which ends within a character.
    private static func encodedWords(_ text: String) -> String {
        var words: [String] = []
        var rest = Substring(text)
        while !rest.isEmpty {
            var part = ""
            // One character may have any number of scalars; a scalar has four bytes at most.
            for scalar in rest.unicodeScalars {
                guard part.utf8.count + String(scalar).utf8.count <= 45 else { break }
                part.unicodeScalars.append(scalar)
            }
            rest = Substring(rest.unicodeScalars.dropFirst(part.unicodeScalars.count))
            words.append("=?UTF-8?B?\(Data(part.utf8).base64EncodedString())?=")
        }
        return words.joined(separator: "\n ")
    }
}
