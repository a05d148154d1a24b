// Which column of a CSV row means what: from `columns`, from a header line, or the default.
internal import EventModel

/// What one column means.
struct CSVColumn: BitwiseCopyable {
    var role: FieldRole
    /// The column's name, counted from the start of the layout's names.
    var nameStart: Int
    var nameCount: Int
}

/// The columns in force. Allocates when it is created, never later; a header that does not fit is refused.
struct CSVLayout: ~Copyable {
    static let columnsMax = 128
    static let nameBytesMax = 8192

    private(set) var columnCount = 0
    /// A row with fewer fields is refused.
    private(set) var requiredCount = 0
    private var nameBytes = 0
    private let columns: UnsafeMutableBufferPointer<CSVColumn>
    private let names: UnsafeMutableRawBufferPointer

    init() {
        columns = .allocate(capacity: CSVLayout.columnsMax)
        names = .allocate(byteCount: CSVLayout.nameBytesMax, alignment: 8)
    }

    deinit {
        columns.deallocate()
        names.deallocate()
    }

    mutating func removeAll() {
        columnCount = 0
        requiredCount = 0
        nameBytes = 0
    }

    /// Adds a column with its name; false where it does not fit. Without `isRequired`, a row may end before it.
    mutating func append(_ name: UnsafeRawBufferPointer, role: FieldRole, isRequired: Bool = true) -> Bool {
        guard columnCount < CSVLayout.columnsMax, name.count <= EventCollector.metricBytesMax,
            name.count <= CSVLayout.nameBytesMax &- nameBytes
        else { return false }
        UnsafeMutableRawBufferPointer(rebasing: names[nameBytes...]).copyMemory(from: name)
        columns[columnCount] = CSVColumn(role: role, nameStart: nameBytes, nameCount: name.count)
        nameBytes &+= name.count
        columnCount &+= 1
        if isRequired { requiredCount = columnCount }
        return true
    }

    /// `device,metric,value[,time]`, the layout of rows that nobody described.
    mutating func becomeDefault() {
        removeAll()
        let isComplete =
            append("device", role: .device(rank: 1)) && append("metric", role: .metric)
            && append("value", role: .value) && append("time", role: .time, isRequired: false)
        precondition(isComplete, "four short names fit")
    }

    private mutating func append(_ name: StaticString, role: FieldRole, isRequired: Bool = true) -> Bool {
        let bytes = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        return append(bytes, role: role, isRequired: isRequired)
    }

    func column(_ index: Int) -> CSVColumn {
        precondition(index >= 0 && index < columnCount, "column index out of range")
        return columns[index]
    }

    /// Copies all names to the start of the collector's scratch, so that column names can be text of an event; false
    /// where they do not fit.
    func appendNames(to collector: inout EventCollector) -> Bool {
        let used = UnsafeRawBufferPointer(rebasing: names[..<nameBytes])
        return collector.appendToScratch(used.bytes, start: 0, count: used.count)
    }
}
