// Sends the fleet as datagrams: many per system call, paced.
internal import CSimulator
import Glibc

/// A connected UDP socket and the loop that feeds it.
struct DatagramSender: ~Copyable {
    /// One train of UDP_SEGMENT must fit into one IP packet.
    private static let trainBytesMax = 64_000
    private static let wakeUp: Int64 = 1_000_000

    private let socket: Int32
    private let readingsPerDatagram: Int
    private let trains: Bool
    private var buffer = PayloadBuffer(capacity: 128 * 1024)
    private var ends: [UInt32] = []
    /// Of the datagrams in `buffer`.
    private var contents: [PayloadContent] = []
    private var report = SendingReport()
    private var refused: UInt64 = 0

    /// Takes over `socket`, which is closed at the end.
    init(socket: Int32, readingsPerDatagram: Int, trains: Bool) {
        self.socket = socket
        self.readingsPerDatagram = readingsPerDatagram
        self.trains = trains
    }

    deinit {
        close(socket)
    }

    /// Sends until `count` readings are out (0: without end) or a stop is asked for. Throws the errno of a send that
    /// cannot be repeated; the report holds what went before.
    mutating func run(_ source: inout PayloadSource, rate: Double, count: UInt64) -> (SendingReport, failure: Int32?) {
        var pacer = Pacer(rate: rate)
        var offered: UInt64 = 0
        var failure: Int32?
        while !isStopRequested(), count == 0 || offered < count, failure == nil {
            let now = monotonicNanoseconds()
            let room = Int(SIM_DATAGRAMS_MAX) * readingsPerDatagram
            let left = count == 0 ? UInt64(room) : min(UInt64(room), count - offered)
            var due = pacer.due(at: now, limit: Int(left))
            // A datagram is due when its last reading is.
            if due < Int(left) { due -= due % readingsPerDatagram }
            if due == 0 {
                pacer.sleepUntilDue(from: now, step: Self.wakeUp)
                continue
            }
            fill(&source, readings: due)
            failure = flush()
            pacer.take(due)
            offered += UInt64(due)
        }
        report.extra = [("refused", refused)]
        return (report, failure)
    }

    private mutating func fill(_ source: inout PayloadSource, readings: Int) {
        buffer.removeAll()
        ends.removeAll(keepingCapacity: true)
        contents.removeAll(keepingCapacity: true)
        var left = readings
        while left > 0 {
            contents.append(source.appendNext(readings: min(left, readingsPerDatagram), to: &buffer))
            left -= min(left, readingsPerDatagram)
            ends.append(UInt32(buffer.count))
        }
    }

    /// Sends what `fill` wrote, and counts what was sent; returns the errno of a failure that no repetition cures.
    private mutating func flush() -> Int32? {
        let (sent, failure) = trains ? flushTrains() : flushDatagrams()
        for index in 0..<sent {
            report.count(contents[index], bytes: Int(ends[index] - (index == 0 ? 0 : ends[index - 1])))
        }
        return failure
    }

    private mutating func flushDatagrams() -> (sent: Int, failure: Int32?) {
        var sent = 0
        var refusedHere: UInt64 = 0
        let failure: Int32? = buffer.withBytes { bytes in
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return nil }
            while sent < ends.count {
                let start = sent == 0 ? 0 : ends[sent - 1]
                let rest = ends[sent...].map { $0 - start }
                let result = sim_send_datagrams(socket, base + Int(start), rest, Int32(rest.count))
                if result > 0 {
                    sent += Int(result)
                } else if let fatal = Self.fatal(-result, &refusedHere) {
                    return fatal
                }
            }
            return nil
        }
        refused += refusedHere
        return (sent, failure)
    }

    /// Datagrams of one length go as one train; a shorter one may end it (udp(7)).
    private mutating func flushTrains() -> (sent: Int, failure: Int32?) {
        var refusedHere: UInt64 = 0
        var first = 0
        let failure: Int32? = buffer.withBytes { bytes in
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return nil }
            while first < ends.count {
                let start = first == 0 ? 0 : Int(ends[first - 1])
                let segment = Int(ends[first]) - start
                var next = first + 1
                while next < ends.count, Int(ends[next] - ends[next - 1]) == segment,
                    Int(ends[next]) - start <= Self.trainBytesMax
                { next += 1 }
                if next < ends.count, Int(ends[next] - ends[next - 1]) < segment,
                    Int(ends[next]) - start <= Self.trainBytesMax
                {
                    next += 1
                }
                let length = Int(ends[next - 1]) - start
                let result = sim_send_train(socket, base + start, length, UInt16(clamping: segment))
                if result == 0 {
                    first = next
                } else if let fatal = Self.fatal(-result, &refusedHere) {
                    return fatal
                }
            }
            return nil
        }
        refused += refusedHere
        return (first, failure)
    }

    /// Nil where the call is to be repeated. A refusal is the answer to an earlier datagram that nobody received; the
    /// kernel tells it once and sends nothing in that call.
    private static func fatal(_ code: Int32, _ refused: inout UInt64) -> Int32? {
        switch code {
        case EINTR, EAGAIN: return nil
        case ENOBUFS:
            Pacer.sleep(wakeUp)
            return nil
        case ECONNREFUSED:
            refused += 1
            return nil
        default: return code
        }
    }
}
