// The bounds of the HTTP listeners, each with its reason.

/// What one client can make the API hold.
package enum APILimits {
    /// A scraper, a dashboard in a few browsers, a few scripts.
    package static let connectionsMax = 64
    /// Commands on the control socket; a `--follow` holds one each.
    package static let controlConnectionsMax = 32
    /// All headers of one request together; no browser on loopback sends more.
    package static let headerBytesMax = 16 * 1024
    package static let headersMax = 64
    /// A device change with every label and a thousand metrics fits.
    package static let bodyBytesMax = 256 * 1024
    /// A connection on which no request is under way or arriving is closed after this time; so is one whose request
    /// does not arrive whole.
    package static let idleTimeout = Duration.seconds(30)
    /// The longest value of one query parameter or path part, decoded.
    package static let parameterBytesMax = 1024
    /// Records of an answer that begins at no place: the last ones are found by reading backwards, and held until then.
    package static let lastRecordsMax = 10_000
    /// Series of `forebay_group_lag_records`: a hundred groups that read fifty partitions each.
    package static let groupLagSeriesMax = 5_000
    /// `sockaddr_un.sun_path` holds 108 bytes, the closing zero included (unix(7)); SwiftNIO takes the 103 that are
    /// portable.
    package static let socketPathBytesMax = 103
}
