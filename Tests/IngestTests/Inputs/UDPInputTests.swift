// The UDP input on real sockets of the loopback.
import EventModel
import Glibc
import Ingest
import Platform
import Testing

private struct Listener {
    let harness: PipelineHarness
    let state = InputStateBox()
    let input: UDPInput

    init(
        _ host: String,
        port: UInt16 = 0,
        inboxBytesMax: Int = 64 << 20,
        change: (inout UDPInputSettings) -> Void = { _ in }
    ) throws {
        harness = try PipelineHarness(inboxBytesMax: inboxBytesMax)
        let address = try #require(HostAndPort("[\(host)]:\(port)", defaultPort: nil))
        var settings = UDPInputSettings(listen: address)
        change(&settings)
        input = UDPInput(
            settings: settings,
            pipeline: harness.pipeline,
            state: state,
            environment: .forTests(try ScratchDirectory())
        )
    }

    /// Opens the socket; its port.
    func start() throws -> UInt16 {
        try drive(input, "the socket is open: \(state.current.text)") { state.current.isUp }
        let text = try #require(state.current.details["listen"]?.split(separator: ":").last)
        return try #require(UInt16(text))
    }

    func until(received count: UInt64) throws {
        try drive(input, "\(count) received") { harness.counts.received >= count }
    }
}

/// A socket that sends to one port of the loopback.
private final class Sender {
    private let descriptor: Int32

    init(port: UInt16, isIPv6: Bool = false) throws {
        descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        let target = descriptor
        let code: Int32
        if isIPv6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_addr = in6addr_loopback
            code = withSocketAddress(&address) { connect(target, $0, $1) }
        } else {
            var address = loopback(port: port)
            code = withSocketAddress(&address) { connect(target, $0, $1) }
        }
        guard code == 0 else { throw TestFailure("connect: \(systemErrorText(errno))") }
    }

    deinit {
        close(descriptor)
    }

    func send(_ bytes: [UInt8]) throws {
        guard Glibc.send(descriptor, bytes, bytes.count, 0) == bytes.count else {
            throw TestFailure("send: \(systemErrorText(errno))")
        }
    }

    func send(_ text: String) throws {
        try send(Array(text.utf8))
    }
}

private func reading(_ number: Int) -> String { "{\"device\":\"d\",\"temperature\":\(number)}" }

@Suite("UDP input")
struct UDPInputTests {
    @Test("takes in datagrams in order and records the sender", arguments: [("127.0.0.1", false), ("::1", true)])
    func order(host: String, isIPv6: Bool) throws {
        let listener = try Listener(host)
        let sender = try Sender(port: try listener.start(), isIPv6: isIPv6)
        for number in 0..<700 { try sender.send(reading(number)) }
        try listener.until(received: 700)
        listener.input.finish()
        let records = try listener.harness.readings()
        #expect(records.count == 700)
        for (number, record) in records.enumerated() { #expect(record.value.contains("\"temperature\":\(number)")) }
        let from = try #require(records.first?.headers["from"])
        #expect(from.hasPrefix(isIPv6 ? "[::1]:" : "127.0.0.1:"))
        #expect(listener.harness.counts.appended == 700)
    }

    @Test("takes both families where it listens on all IPv6 addresses, and shows IPv4 senders as such")
    func dualStack() throws {
        let listener = try Listener("::")
        let port = try listener.start()
        try Sender(port: port).send(reading(1))
        try listener.until(received: 1)
        try Sender(port: port, isIPv6: true).send(reading(2))
        try listener.until(received: 2)
        listener.input.finish()
        let senders = try listener.harness.readings().compactMap { $0.headers["from"] }
        #expect(senders.count == 2)
        #expect(senders[0].hasPrefix("127.0.0.1:") && senders[1].hasPrefix("[::1]:"))
    }

    @Test("keeps datagrams of every length untouched", arguments: [1, 1535, 1536, 1537, 1600, 4096, 65_507])
    func lengths(length: Int) throws {
        let listener = try Listener("127.0.0.1")
        let sender = try Sender(port: try listener.start())
        // Not JSON, so that it is kept byte for byte as a reject; neighbours show that slots do not run into one another.
        let long = (0..<length).map { UInt8(0x41 + $0 % 23) }
        for _ in 0..<3 {
            try sender.send(long)
            try sender.send("short")
        }
        try listener.until(received: 6)
        listener.input.finish()
        let values = try listener.harness.rejects().map { Array($0.value.utf8) }
        let short = Array("short".utf8)
        // Compared outside of the macro, which would print 64 KiB.
        let areUntouched = values == [long, short, long, short, long, short]
        #expect(areUntouched)
    }

    @Test("rejects empty datagrams")
    func empty() throws {
        let listener = try Listener("127.0.0.1")
        let sender = try Sender(port: try listener.start())
        try sender.send("")
        try sender.send(reading(1))
        try listener.until(received: 2)
        listener.input.finish()
        #expect(listener.harness.counts.rejected == [.empty: 1])
        #expect(listener.harness.counts.appended == 1)
    }

    @Test("counts what the kernel dropped to the datagram: received is what was sent")
    func drops() throws {
        let listener = try Listener("127.0.0.1") { $0.receiveBufferBytes = 8192 }
        let sender = try Sender(port: try listener.start())
        let rounds = 5
        for round in 1...rounds {
            // Nobody reads meanwhile, so the buffer overflows, and the last datagrams are among the dropped.
            for number in 0..<400 { try sender.send(reading(number)) }
            try listener.until(received: UInt64(round) * 400)
        }
        listener.input.finish()
        let counts = listener.harness.counts
        let dropped = counts.dropped[.kernelBuffer] ?? 0
        #expect(dropped > 0)
        #expect(counts.received == UInt64(rounds) * 400)
        #expect(counts.appended + dropped == counts.received)
        #expect(UInt64(try listener.harness.readings().count) == counts.appended)
    }

    @Test("enters what the kernel dropped in topic gaps: exactly as many, and the numbers that the device missed")
    func gaps() throws {
        let listener = try Listener("127.0.0.1") { $0.receiveBufferBytes = 8192 }
        let sender = try Sender(port: try listener.start())
        var sent = 0
        for round in 1...5 {
            for _ in 0..<400 {
                try sender.send("{\"device\":\"d\",\"temperature\":1,\"seq\":\(sent)}")
                sent += 1
            }
            try listener.until(received: UInt64(round) * 400)
        }
        // The last one is not among the dropped, so that the device's numbers are complete.
        try sender.send("{\"device\":\"d\",\"temperature\":1,\"seq\":\(sent)}")
        sent += 1
        try listener.until(received: UInt64(sent))
        listener.input.finish()
        let dropped = listener.harness.counts.dropped[.kernelBuffer] ?? 0
        #expect(dropped > 0)
        let gaps = try listener.harness.gaps().map(GapSketch.init)
        #expect(gaps.allSatisfy { $0.input == "test" })
        #expect(GapSketch.sum(gaps, "kernel_buffer") == dropped)
        #expect(GapSketch.sum(gaps, "sequence") == dropped)
        #expect(GapSketch.sum(gaps, "sequence_late") == 0)
        #expect(listener.harness.counts.gaps == [.kernelBuffer: dropped, .sequence: dropped])
        let numbers = try listener.harness.readings().count
        #expect(numbers + Int(dropped) == sent)
        // A record that is missing would be found.
        #expect(
            GapSketch.sum(gaps.filter { $0 != gaps.first { $0.kind == "kernel_buffer" } }, "kernel_buffer") < dropped
        )
    }

    @Test("leaves datagrams with the kernel while the log takes nothing, and takes them in order afterwards")
    func fullInbox() throws {
        let listener = try Listener("127.0.0.1", inboxBytesMax: 1)
        let sender = try Sender(port: try listener.start())
        listener.harness.holdCommits()
        var sent = 0
        try repeatUntil("the inbox is full", { listener.harness.pipeline.isBlocked }) {
            for _ in 0..<100 {
                try? sender.send(reading(sent))
                sent += 1
            }
            listener.input.step()
        }
        let before = listener.harness.counts.received
        for _ in 0..<10 {
            try sender.send(reading(sent))
            sent += 1
            listener.input.step()
        }
        #expect(listener.harness.counts.received == before)
        listener.harness.releaseCommits()
        try listener.until(received: UInt64(sent))
        listener.input.finish()
        let records = try listener.harness.readings()
        #expect(records.count == sent)
        let isInOrder = records.enumerated().allSatisfy { $1.value.contains("\"temperature\":\($0)") }
        #expect(isInOrder)
    }

    @Test("shows what the kernel granted")
    func granted() throws {
        let listener = try Listener("127.0.0.1") { $0.receiveBufferBytes = 100_000 }
        _ = try listener.start()
        #expect(listener.state.current.details["receive_buffer"] == "200000")
        listener.input.finish()
    }

    @Test("says that the port is taken, and takes it when it is free")
    func portTaken() throws {
        let first = try Listener("127.0.0.1")
        let port = try first.start()
        let second = try Listener("127.0.0.1", port: port)
        second.input.step()
        #expect(!second.state.current.isUp)
        #expect(second.state.current.text == "cannot listen on 127.0.0.1:\(port): Address already in use")
        first.input.finish()
        #expect(try second.start() == port)
        second.input.finish()
    }

    @Test(
        "says that an address is none, or not of this box",
        arguments: [("example", "not an address"), ("192.0.2.1", "assign")]
    )
    func wrongAddress(host: String, reason: String) throws {
        let listener = try Listener(host, port: 5000)
        listener.input.step()
        #expect(!listener.state.current.isUp)
        #expect(listener.state.current.text.contains(reason))
        listener.input.finish()
    }
}

@Suite("Parts of the UDP input")
struct UDPPartsTests {
    @Test("the drop counter follows a count that wraps, and ignores one that is older")
    func dropCounter() {
        var counter = DropCounter()
        #expect(counter.advance(to: 5) == 5)
        #expect(counter.advance(to: 3) == 0)
        #expect(counter.advance(to: 5) == 0)
        #expect(counter.advance(to: 0x7000_0000) == 0x6FFF_FFFB)
        #expect(counter.advance(to: 0xE000_0000) == 0x7000_0000)
        #expect(counter.advance(to: 10) == 0x2000_000A)
        #expect(counter.total == 0x1_0000_000A)
    }

    @Test("naps only where datagrams come densely, and never so long that the buffer could fill")
    func pace() {
        var pace = ArrivalPace(commitInterval: .milliseconds(10))
        var now = MonotonicInstant(nanoseconds: 0)
        pace.begin(grantedBytes: 64 << 20, now: now)
        #expect(pace.nap == .zero)
        func run(perMillisecond: Int) {
            for _ in 0..<200 {
                now = now.advanced(by: .milliseconds(1))
                pace.note(perMillisecond, now: now)
            }
        }
        run(perMillisecond: 10)
        #expect(pace.perSecond == 10_000)
        #expect(pace.nap == .zero)
        run(perMillisecond: 200)
        #expect(pace.perSecond == 200_000)
        #expect(pace.nap == .milliseconds(1))
        pace.begin(grantedBytes: 212_992, now: now)
        run(perMillisecond: 200)
        #expect(pace.nap == .microseconds(260))
        run(perMillisecond: 0)
        #expect(pace.nap == .zero)
        var eager = ArrivalPace(commitInterval: .milliseconds(1))
        eager.begin(grantedBytes: 64 << 20, now: now)
        for _ in 0..<200 {
            now = now.advanced(by: .milliseconds(1))
            eager.note(200, now: now)
        }
        #expect(eager.nap == .microseconds(200))
    }

    @Test(
        "addresses are written as RFC 5952 has them",
        arguments: [
            ("20010db8000000000000000000000001", "[2001:db8::1]:5000"),
            ("00000000000000000000000000000000", "[::]:5000"),
            ("00000000000000000000000000000001", "[::1]:5000"),
            ("20010db8000000010001000100010001", "[2001:db8:0:1:1:1:1:1]:5000"),
            ("2001000000000000000100000000abcd", "[2001::1:0:0:abcd]:5000"),
            ("20010000000000010000000000000abc", "[2001:0:0:1::abc]:5000"),
            ("fe800000000000000000000000000000", "[fe80::]:5000"),
            ("00010002000300040005000600070008", "[1:2:3:4:5:6:7:8]:5000"),
            ("00010002000300040005000600000000", "[1:2:3:4:5:6::]:5000"),
        ]
    )
    func addresses(hexadecimal: String, text: String) throws {
        var bytes: [UInt8] = []
        var rest = Substring(hexadecimal)
        while !rest.isEmpty {
            bytes.append(try #require(UInt8(rest.prefix(2), radix: 16)))
            rest = rest.dropFirst(2)
        }
        var writer = AddressWriter()
        bytes.withUnsafeBytes { writer.appendIPv6($0, scope: 0, port: 5000) }
        #expect(AddressText(writer).text == text)
        var scoped = AddressWriter()
        bytes.withUnsafeBytes { scoped.appendIPv6($0, scope: .max, port: .max) }
        #expect(AddressText(scoped).text.hasSuffix("%4294967295]:65535"))
    }

    @Test("IPv4 addresses are written in decimal")
    func ipv4() {
        var writer = AddressWriter()
        [UInt8](arrayLiteral: 192, 0, 2, 255).withUnsafeBytes { writer.appendIPv4($0, port: 1) }
        #expect(AddressText(writer).text == "192.0.2.255:1")
    }
}

private struct AddressText {
    var text: String

    init(_ writer: AddressWriter) {
        text = String(decoding: (0..<writer.count).map { writer.text[$0] }, as: UTF8.self)
    }
}
