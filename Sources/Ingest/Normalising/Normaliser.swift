// From what a decoder collected to the event that is stored: device, time, kinds, calibration, units, labels, quality.
internal import EventModel
internal import Platform

/// What an input's configuration says about its events.
package struct NormaliserOptions: Sendable {
    /// `device`: for payloads and topics that name none.
    package var device: String?
    /// Put before every device id of the input.
    package var devicePrefix = ""
    /// Device times are believed from this long before receipt; nil: from 2000-01-01 ...
    package var believedAgo: Duration?
    /// ... to this long after receipt.
    package var believedAhead = Duration.seconds(600)
    /// For device times without a zone; nil: they are not believed.
    package var localTime: LocalTime?
    /// Patterns of metrics that are left out.
    package var ignore: [String] = []
    package var registration = Registration.automatic
    /// Metrics that one device may have.
    package var metricsMax = 64

    package init() {}
}

/// One reading on its way into the record.
private struct ResolvedReading: BitwiseCopyable {
    var metric: Int32
    var unit: Int32
    var kind: CollectedReading.Kind
    var text: TextRef
    var value: Double
    var scale: Double
    var offset: Double
    var isBad: Bool
    var badReason: BadValueReason

    var isStoredNumber: Bool { !isBad && kind == .number }
    var isStoredState: Bool { !isBad && kind != .number }
    var isCalibrated: Bool { isStoredNumber && (scale != 1 || offset != 0) }
}

/// What became of a collected event.
struct NormalisedEvent {
    /// Slot of the device where `value` holds an event to append; nil where nothing of it is left.
    var device: Int32?
    var time = Timestamp(milliseconds: 0)
    /// The first reason why the event, or a reading of it, was refused.
    var reject: RejectReason?
    /// Values that the same event named again, and labels.
    var leftOutCount = 0
}

/// What became of a metric's name.
private enum MetricResolution {
    case known(metric: Int32, slot: Int32)
    case ignored
    case refused(RejectReason)
}

/// Turns collected events into stored ones. One owner, the input's thread; nothing is allocated per reading once the
/// names are known.
struct Normaliser: ~Copyable {
    private let options: NormaliserOptions
    private let device: [UInt8]
    private let devicePrefix: [UInt8]
    private(set) var devices: DeviceTable
    private var metrics: MetricTable
    private var units: UnitTable
    private var encoder = EventEncoder()
    private var name = ByteBuilder(capacity: 256)
    private var labelMembers = ByteBuilder(capacity: 512)
    private var resolved: [ResolvedReading] = []
    private var eventSerial: UInt64 = 0
    /// Of the event in hand.
    private var leftOutCount = 0
    /// The box's own clock, asked once a second.
    private var clockIsSynchronised = true

    init(options: NormaliserOptions, devices: consuming DeviceTable, hashSeed: UInt64) {
        self.options = options
        self.devices = devices
        device = Array((options.device ?? "").utf8)
        devicePrefix = Array(options.devicePrefix.utf8)
        metrics = MetricTable(ignore: options.ignore.map(Glob.init), hashSeed: hashSeed ^ 0x6D65_7472_6963)
        units = UnitTable(hashSeed: hashSeed ^ 0x756E_6974)
        resolved.reserveCapacity(EventCollector.readingsMax)
    }

    /// The stored event's JSON, after `normalise` gave a device. Valid until the next one.
    var value: UnsafeRawBufferPointer { encoder.bytes }

    /// Says in the stored event that it is in the log already.
    mutating func markDuplicate() {
        encoder.markDuplicate()
    }

    /// Picks up what changed outside: the registry's snapshot and the clock's quality. Once per wake-up or less.
    mutating func refresh(clock: ClockQuality) {
        devices.refresh()
        clockIsSynchronised = clock == .synchronised
    }

    mutating func writeSequenceGaps(to ledger: inout GapLedger) {
        devices.writeSequenceGaps(to: &ledger)
    }

    mutating func reportLastSeen() {
        devices.reportLastSeen()
    }

    /// Normalises and encodes the event in `collector`.
    mutating func normalise(
        _ collector: borrowing EventCollector,
        payload: UnsafeRawBufferPointer,
        arrival: Arrival
    ) -> NormalisedEvent {
        var event = NormalisedEvent()
        let deviceID: Int32
        switch resolveDevice(collector, payload, arrival) {
        case .known(let id): deviceID = id
        case .refused(let reason):
            event.reject = reason
            return event
        }
        leftOutCount = 0
        event.reject = resolveReadings(collector, payload, arrival, device: deviceID)
        guard !resolved.isEmpty else {
            if event.reject == nil, collector.readingCount == 0 { event.reject = .noReading }
            return event
        }
        let (time, clock) = believedTime(collector.time, receivedAt: arrival.receivedAt)
        event.time = time
        event.device = deviceID
        encode(collector, payload, arrival, device: deviceID, time: time, clock: clock)
        event.leftOutCount = leftOutCount
        devices.touch(deviceID, at: arrival.receivedAt)
        // What the broker remembers of a device says nothing of what came since.
        if let sequence = collector.sequence, !arrival.isRetained {
            devices.noteSequence(sequence, of: deviceID, at: arrival.receivedAt)
        }
        return event
    }

    // MARK: Device

    /// The configured field, the topic, the configuration, then the payload's own words (CONTRACT section 3).
    private mutating func resolveDevice(
        _ collector: borrowing EventCollector,
        _ payload: UnsafeRawBufferPointer,
        _ arrival: Arrival
    ) -> DeviceResolution {
        if collector.deviceRank == 0 {
            return resolve(collector.bytes(of: collector.device, in: payload), arrival)
        }
        if let captured = arrival.topicDevice { return resolve(captured, arrival) }
        if !device.isEmpty { return device.withUnsafeBytes { resolve($0, arrival) } }
        guard collector.deviceRank != EventCollector.noDevice else { return .refused(.noDevice) }
        return resolve(collector.bytes(of: collector.device, in: payload), arrival)
    }

    private mutating func resolve(_ id: UnsafeRawBufferPointer, _ arrival: Arrival) -> DeviceResolution {
        guard id.count > 0 else { return .refused(.invalidDevice) }
        guard !devicePrefix.isEmpty else { return devices.resolve(id, at: arrival.receivedAt) }
        name.removeAll()
        devicePrefix.withUnsafeBytes { name.append($0) }
        name.append(id)
        return devices.resolve(name.bytes, at: arrival.receivedAt)
    }

    // MARK: Time

    private func believedTime(_ time: CollectedTime, receivedAt: Timestamp) -> (Timestamp, EventClock) {
        let claimed: Int64? =
            switch time {
            case .absent, .unreadable: nil
            case .absolute(let milliseconds): milliseconds
            case .local(let milliseconds): options.localTime?.instant(local: milliseconds)
            case .relative(let milliseconds): Normaliser.sum(receivedAt.milliseconds, milliseconds)
            }
        let earliest = options.believedAgo.map { receivedAt.advanced(by: .zero - $0) } ?? Normaliser.year2000
        if let claimed, claimed >= earliest.milliseconds,
            Timestamp(milliseconds: claimed) <= receivedAt.advanced(by: options.believedAhead)
        {
            // What is counted from receipt is no better than the clock that told receipt.
            if case .relative = time, !clockIsSynchronised { return (Timestamp(milliseconds: claimed), .unsynced) }
            return (Timestamp(milliseconds: claimed), .device)
        }
        return (receivedAt, clockIsSynchronised ? .receive : .unsynced)
    }

    /// Nil where it does not fit.
    private static func sum(_ left: Int64, _ right: Int64) -> Int64? {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? nil : sum
    }

    private static let year2000 = Timestamp(milliseconds: 946_684_800_000)

    // MARK: Readings

    /// Fills `resolved`; gives the first reason to refuse one of the readings. The others are kept.
    private mutating func resolveReadings(
        _ collector: borrowing EventCollector,
        _ payload: UnsafeRawBufferPointer,
        _ arrival: Arrival,
        device: Int32
    ) -> RejectReason? {
        resolved.removeAll(keepingCapacity: true)
        eventSerial &+= 1
        var reject: RejectReason?
        let topicUnit = arrival.topicLabels.count > 0 ? arrival.topicLabels.value(of: "unit") : nil
        var prefix = arrival.topicMetric
        if prefix != nil, !hasSeveralMetrics(collector, payload) { prefix = nil }
        for index in 0..<collector.readingCount {
            let reading = collector.reading(index)
            let own = collector.bytes(of: reading.metric, in: payload)
            if prefix != nil, metrics.isIgnored(own) { continue }
            let isBare = own.isEmpty || index == collector.bareValueIndex
            let name = metricName(own, prefix: prefix, isBare ? arrival.topicMetric : nil)
            let payloadUnit = collector.bytes(of: reading.unit, in: payload)
            let kind: MetricKind = reading.kind == .boolean || reading.kind == .word ? .state : .number
            let metric: Int32
            let slot: Int32
            switch resolveMetric(name, device: device, kind: kind, unit: payloadUnit) {
            case .known(let knownMetric, let knownSlot): (metric, slot) = (knownMetric, knownSlot)
            case .ignored: continue
            case .refused(let reason):
                reject = reject ?? reason
                continue
            }
            let known = devices.metric(slot)
            // Scaled, a value is in the registry's unit, whatever the device says of what it sent.
            var unit = known.isCalibrated && known.unit != UnitTable.none ? known.unit : unit(payloadUnit, of: slot)
            if unit == UnitTable.none { unit = known.unit }
            if unit == UnitTable.none, let topicUnit { unit = self.unit(topicUnit, of: slot) }
            let isTypeChanged = known.kind != kind
            let isUnusable = reading.kind == .notANumber || !(reading.number * known.scale + known.offset).isFinite
            let resolvedReading = ResolvedReading(
                metric: metric,
                unit: kind == .number ? unit : UnitTable.none,
                kind: reading.kind,
                text: reading.text,
                value: reading.number,
                scale: known.scale,
                offset: known.offset,
                isBad: isTypeChanged || (kind == .number && isUnusable),
                badReason: isTypeChanged ? .typeChanged : .notANumber
            )
            if let earlier = devices.claim(slot, event: eventSerial, index: resolved.count) {
                resolved[earlier] = resolvedReading
                leftOutCount += 1
            } else {
                resolved.append(resolvedReading)
            }
        }
        return reject
    }

    /// Whether the event has more than one metric, those aside that the input ignores: only then the topic's is a prefix.
    private func hasSeveralMetrics(
        _ collector: borrowing EventCollector,
        _ payload: UnsafeRawBufferPointer
    ) -> Bool {
        var count = 0
        for index in 0..<collector.readingCount {
            if !metrics.isIgnored(collector.bytes(of: collector.reading(index).metric, in: payload)) { count += 1 }
            if count > 1 { return true }
        }
        return false
    }

    /// `given`: by the topic, to a bare value. Valid until the next name.
    private mutating func metricName(
        _ own: UnsafeRawBufferPointer,
        prefix: UnsafeRawBufferPointer?,
        _ given: UnsafeRawBufferPointer?
    ) -> UnsafeRawBufferPointer {
        guard let prefix else { return given ?? (own.isEmpty ? Normaliser.valueName : own) }
        name.removeAll()
        name.append(prefix)
        name.append(0x2E)
        name.append(own)
        return name.bytes
    }

    /// The name of a bare value that nothing names.
    private static var valueName: UnsafeRawBufferPointer {
        let name: StaticString = "value"
        return UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    }

    @inline(__always)
    private mutating func resolveMetric(
        _ name: UnsafeRawBufferPointer,
        device: Int32,
        kind: MetricKind,
        unit spelling: UnsafeRawBufferPointer
    ) -> MetricResolution {
        if let metric = metrics.existing(name),
            let slot = devices.metricSlot(device: device, metric: metric, metrics: metrics, units: &units)
        {
            return .known(metric: metric, slot: slot)
        }
        return introduceMetric(name, device: device, kind: kind, unit: spelling)
    }

    /// A name enters the tables only where the device has a place for it: no device can fill them for the others.
    private mutating func introduceMetric(
        _ name: UnsafeRawBufferPointer,
        device: Int32,
        kind: MetricKind,
        unit spelling: UnsafeRawBufferPointer
    ) -> MetricResolution {
        guard MetricTable.isName(name) else { return .refused(.invalidMetric) }
        if metrics.isIgnored(name) { return .ignored }
        guard devices.hasRoom(device: device, metric: name), let metric = metrics.id(of: name) else {
            return .refused(.tooManyMetrics)
        }
        let slot = devices.introduceMetric(
            device: device,
            metric: metric,
            kind: kind,
            unit: units.id(of: spelling),
            metrics: metrics,
            units: &units
        )
        return .known(metric: metric, slot: slot)
    }

    private mutating func unit(_ spelling: UnsafeRawBufferPointer, of slot: Int32) -> Int32 {
        guard !spelling.isEmpty else { return UnitTable.none }
        if let known = units.existing(spelling) { return known }
        guard UnitTable.isSpelling(spelling), devices.claimSpelling(slot) else { return UnitTable.none }
        return units.id(of: spelling)
    }

    // MARK: Encoding

    private mutating func encode(
        _ collector: borrowing EventCollector,
        _ payload: UnsafeRawBufferPointer,
        _ arrival: Arrival,
        device: Int32,
        time: Timestamp,
        clock: EventClock
    ) {
        encoder.begin(devicePrefix: devices.prefix(device), time: time, received: arrival.receivedAt, clock: clock)
        var hasUnits = false
        var hasStates = false
        var hasBad = false
        var hasRaw = false
        for reading in resolved {
            hasStates = hasStates || reading.isStoredState
            hasBad = hasBad || reading.isBad
            guard reading.isStoredNumber else { continue }
            hasUnits = hasUnits || reading.unit != UnitTable.none
            let nameFragment = metrics.nameFragment(reading.metric)
            if reading.isCalibrated {
                hasRaw = true
                encoder.pair(
                    .readings,
                    nameFragment: nameFragment,
                    number: reading.value * reading.scale + reading.offset
                )
            } else {
                encoder.pair(
                    .readings,
                    nameFragment: nameFragment,
                    json: collector.bytes(of: reading.text, in: payload)
                )
            }
        }
        if hasStates { encodeStates(collector, payload) }
        if hasUnits { encodeUnits() }
        encodeLabels(collector, payload, arrival, device: device)
        if hasBad { encodeBad(collector, payload) }
        if hasRaw { encodeRaw(collector, payload) }
        encoder.end(
            quality: hasBad ? .bad : .good,
            calibration: hasRaw ? devices.slot(device).calibration : nil,
            sequence: collector.sequence,
            isRetained: arrival.isRetained
        )
    }

    private mutating func encodeStates(_ collector: borrowing EventCollector, _ payload: UnsafeRawBufferPointer) {
        for reading in resolved where reading.isStoredState {
            encoder.pair(
                .states,
                nameFragment: metrics.nameFragment(reading.metric),
                text: collector.bytes(of: reading.text, in: payload)
            )
        }
    }

    private mutating func encodeUnits() {
        for reading in resolved where reading.isStoredNumber && reading.unit != UnitTable.none {
            encoder.pair(
                .units,
                nameFragment: metrics.nameFragment(reading.metric),
                json: units.fragment(reading.unit)
            )
        }
    }

    private mutating func encodeBad(_ collector: borrowing EventCollector, _ payload: UnsafeRawBufferPointer) {
        for reading in resolved where reading.isBad {
            encoder.badValue(
                nameFragment: metrics.nameFragment(reading.metric),
                text: collector.bytes(of: reading.text, in: payload),
                reason: reading.badReason
            )
        }
    }

    private mutating func encodeRaw(_ collector: borrowing EventCollector, _ payload: UnsafeRawBufferPointer) {
        for reading in resolved where reading.isCalibrated {
            encoder.pair(
                .raw,
                nameFragment: metrics.nameFragment(reading.metric),
                json: collector.bytes(of: reading.text, in: payload)
            )
        }
    }

    /// Payload tags, overlaid by topic captures, overlaid by the registry's.
    private mutating func encodeLabels(
        _ collector: borrowing EventCollector,
        _ payload: UnsafeRawBufferPointer,
        _ arrival: Arrival,
        device: Int32
    ) {
        let registryLabels = devices.labels(device)
        guard collector.labelCount > 0 || arrival.topicLabels.count > 0 else {
            return encoder.labels(members: registryLabels)
        }
        labelMembers.removeAll()
        for index in 0..<collector.labelCount {
            let label = collector.label(index)
            let key = collector.bytes(of: label.key, in: payload)
            if isRepeatedLater(key, after: index, collector, payload) {
                leftOutCount += 1
                continue
            }
            guard !isCaptured(key, arrival.topicLabels), !devices.hasRegistryLabel(device, key) else { continue }
            appendLabel(key, collector.bytes(of: label.value, in: payload))
        }
        for index in 0..<arrival.topicLabels.count {
            let label = arrival.topicLabels[index]
            guard !devices.hasRegistryLabel(device, label.name) else { continue }
            appendLabel(label.name, label.value)
        }
        if registryLabels.count > 0 {
            if labelMembers.count > 0 { labelMembers.append(0x2C) }
            labelMembers.append(registryLabels)
        }
        encoder.labels(members: labelMembers.bytes)
    }

    private func isCaptured(_ key: UnsafeRawBufferPointer, _ captures: TopicLabels) -> Bool {
        for index in 0..<captures.count where captures[index].name.elementsEqual(key) { return true }
        return false
    }

    private func isRepeatedLater(
        _ key: UnsafeRawBufferPointer,
        after index: Int,
        _ collector: borrowing EventCollector,
        _ payload: UnsafeRawBufferPointer
    ) -> Bool {
        for later in (index + 1)..<max(index + 1, collector.labelCount)
        where collector.bytes(of: collector.label(later).key, in: payload).elementsEqual(key) {
            return true
        }
        return false
    }

    /// Keys and values that are no printable UTF-8 or too long, and empty keys, are left out and counted.
    private mutating func appendLabel(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        guard key.count > 0, key.count <= NameLimits.nameBytesMax, value.count <= NameLimits.labelValueBytesMax,
            UTF8Text.isPrintable(key), UTF8Text.isPrintable(value)
        else {
            leftOutCount += 1
            return
        }
        if labelMembers.count > 0 { labelMembers.append(0x2C) }
        EventEncoder.appendName(key, to: &labelMembers)
        EventEncoder.appendString(value, to: &labelMembers)
    }
}
