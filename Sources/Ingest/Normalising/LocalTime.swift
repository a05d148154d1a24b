// Local times of devices that name no zone, by the table of one zone's offsets.

/// The offsets of one time zone over the years that matter, as the configuration resolved them. A value.
package struct LocalTime: Hashable, Sendable {
    /// From when (milliseconds since 1970, UTC) which offset (milliseconds east of UTC) holds; ascending.
    package struct Span: Hashable, Sendable {
        package var from: Int64
        package var offset: Int64

        package init(from: Int64, offset: Int64) {
            self.from = from
            self.offset = offset
        }
    }

    private let spans: [Span]

    package init(spans: [Span]) {
        self.spans = spans
    }

    /// The instant of a wall-clock reading, given in milliseconds as if it were UTC. In the hour that a zone repeats,
    /// the earlier instant; in the one it skips, the instant by the offset before. Nil without a table.
    package func instant(local: Int64) -> Int64? {
        guard var offset = spans.first?.offset else { return nil }
        for span in spans {
            let (start, overflow) = span.from.addingReportingOverflow(max(offset, span.offset))
            if overflow || local < start { break }
            offset = span.offset
        }
        let (instant, overflow) = local.subtractingReportingOverflow(offset)
        return overflow ? nil : instant
    }
}
