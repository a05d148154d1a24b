// What `GET /metrics/readings` says: the latest reading of each device and metric, as gauges.
package import Platform

/// The newest reading of one metric of one device.
package struct LatestReading: Sendable {
    package var device: String
    package var metric: String
    /// Empty where the unit is not known.
    package var unit: String
    package var value: Double
    /// Event time.
    package var time: Timestamp
    /// How often the device is expected to speak; nil where nobody has said.
    package var expectedInterval: Duration?

    package init(
        device: String,
        metric: String,
        unit: String,
        value: Double,
        time: Timestamp,
        expectedInterval: Duration?
    ) {
        self.device = device
        self.metric = metric
        self.unit = unit
        self.value = value
        self.time = time
        self.expectedInterval = expectedInterval
    }
}

/// Renders the latest readings, leaving out what is stale and what is too much.
package enum ReadingGauges {
    /// Two lines of about 100 bytes each: a scrape stays below 5 MB.
    package static let seriesMax = 20_000
    /// Five minutes, Prometheus' own lookback, where the device has no expected interval.
    package static let staleAfter = Duration.seconds(300)
    /// A reading is stale after this many expected intervals (DESIGN section 8).
    package static let staleIntervals = 3

    /// The text of one scrape. Of more than `seriesMax` series the first by device and metric are shown, and
    /// `forebay_readings_left_out` says how many were not.
    package static func prometheusText(_ readings: [LatestReading], now: Timestamp) -> String {
        let fresh = readings.filter { !isStale($0, now: now) }
            .sorted { ($0.device, $0.metric) < ($1.device, $1.metric) }
        let shown = fresh.prefix(seriesMax)
        var text = PrometheusText()
        text.family(
            "forebay_reading",
            .gauge,
            "The latest reading, in the unit of the label.",
            shown.map { .init(["device": $0.device, "metric": $0.metric, "unit": $0.unit], $0.value) }
        )
        text.family(
            "forebay_reading_time_seconds",
            .gauge,
            "The event time of the latest reading, in seconds since 1970.",
            shown.map { .init(["device": $0.device, "metric": $0.metric], $0.time.seconds) }
        )
        text.family(
            "forebay_readings_left_out",
            .gauge,
            "Fresh readings that this page has no room for.",
            [.init([:], Double(fresh.count - shown.count))]
        )
        return text.text
    }

    private static func isStale(_ reading: LatestReading, now: Timestamp) -> Bool {
        now.since(reading.time) > (reading.expectedInterval.map { $0 * staleIntervals } ?? staleAfter)
    }
}
