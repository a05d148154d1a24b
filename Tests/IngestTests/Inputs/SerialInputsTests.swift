// The serial input on pseudo-terminals.
import EventModel
import Glibc
import Ingest
import Platform
import Testing

/// The far end of a cable: what a device would write to.
private final class PseudoTerminal {
    private let leader: Int32
    let path: String

    init() throws {
        leader = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var number: UInt32 = 0
        var lock: Int32 = 0
        let setLock = UInt(0x4004_5431) // TIOCSPTLCK
        let getNumber = UInt(0x8004_5430) // TIOCGPTN
        guard leader >= 0, ioctl(leader, setLock, &lock) == 0, ioctl(leader, getNumber, &number) == 0 else {
            throw TestFailure("pseudo-terminal: \(systemErrorText(errno))")
        }
        path = "/dev/pts/\(number)"
    }

    deinit {
        close(leader)
    }

    func write(_ text: String) throws {
        try write(Array(text.utf8))
    }

    func write(_ bytes: [UInt8]) throws {
        guard Glibc.write(leader, bytes, bytes.count) == bytes.count else {
            throw TestFailure("pseudo-terminal is full")
        }
    }
}

/// Points `port` in `directory` to `terminal`, as udev does with a name under /dev/serial/by-id.
private func plug(_ terminal: PseudoTerminal, into directory: ScratchDirectory, as port: String) throws {
    unlink("\(directory.path)/\(port)")
    guard symlink(terminal.path, "\(directory.path)/\(port)") == 0 else { throw TestFailure("symlink") }
}

/// Serial ports in one adapter, each at a name in a directory of its own.
private struct Bench {
    let directory: ScratchDirectory
    let harnesses: [PipelineHarness]
    let states: [InputStateBox]
    let input: SerialInputs

    init(
        ports: [String] = ["port"],
        in directory: ScratchDirectory,
        change: (inout SerialInputSettings) -> Void = { _ in }
    ) throws {
        self.directory = directory
        var harnesses: [PipelineHarness] = []
        var states: [InputStateBox] = []
        var endpoints: [InputEndpoint] = []
        for port in ports {
            var settings = SerialInputSettings(port: "\(directory.path)/\(port)")
            change(&settings)
            let harness = try PipelineHarness()
            let state = InputStateBox()
            harnesses.append(harness)
            states.append(state)
            endpoints.append(InputEndpoint(name: port, settings: settings, pipeline: harness.pipeline, state: state))
        }
        self.harnesses = harnesses
        self.states = states
        input = SerialInputs(endpoints, environment: .forTests(directory))
    }

    var state: InputState { states[0].current }
    var counts: InputCounts { harnesses[0].counts }

    func untilUp() throws {
        try drive(input, "the port is open: \(state.text)") { state.isUp }
    }

    func until(received count: UInt64) throws {
        try drive(input, "\(count) received: \(state.text)") { counts.received >= count }
    }
}

private func reading(_ number: Int) -> String { "{\"device\":\"d\",\"temperature\":\(number)}" }

@Suite("Serial inputs")
struct SerialInputsTests {
    private let directory: ScratchDirectory
    private let terminal: PseudoTerminal

    init() throws {
        directory = try ScratchDirectory()
        terminal = try PseudoTerminal()
    }

    @Test("makes each line a payload, and records the port")
    func lines() throws {
        try plug(terminal, into: directory, as: "port")
        let bench = try Bench(in: directory)
        try bench.untilUp()
        try terminal.write("\(reading(1))\r\n\(reading(2))\n\n\(reading(3))")
        try bench.until(received: 3)
        try terminal.write("\n")
        try bench.until(received: 4)
        bench.input.finish()
        let records = try bench.harnesses[0].readings()
        #expect(records.count == 3)
        for (index, record) in records.enumerated() {
            #expect(record.value.contains("\"temperature\":\(index + 1)"))
            #expect(record.headers["from"] == "\(directory.path)/port")
        }
        #expect(bench.counts.rejected == [.empty: 1])
        #expect(!bench.state.isUp)
    }

    @Test("refuses the half of a line that is there when it stops")
    func halfLine() throws {
        try plug(terminal, into: directory, as: "port")
        let bench = try Bench(in: directory)
        try bench.untilUp()
        try terminal.write("\(reading(1))\n{\"device\":\"d\"")
        bench.input.finish()
        #expect(bench.counts.received == 2 && bench.counts.appended == 1)
        #expect(bench.counts.rejected == [.framing: 1])
        #expect(try bench.harnesses[0].rejects().map(\.value) == ["{\"device\":\"d\""])
    }

    @Test("an absent port is a state, and is opened when it appears")
    func appears() throws {
        let bench = try Bench(in: directory)
        bench.input.step()
        #expect(!bench.state.isUp)
        #expect(bench.state.text.contains("not there"))
        try plug(terminal, into: directory, as: "port")
        try bench.untilUp()
        bench.input.finish()
    }

    @Test("goes on after unplugging and plugging in again; a line that was cut off is refused")
    func replug() throws {
        var first: PseudoTerminal? = try PseudoTerminal()
        try plug(#require(first), into: directory, as: "port")
        let bench = try Bench(in: directory)
        try bench.untilUp()
        try first?.write("\(reading(1))\n{\"device\":\"d\",\"temp")
        try bench.until(received: 1)
        first = nil
        try drive(bench.input, "the loss is seen") { !bench.state.isUp }
        #expect(bench.counts.rejected == [.framing: 1])
        try drive(bench.input, "the part of a line in the log") { try bench.harnesses[0].rejects().count == 1 }
        #expect(try bench.harnesses[0].rejects().first?.value == "{\"device\":\"d\",\"temp")
        unlink("\(directory.path)/port")
        try plug(terminal, into: directory, as: "port")
        try bench.untilUp()
        try terminal.write("erature\":9}\n\(reading(2))\n")
        try drive(bench.input, "the second reading") { try bench.harnesses[0].readings().count == 2 }
        bench.input.finish()
        #expect(try bench.harnesses[0].readings().last?.value.contains("\"temperature\":2") == true)
    }

    @Test(
        "sets any baud rate, and shows what is in effect",
        arguments: [UInt32(300), 9600, 74_880, 250_000, 3_000_000]
    )
    func baud(rate: UInt32) throws {
        try plug(terminal, into: directory, as: "port")
        let bench = try Bench(in: directory) { $0.baud = rate }
        try bench.untilUp()
        #expect(bench.state.details["baud"] == String(rate))
        #expect(bench.state.details["line"] == "\(rate) 8N1")
        #expect(bench.state.details["refused"] == nil)
        bench.input.finish()
    }

    @Test("reports settings that the driver did not take")
    func refusedSettings() throws {
        try plug(terminal, into: directory, as: "port")
        let bench = try Bench(in: directory) {
            // A pseudo-terminal has no parity and always eight bits.
            $0.parity = .even
            $0.dataBits = 7
            $0.stopBits = 2
            $0.flowControl = .xonxoff
        }
        try bench.untilUp()
        #expect(bench.state.details["refused"] == "data_bits 7 (is 8), parity even (is none)")
        #expect(bench.state.text.contains("the driver refused data_bits 7"))
        #expect(bench.state.details["line"] == "115200 8N2 xonxoff")
        bench.input.finish()
    }

    @Test("refuses lines over the limit once, keeps their beginning, and goes on behind them")
    func lineLimit() throws {
        try plug(terminal, into: directory, as: "port")
        let bench = try Bench(in: directory) { $0.lineBytesMax = 64 }
        try bench.untilUp()
        let exact = "{\"device\":\"d\",\"temperature\":1\(String(repeating: " ", count: 34))}"
        #expect(exact.utf8.count == 64)
        for part in [exact + "\n", String(repeating: "x", count: 65) + "\n", reading(2) + "\n"] {
            try terminal.write(part)
        }
        for _ in 0..<40 {
            try terminal.write(String(repeating: "y", count: 1000))
            bench.input.step()
        }
        try terminal.write("\n\(reading(3))\n")
        try bench.until(received: 5)
        bench.input.finish()
        #expect(bench.counts.rejected == [.framing: 2])
        #expect(try bench.harnesses[0].rejects().map(\.value) == ["x", "y"].map { String(repeating: $0, count: 64) })
        #expect(try bench.harnesses[0].readings().count == 3)
    }

    @Test("refuses a line with a byte that the driver marked as damaged")
    func damagedByte() throws {
        try plug(terminal, into: directory, as: "port")
        let bench = try Bench(in: directory)
        try bench.untilUp()
        try terminal.write(Array("{\"device\":\"d\",\"t\":1".utf8) + [0] + Array("}\n\(reading(2))\n".utf8))
        try bench.until(received: 2)
        bench.input.finish()
        #expect(bench.counts.rejected == [.framing: 1])
        #expect(bench.counts.appended == 1)
    }

    @Test("keeps several ports apart on one thread")
    func severalPorts() throws {
        let terminals = try (0..<8).map { _ in try PseudoTerminal() }
        let names = (0..<8).map { "port-\($0)" }
        for (terminal, name) in zip(terminals, names) { try plug(terminal, into: directory, as: name) }
        let bench = try Bench(ports: names + ["absent"], in: directory)
        try drive(bench.input, "all are open") { bench.states.prefix(8).allSatisfy { $0.current.isUp } }
        for round in 0..<50 {
            for terminal in terminals { try terminal.write(reading(round) + "\n") }
            bench.input.step()
        }
        try drive(bench.input, "all lines") { bench.harnesses.prefix(8).allSatisfy { $0.counts.received == 50 } }
        bench.input.finish()
        #expect(bench.harnesses.map { $0.counts.received } == Array(repeating: 50, count: 8) + [0])
        #expect(!bench.states[8].current.isUp)
    }

    @Test("says what is wrong with a path that is no port")
    func noPort() throws {
        _ = try directory.file("port", "not a terminal")
        let bench = try Bench(in: directory)
        bench.input.step()
        #expect(!bench.state.isUp)
        #expect(bench.state.text.hasSuffix("not a serial port"))
        bench.input.finish()
    }
}
