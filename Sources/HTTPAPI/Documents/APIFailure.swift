// Why a request was not fulfilled, with the status code and the words for the person at the other end.

/// What a handler or a provider throws; becomes `{"error":"…","hint":"…"}`.
package struct APIFailure: Error, Hashable, Sendable {
    /// Open for further kinds; the raw value is the HTTP status code.
    package struct Kind: Hashable, Sendable {
        package let status: Int

        private init(_ status: Int) {
            self.status = status
        }

        /// The request says something that cannot be.
        package static let badRequest = Kind(400)
        /// Not on this listener.
        package static let forbidden = Kind(403)
        /// Nothing has that name.
        package static let notFound = Kind(404)
        /// Refused because of the state that things are in; nothing was changed.
        package static let conflict = Kind(409)
        /// The body is longer than `APILimits.bodyBytesMax`.
        package static let tooLarge = Kind(413)
        /// A defect of this program, or a disk that fails.
        package static let failed = Kind(500)
        /// Not now: starting, stopping, or a part is down.
        package static let unavailable = Kind(503)
    }

    package var kind: Kind
    /// One sentence: what is wrong.
    package var error: String
    /// What to do or type next.
    package var hint: String?

    package init(_ kind: Kind, _ error: String, hint: String? = nil) {
        self.kind = kind
        self.error = error
        self.hint = hint
    }
}

/// The body of an answer that is not 2xx.
package struct ErrorDocument: Hashable, Codable, Sendable {
    package var error: String
    package var hint: String?

    package init(error: String, hint: String? = nil) {
        self.error = error
        self.hint = hint
    }
}
