// The names that repeat in every event, interned once and kept as escaped fragments: metrics and units.
internal import EventModel

/// Bounds of the name tables, with their reasons.
enum NameLimits {
    /// Longest device id and metric name, in bytes (CONTRACT section 3).
    static let nameBytesMax = 128
    /// Longest value of a label; a longer one is left out.
    static let labelValueBytesMax = 256
    /// Distinct metric names of one input: 10,000 devices share a few hundred. A device adds as many as it may have metrics.
    static let metricNamesMax = 65_536
    /// Distinct spellings of units; beyond it a unit is left out.
    static let unitsMax = 4096
    /// Spellings that one metric of one device may add beside its first: a sensor has one, and may be set to another.
    static let spellingsPerMetricMax = 4
    /// Devices of one input, whatever the registry's own limit: 1,000,000 slots are 100 MB.
    static let devicesMax = 1_000_000
}

/// Metric names of one input, without those that it ignores.
struct MetricTable: ~Copyable {
    private var interner: Interner
    /// Of each name, `"temperature":`.
    private var nameFragments: [FragmentRange] = []
    private var fragments = ByteBuilder(capacity: 4096)
    private let ignore: [Glob]

    init(ignore: [Glob], hashSeed: UInt64) {
        self.ignore = ignore
        interner = Interner(seed: hashSeed, capacityMax: NameLimits.metricNamesMax)
    }

    static func isName(_ name: UnsafeRawBufferPointer) -> Bool {
        (1...NameLimits.nameBytesMax).contains(name.count) && UTF8Text.isPrintable(name)
    }

    /// Whether the name matches an `ignore` pattern of the input.
    func isIgnored(_ name: UnsafeRawBufferPointer) -> Bool {
        for pattern in ignore where pattern.matches(name) { return true }
        return false
    }

    /// The id of a known name.
    @inline(__always)
    func existing(_ name: UnsafeRawBufferPointer) -> Int32? {
        interner.existing(name)
    }

    /// The id of a name, given now where it is new; nil where the table is full. Only for what `isName`.
    mutating func id(of name: UnsafeRawBufferPointer) -> Int32? {
        if let known = interner.existing(name) { return known }
        guard let id = interner.id(of: name) else { return nil }
        let start = fragments.count
        EventEncoder.appendName(name, to: &fragments)
        nameFragments.append(FragmentRange(start: start, count: fragments.count - start))
        return id
    }

    @inline(__always)
    func nameFragment(_ id: Int32) -> UnsafeRawBufferPointer { fragments.bytes(nameFragments[Int(id)]) }

    func name(_ id: Int32) -> String { interner.string(of: id) }
}

/// Units of one input: any spelling to the canonical one's JSON text.
struct UnitTable: ~Copyable {
    static let none: Int32 = -1

    private var interner: Interner
    private var canonical: [FragmentRange] = []
    private var fragments = ByteBuilder(capacity: 512)

    init(hashSeed: UInt64) {
        interner = Interner(seed: hashSeed, capacityMax: NameLimits.unitsMax)
    }

    static func isSpelling(_ spelling: UnsafeRawBufferPointer) -> Bool {
        (1...UnitName.bytesMax).contains(spelling.count) && UTF8Text.isPrintable(spelling)
    }

    /// The id of a known spelling.
    func existing(_ spelling: UnsafeRawBufferPointer) -> Int32? {
        interner.existing(spelling)
    }

    /// The id of a spelling, given now where it is new; `none` where it is empty, too long, not printable, or the table is
    /// full.
    mutating func id(of spelling: UnsafeRawBufferPointer) -> Int32 {
        if let id = interner.existing(spelling) { return id }
        guard UnitTable.isSpelling(spelling), let id = interner.id(of: spelling) else { return UnitTable.none }
        var name = UnitName.canonical(String(decoding: spelling, as: UTF8.self))
        let start = fragments.count
        name.withUTF8 { EventEncoder.appendString(UnsafeRawBufferPointer($0), to: &fragments) }
        canonical.append(FragmentRange(start: start, count: fragments.count - start))
        return id
    }

    mutating func id(of spelling: String) -> Int32 {
        var spelling = spelling
        return spelling.withUTF8 { id(of: UnsafeRawBufferPointer($0)) }
    }

    /// `"°C"`, with its quotes.
    func fragment(_ id: Int32) -> UnsafeRawBufferPointer { fragments.bytes(canonical[Int(id)]) }

    /// The canonical spelling.
    func name(_ id: Int32) -> String {
        String(decoding: fragment(id).dropFirst().dropLast(), as: UTF8.self)
    }
}
