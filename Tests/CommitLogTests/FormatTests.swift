// The file FORMAT: another version is refused, damage never stops the log.
import CommitLog
import Platform
import Testing

@Suite("FORMAT")
struct FormatTests {
    private static let whole = Array("forebay-log 1\nforebay-log 1\n".utf8)

    private func log(in directory: TemporaryDirectory) throws {
        let fixture = try LogFixture(directory.path)
        try fixture.append(["kept"])
        fixture.writer.close()
    }

    @Test("every byte lost or changed is damage that is put aside and reported; another version is refused")
    func everyByte() throws {
        let directory = try TemporaryDirectory()
        try log(in: directory)
        let path = directory.path + "/FORMAT"
        // One line alone is whole.
        var damaged = Self.whole.indices.filter { 2 * $0 != Self.whole.count }.map { Array(Self.whole[..<$0]) }
        damaged.append([UInt8](repeating: 0, count: 14))
        damaged.append(Array("forebay-log -1\n".utf8))
        damaged.append(Array("forebay-log 12345678901234567890\n".utf8))
        damaged.append([UInt8](repeating: 0x41, count: 5000))
        for index in Self.whole.indices {
            for bit in 0..<8 {
                var bytes = Self.whole
                bytes[index] ^= 1 << bit
                damaged.append(bytes)
            }
        }
        for bytes in damaged {
            try write(bytes, to: path)
            let fixture = try LogFixture(directory.path, disk: FaultyDisk())
            let kept = try #require(fixture.log.recoveryReport.keptFormat)
            #expect(try contents(of: kept) == bytes)
            #expect(try contents(of: path) == Self.whole)
            #expect(try fixture.values() == ["kept"])
            try PosixDisk().remove(kept)
        }
        for other in ["forebay-log 2\n", "forebay-log 12\nforebay-log 12\n", "forebay-log 0\n"] {
            try write(Array(other.utf8), to: path)
            let error = #expect(throws: LogError.self) { try LogFixture(directory.path) }
            #expect(error?.code == .unsupportedFormat)
            #expect(try contents(of: path) == Array(other.utf8))
        }
    }

    @Test("opened for reading only, a damaged FORMAT stays as it is")
    func readOnly() throws {
        let directory = try TemporaryDirectory()
        try log(in: directory)
        try write([1, 2, 3], to: directory.path + "/FORMAT")
        let configuration = LogConfiguration(directory: directory.path, topics: [:])
        let log = try CommitLog.open(configuration, disk: PosixDisk(), clock: ManualClock(), access: .readOnly)
        #expect(!log.recoveryReport.isEmpty)
        #expect(try LogFixture.records(log).count == 1)
        #expect(try contents(of: directory.path + "/FORMAT") == [1, 2, 3])
    }

    @Test("a directory without FORMAT and without partitions holds no log")
    func empty() throws {
        let directory = try TemporaryDirectory()
        let configuration = LogConfiguration(directory: directory.path, topics: [:])
        let log = try CommitLog.open(configuration, disk: PosixDisk(), clock: ManualClock(), access: .readOnly)
        #expect(log.recoveryReport.isEmpty)
    }
}
