// Sends the fleet line by line.

/// The loop that writes lines, and what it has written over several plugs.
struct SerialSender: ~Copyable {
    private var source: PayloadSource
    private let lineEnd: StaticString
    private let count: UInt64
    private var pacer: Pacer
    private let rate: Double
    private var buffer = PayloadBuffer(capacity: 1024)
    private var offered: UInt64 = 0
    private var replugged: UInt64 = 0
    private var counts = SendingReport()

    init(source: consuming PayloadSource, lineEnd: StaticString, rate: Double, count: UInt64) {
        self.source = source
        self.lineEnd = lineEnd
        self.rate = rate
        self.count = count
        pacer = Pacer(rate: rate)
    }

    /// Whether everything is sent or a stop was asked for.
    var isFinished: Bool {
        isStopRequested() || (count > 0 && offered >= count)
    }

    var report: SendingReport {
        var report = counts
        report.extra = [("replugged", replugged)]
        return report
    }

    mutating func countReplug() {
        replugged += 1
    }

    /// Writes up to `lines` lines (0: without end), and waits until they were read. A line that could not be written
    /// whole, because its reader left, is not counted.
    mutating func run(_ line: borrowing SerialLine, lines: UInt64) throws(SerialLineError) {
        guard line.waitForReader() else { return }
        pacer = Pacer(rate: rate)
        var written: UInt64 = 0
        while !isFinished, lines == 0 || written < lines {
            if !line.hasReader {
                guard line.waitForReader() else { return }
                pacer = Pacer(rate: rate)
            }
            let now = monotonicNanoseconds()
            guard pacer.due(at: now, limit: 1) == 1 else {
                pacer.sleepUntilDue(from: now, step: 1_000_000)
                continue
            }
            buffer.removeAll()
            let content = source.appendNext(readings: 1, to: &buffer)
            buffer.append(lineEnd)
            pacer.take(1)
            offered += 1
            written += 1
            guard try line.write(buffer) == buffer.count else { continue }
            counts.count(content, bytes: buffer.count)
        }
        line.drain()
    }
}
