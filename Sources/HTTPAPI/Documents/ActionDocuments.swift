// What the actions answer: a reload, a test of a hook, what it could not deliver.

/// The answer of `POST /api/v1/reload`. 200 where it was applied; 409 where the old configuration stays.
package struct ReloadDocument: Hashable, Codable, Sendable {
    /// A finding in the configuration.
    package struct Problem: Hashable, Codable, Sendable {
        package var file: String
        /// From 1; 0 where the finding has no place.
        package var line: Int
        package var column: Int
        package var message: String

        package init(file: String, line: Int, column: Int, message: String) {
            self.file = file
            self.line = line
            self.column = column
            self.message = message
        }
    }

    package var applied: Bool
    /// What changed, one line each.
    package var changes: [String]
    package var problems: [Problem]

    package init(applied: Bool, changes: [String], problems: [Problem] = []) {
        self.applied = applied
        self.changes = changes
        self.problems = problems
    }
}

/// The answer of `POST /api/v1/hooks/{name}/test`: one marked alert was sent, once.
package struct HookTestDocument: Hashable, Codable, Sendable {
    package var hook: String
    package var delivered: Bool
    /// HTTP status or exit code; nil where it did not come to that.
    package var status: Int?
    package var latencyMilliseconds: Double
    /// Why it was not delivered.
    package var error: String?

    package init(hook: String, delivered: Bool, status: Int?, latencyMilliseconds: Double, error: String?) {
        self.hook = hook
        self.delivered = delivered
        self.status = status
        self.latencyMilliseconds = latencyMilliseconds
        self.error = error
    }

    enum CodingKeys: String, CodingKey {
        case hook, delivered, status, error
        case latencyMilliseconds = "latency_ms"
    }
}

/// The answer of `GET /api/v1/hooks/{name}/dead-letters`: what could not be delivered, oldest first.
package struct DeadLettersDocument: Hashable, Codable, Sendable {
    package var hook: String
    /// Each `{"at","key","offsets","status","error","alerts"}`.
    package var letters: [JSONDocument]

    package init(hook: String, letters: [JSONDocument]) {
        self.hook = hook
        self.letters = letters
    }
}

/// The answer of `POST /api/v1/hooks/{name}/dead-letters/resend`.
package struct DeadLetterResendDocument: Hashable, Codable, Sendable {
    package var hook: String
    package var delivered: Int
    /// Dead letters that are left, and why.
    package var left: Int
    package var error: String?

    package init(hook: String, delivered: Int, left: Int, error: String?) {
        self.hook = hook
        self.delivered = delivered
        self.left = left
        self.error = error
    }
}
