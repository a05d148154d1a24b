// The names that repeat in every event, interned once and kept as escaped fragments: metrics and units.
internal import EventModel

/// Bounds of the name tables, with their reasons.
enum NameLimits {
    /// Longest device id and metric name, in bytes (CONTRACT section 3).
    static let nameBytesMax = 128
    /// Longest value of a label; a longer one is left out.
    static let labelValueBytesMax = 256
    /// Distinct metric names of one input: 10,000 devices share a few hundred; forged names end here.
    static let metricNamesMax = 65_536
    /// Distinct spellings of units; beyond it a unit is left out.
    static let unitsMax = 4096
    /// Devices of one input, whatever the registry's own limit: 1,000,000 slots are 100 MB.
    static let devicesMax = 1_000_000
}

/// Metric names of one input.
struct MetricTable: ~Copyable {
    struct Metric: BitwiseCopyable {
        /// `"temperature":`
        var nameFragment: FragmentRange
        /// Matches an `ignore` pattern of the input.
        var isIgnored: Bool
    }

    private var interner: Interner
    private var metrics: [Metric] = []
    private var fragments = ByteBuilder(capacity: 4096)
    private let ignore: [Glob]

    init(ignore: [Glob], hashSeed: UInt64) {
        self.ignore = ignore
        interner = Interner(seed: hashSeed, capacityMax: NameLimits.metricNamesMax)
    }

    /// The id of a name; nil where it is no name or the table is full.
    @inline(__always)
    mutating func id(of name: UnsafeRawBufferPointer) -> Int32? {
        interner.existing(name) ?? insert(name)
    }

    private mutating func insert(_ name: UnsafeRawBufferPointer) -> Int32? {
        guard (1...NameLimits.nameBytesMax).contains(name.count), UTF8Text.isPrintable(name),
            let id = interner.id(of: name)
        else { return nil }
        let start = fragments.count
        EventEncoder.appendName(name, to: &fragments)
        let fragment = FragmentRange(start: start, count: fragments.count - start)
        metrics.append(Metric(nameFragment: fragment, isIgnored: ignore.contains { $0.matches(name) }))
        return id
    }

    @inline(__always)
    func isIgnored(_ id: Int32) -> Bool { metrics[Int(id)].isIgnored }

    @inline(__always)
    func nameFragment(_ id: Int32) -> UnsafeRawBufferPointer { fragments.bytes(metrics[Int(id)].nameFragment) }

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

    /// The id of a spelling; `none` where it is empty, too long, not printable, or the table is full.
    mutating func id(of spelling: UnsafeRawBufferPointer) -> Int32 {
        if let id = interner.existing(spelling) { return id }
        guard (1...UnitName.bytesMax).contains(spelling.count), UTF8Text.isPrintable(spelling),
            let id = interner.id(of: spelling)
        else { return UnitTable.none }
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
