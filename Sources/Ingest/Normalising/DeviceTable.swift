// What one input's thread knows of each device and of each (device, metric): the registry's snapshot, resolved once.
internal import EventModel
internal import Platform
internal import CommitLog

/// Who may appear in the registry on its own.
package enum Registration: Hashable, Sendable {
    case automatic
    /// Only devices that the registry knows.
    case allowList
}

/// A device as an input's thread sees it.
struct DeviceSlot: BitwiseCopyable {
    /// `{"device":"…","time":"`
    var prefix: FragmentRange
    /// Members of the registry's labels, escaped: `"line":"a","name":"Walk-in"`.
    var labels: FragmentRange
    var hasLabels: Bool
    var partition: Int32
    var metricCount: Int32
    var calibration: Int32
    /// Set where the registry blocks it.
    var isRefused: Bool
    /// The directory snapshot that this was resolved from.
    var generation: UInt64
    /// Receive time of the last event not yet reported; 0 where there is none.
    var lastSeen: Int64
    var sequence = SequenceTracker()
    /// Its place among the sequence gaps that the ledger has not got yet; -1 where there is none.
    var gapPlace: Int32 = -1
}

/// What became of a device id.
enum DeviceResolution {
    /// Its slot.
    case known(Int32)
    case refused(RejectReason)
}

/// A (device, metric) as an input's thread sees it.
struct MetricSlot: BitwiseCopyable {
    var kind: MetricKind
    var scale: Double
    var offset: Double
    /// The registry's unit.
    var unit: Int32
    var generation: UInt64
    /// The last event that named it: a second time in one event replaces the first.
    var eventSerial: UInt64
    /// Its place among the resolved readings of that event.
    var eventIndex: Int32
    /// Spellings of its unit that it added to the table, beside its first.
    var spellingCount: Int32

    @inline(__always)
    var isCalibrated: Bool { scale != 1 || offset != 0 }
}

/// The devices of one input. Owned by the input's thread. Slots are resolved again, one by one and when next heard,
/// after the registry has published a new snapshot.
struct DeviceTable: ~Copyable {
    private var interner: Interner
    private(set) var slots: [DeviceSlot] = []
    private var fragments = ByteBuilder(capacity: 16 * 1024)
    private var labelKeys: [[[UInt8]]] = []
    private var pairs = SlotIndex()
    private var metricSlots: [MetricSlot] = []
    private var touched: [Int32] = []
    private var sequenceGaps = SequenceGaps()
    private var directory: DeviceDirectory
    private var generation: UInt64

    private let feed: DirectoryFeed
    private let sightings: DeviceSightings
    private let input: String
    private let registration: Registration
    private let metricsMax: Int
    private let partitionCount: Int

    init(
        input: String,
        feed: DirectoryFeed,
        sightings: DeviceSightings,
        registration: Registration,
        metricsMax: Int,
        partitionCount: Int,
        hashSeed: UInt64
    ) {
        self.input = input
        self.feed = feed
        self.sightings = sightings
        self.registration = registration
        self.metricsMax = metricsMax
        self.partitionCount = max(1, partitionCount)
        interner = Interner(seed: hashSeed, capacityMax: NameLimits.devicesMax)
        (directory, generation) = feed.latest()
    }

    /// Looks for a new snapshot of the registry; an atomic load where there is none. Once per wake-up.
    mutating func refresh() {
        guard feed.generation != generation else { return }
        (directory, generation) = feed.latest()
    }

    /// The device called `name`, or why its events are refused. A device nobody knows takes a place of the shared budget.
    @inline(__always)
    mutating func resolve(_ name: UnsafeRawBufferPointer, at time: Timestamp) -> DeviceResolution {
        guard let id = interner.existing(name) else { return introduce(name, at: time) }
        if slots[Int(id)].generation != generation { resolveAgain(id) }
        return slots[Int(id)].isRefused ? .refused(.unknownDevice) : .known(id)
    }

    private mutating func introduce(_ name: UnsafeRawBufferPointer, at time: Timestamp) -> DeviceResolution {
        guard (1...NameLimits.nameBytesMax).contains(name.count), UTF8Text.isPrintable(name) else {
            return .refused(.invalidDevice)
        }
        let device = String(decoding: name, as: UTF8.self)
        let entry = directory.devices[device]
        if entry == nil {
            guard registration == .automatic else { return .refused(.unknownDevice) }
            guard sightings.claim(device: device, input: input, at: time) else { return .refused(.tooManyDevices) }
        }
        guard let id = interner.id(of: name) else { return .refused(.tooManyDevices) }
        let start = fragments.count
        EventEncoder.appendDevicePrefix(name, to: &fragments)
        slots.append(
            DeviceSlot(
                prefix: FragmentRange(start: start, count: fragments.count - start),
                labels: .none,
                hasLabels: false,
                partition: Partitioner.partition(key: name, count: partitionCount).value,
                metricCount: Int32(clamping: entry?.metrics.count ?? 0),
                calibration: 0,
                isRefused: false,
                generation: generation,
                lastSeen: 0
            )
        )
        labelKeys.append([])
        apply(entry, to: id)
        return slots[Int(id)].isRefused ? .refused(.unknownDevice) : .known(id)
    }

    private mutating func resolveAgain(_ id: Int32) {
        slots[Int(id)].generation = generation
        apply(directory.devices[interner.string(of: id)], to: id)
    }

    private mutating func apply(_ entry: DeviceEntry?, to id: Int32) {
        let labels = DeviceTable.stampedLabels(entry)
        var members = ByteBuilder(capacity: 256)
        for (key, value) in labels {
            if members.count > 0 { members.append(0x2C) }
            var (key, value) = (key, value)
            key.withUTF8 { EventEncoder.appendName(UnsafeRawBufferPointer($0), to: &members) }
            value.withUTF8 { EventEncoder.appendString(UnsafeRawBufferPointer($0), to: &members) }
        }
        if !members.bytes.elementsEqual(fragments.bytes(slots[Int(id)].labels)) {
            let start = fragments.count
            fragments.append(members.bytes)
            slots[Int(id)].labels = FragmentRange(start: start, count: members.count)
            labelKeys[Int(id)] = labels.map { Array($0.key.utf8) }
        }
        slots[Int(id)].hasLabels = !labels.isEmpty
        slots[Int(id)].calibration = Int32(clamping: entry?.calibrationRevision ?? 0)
        slots[Int(id)].isRefused = entry.map { $0.state == .blocked } ?? (registration == .allowList)
    }

    /// The registry's labels as they are stamped: its own, and name, location and profile, which rules match by and
    /// alerts speak of. In the order of their keys.
    private static func stampedLabels(_ entry: DeviceEntry?) -> [(key: String, value: String)] {
        guard let entry else { return [] }
        var labels = entry.labels
        if let name = entry.name { labels["name"] = name }
        if let location = entry.location { labels["location"] = location }
        if let profile = entry.profile { labels["profile"] = profile }
        return labels.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    // MARK: Metrics

    /// The slot of a metric of a device; nil where the pair is new.
    @inline(__always)
    mutating func metricSlot(
        device: Int32,
        metric: Int32,
        metrics: borrowing MetricTable,
        units: inout UnitTable
    ) -> Int32? {
        guard let slot = pairs.value(DeviceTable.pair(device, metric)) else { return nil }
        if metricSlots[Int(slot)].generation != generation {
            resolveMetricAgain(slot, device: device, metric: metrics.name(metric), units: &units)
        }
        return slot
    }

    @inline(__always)
    private static func pair(_ device: Int32, _ metric: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: device)) << 32 | UInt64(UInt32(bitPattern: metric))
    }

    /// Whether a device may have a metric that it has no slot for: the registry gives it one, or it is not at its limit.
    func hasRoom(device: Int32, metric name: UnsafeRawBufferPointer) -> Bool {
        if Int(slots[Int(device)].metricCount) < metricsMax { return true }
        let entry = directory.devices[interner.string(of: device)]
        return entry?.metrics[String(decoding: name, as: UTF8.self)] != nil
    }

    /// Makes the slot of a new pair. Only where the device `hasRoom`.
    mutating func introduceMetric(
        device: Int32,
        metric: Int32,
        kind: MetricKind,
        unit: Int32,
        metrics: borrowing MetricTable,
        units: inout UnitTable
    ) -> Int32 {
        let deviceName = interner.string(of: device)
        let name = metrics.name(metric)
        let entry = directory.devices[deviceName]?.metrics[name]
        var kind = kind
        if entry == nil {
            slots[Int(device)].metricCount += 1
            let unitName = unit == UnitTable.none ? nil : units.name(unit)
            kind = sightings.claim(MetricSighting(device: deviceName, metric: name, kind: kind, unit: unitName))
        }
        metricSlots.append(
            MetricSlot(
                kind: entry?.kind ?? kind,
                scale: entry?.scale ?? 1,
                offset: entry?.offset ?? 0,
                unit: entry?.unit.map { units.id(of: $0) } ?? UnitTable.none,
                generation: generation,
                eventSerial: 0,
                eventIndex: 0,
                spellingCount: 0
            )
        )
        let slot = Int32(metricSlots.count - 1)
        pairs.insert(DeviceTable.pair(device, metric), slot)
        return slot
    }

    /// Whether a metric may add one more spelling of its unit to the table; notes that it does.
    mutating func claimSpelling(_ slot: Int32) -> Bool {
        guard metricSlots[Int(slot)].spellingCount < NameLimits.spellingsPerMetricMax else { return false }
        metricSlots[Int(slot)].spellingCount += 1
        return true
    }

    private mutating func resolveMetricAgain(_ slot: Int32, device: Int32, metric: String, units: inout UnitTable) {
        metricSlots[Int(slot)].generation = generation
        guard let entry = directory.devices[interner.string(of: device)]?.metrics[metric] else { return }
        metricSlots[Int(slot)].kind = entry.kind
        metricSlots[Int(slot)].scale = entry.scale
        metricSlots[Int(slot)].offset = entry.offset
        metricSlots[Int(slot)].unit = entry.unit.map { units.id(of: $0) } ?? UnitTable.none
    }

    @inline(__always)
    func metric(_ slot: Int32) -> MetricSlot { metricSlots[Int(slot)] }

    /// Notes that the event `serial` has the metric at `index` of its readings; the index it had before where this
    /// event has named it already.
    @inline(__always)
    mutating func claim(_ slot: Int32, event serial: UInt64, index: Int) -> Int? {
        if metricSlots[Int(slot)].eventSerial == serial { return Int(metricSlots[Int(slot)].eventIndex) }
        metricSlots[Int(slot)].eventSerial = serial
        metricSlots[Int(slot)].eventIndex = Int32(truncatingIfNeeded: index)
        return nil
    }

    // MARK: Of a device

    @inline(__always)
    func slot(_ id: Int32) -> DeviceSlot { slots[Int(id)] }

    func name(_ id: Int32) -> UnsafeRawBufferPointer { interner.bytes(of: id) }

    func prefix(_ id: Int32) -> UnsafeRawBufferPointer { fragments.bytes(slots[Int(id)].prefix) }

    func labels(_ id: Int32) -> UnsafeRawBufferPointer { fragments.bytes(slots[Int(id)].labels) }

    func hasRegistryLabel(_ id: Int32, _ key: UnsafeRawBufferPointer) -> Bool {
        labelKeys[Int(id)].contains { $0.elementsEqual(key) }
    }

    // MARK: Sequence numbers

    @inline(__always)
    mutating func noteSequence(_ sequence: UInt64, of id: Int32, at time: Timestamp) {
        switch slots[Int(id)].sequence.note(sequence) {
        case .nothing: return
        case .missing(let numbers): noteGap(numbers, isLate: false, of: id, at: time)
        case .late: noteGap(sequence...sequence, isLate: true, of: id, at: time)
        }
    }

    private mutating func noteGap(_ numbers: ClosedRange<UInt64>, isLate: Bool, of id: Int32, at time: Timestamp) {
        sequenceGaps.add(numbers, isLate: isLate, at: time, device: id, place: &slots[Int(id)].gapPlace)
    }

    var hasSequenceGaps: Bool { !sequenceGaps.isEmpty }

    /// Moves what was found to the ledger.
    mutating func writeSequenceGaps(to ledger: inout GapLedger) {
        for gap in sequenceGaps.gaps {
            ledger.write(gap, device: gap.device < 0 ? nil : interner.string(of: gap.device))
            if gap.device >= 0 { slots[Int(gap.device)].gapPlace = -1 }
        }
        sequenceGaps.removeAll()
    }

    // MARK: Last seen

    @inline(__always)
    mutating func touch(_ id: Int32, at time: Timestamp) {
        if slots[Int(id)].lastSeen == 0 { touched.append(id) }
        slots[Int(id)].lastSeen = max(1, time.milliseconds)
    }

    /// Tells the registry when each device was last heard. Every few seconds, not per event.
    mutating func reportLastSeen() {
        guard !touched.isEmpty else { return }
        var times: [String: Timestamp] = [:]
        times.reserveCapacity(touched.count)
        for id in touched {
            times[interner.string(of: id)] = Timestamp(milliseconds: slots[Int(id)].lastSeen)
            slots[Int(id)].lastSeen = 0
        }
        touched.removeAll(keepingCapacity: true)
        sightings.noteLastSeen(times)
    }
}
