// What decoders ask about text they have collected: is it a name, is it the same, what does it say.
internal import EventModel

extension EventCollector {
    /// Longest metric name, in bytes, after nested names are joined.
    package static let metricBytesMax = 128

    /// Whether `text` may name a metric: 1 to 128 bytes of UTF-8 without control characters.
    @inline(__always)
    func isMetricName(_ text: TextRef, payload: RawSpan) -> Bool {
        guard text.count > 0, text.count <= EventCollector.metricBytesMax else { return false }
        return withText(text, payload) { UTF8Text.isPrintable($0, start: $1, count: $2) }
    }

    func isPrintable(_ text: TextRef, payload: RawSpan) -> Bool {
        withText(text, payload) { UTF8Text.isPrintable($0, start: $1, count: $2) }
    }

    func isUTF8(_ text: TextRef, payload: RawSpan) -> Bool {
        withText(text, payload) { UTF8Text.isValid($0, start: $1, count: $2) }
    }

    func isEqual(_ left: TextRef, _ right: TextRef, payload: RawSpan) -> Bool {
        if left.start == right.start, left.isInScratch == right.isInScratch { return left.count == right.count }
        guard left.count == right.count else { return false }
        return withText(left, payload) { leftSpan, leftStart, count in
            withText(right, payload) { rightSpan, rightStart, _ in
                for index in 0..<count
                where leftSpan.unsafeLoad(fromByteOffset: leftStart &+ index, as: UInt8.self)
                    != rightSpan.unsafeLoad(fromByteOffset: rightStart &+ index, as: UInt8.self)
                {
                    return false
                }
                return true
            }
        }
    }

    /// A time as a payload writes it, in text that stands in the payload itself.
    func offeredTime(_ text: TextRef, payload: RawSpan) -> CollectedTime {
        let parsed = withText(text, payload) { TimestampText.parse($0, start: $1, count: $2) }
        guard let parsed else { return .unreadable }
        return parsed.hasZone ? .absolute(parsed.milliseconds) : .local(parsed.milliseconds)
    }

    /// The whole number that `text` is, or nil.
    func wholeNumber(_ text: TextRef, payload: RawSpan) -> UInt64? {
        withText(text, payload) { span, start, count in
            guard count > 0, count <= 20 else { return nil }
            var value: UInt64 = 0
            for index in start..<start &+ count {
                let digit = span.unsafeLoad(fromByteOffset: index, as: UInt8.self) &- 0x30
                guard digit <= 9 else { return nil }
                let (product, overflow) = value.multipliedReportingOverflow(by: 10)
                let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
                guard !overflow, !carry else { return nil }
                value = sum
            }
            return value
        }
    }
}
