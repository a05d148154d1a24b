// The Kafka listener: what consumers get, beside a C program that answers the same fetches from memory.
import Foundation

/// A daemon with a Kafka listener and a UDP input, and where they are.
struct KafkaDaemon {
    let daemon: Daemon
    let directory: String
    let port: UInt16
    let udpPort: UInt16
}

/// A topic of about 1 GB: batches of 200 records of 1 KiB, as producers make them.
private enum BigTopic {
    static let name = "big"
    static let batches = 5000
    static let recordsPerBatch = 200
    /// With a key of 6 bytes and the fields around them, 1 KiB on disk.
    static let valueBytes = 1009

    static var records: Int { batches * recordsPerBatch }
}

/// The C program that serves the same batches from memory.
struct MemoryServer {
    let child: Child
    let topic = BigTopic.name
    let port: UInt16
    /// Of all batches.
    let byteCount: Double
}

extension Runner {
    /// How often each of two is run, by turns; the best counts, for what else the machine does hits either.
    private static let rounds = 5

    func measureKafka() throws {
        let parts: [(String, () throws -> Void)] = [
            ("kafka, idle consumers", measureIdleConsumers),
            ("kafka, latency", measureDelivery),
            ("kafka, produce", measureProduce),
            ("kafka, consume", measureConsume),
        ]
        for (what, measure) in parts { try attempt(what, measure) }
    }

    func kafkaDaemon() throws -> KafkaDaemon {
        let directory = try scratch.newDirectory("kafka")
        let port = try Scratch.freePort()
        let udpPort = try Scratch.freePort(datagrams: true)
        let daemon = try daemon(
            inputs: "  lan: { type: udp, listen: \"127.0.0.1:\(udpPort)\", format: json }",
            in: directory,
            kafka: port
        )
        return KafkaDaemon(daemon: daemon, directory: directory, port: port, udpPort: udpPort)
    }

    /// The C program with the segments that are in `directory`, or with none.
    func memoryServer(_ directory: String) throws -> MemoryServer {
        let child = try Child(
            [try scratch.program("kafka-memory"), "--directory", directory, "--topic", BigTopic.name],
            output: scratch.newPath("kafka-memory")
        )
        let figures = try StopFlag.wait(for: "the C program with the topic in memory", timeout: 120) {
            guard child.exitCode() == nil else { throw BenchError(description: "kafka-memory: \(child.outputText)") }
            return try? child.lastObject()
        }
        return MemoryServer(
            child: child,
            port: UInt16(try figures.number("port")),
            byteCount: try figures.number("bytes")
        )
    }

    private func measureConsume() throws {
        let forebay = try kafkaDaemon()
        defer { try? FileManager.default.removeItem(atPath: forebay.directory) }
        _ = try figures(
            [
                try scratch.program("kafka-produce"), "--port", "\(forebay.port)", "--topic", BigTopic.name,
                "--records",
                "\(BigTopic.recordsPerBatch)", "--value-bytes", "\(BigTopic.valueBytes)", "--count",
                "\(BigTopic.batches)",
            ],
            timeout: 300
        )
        let memory = try memoryServer("\(forebay.directory)/data/log/\(BigTopic.name)-0")
        try measureStockConsumer(forebay, memory)
        try measureRawConsumer(forebay, memory)
        try measureIngestBeside(forebay, memory)
    }

    /// kcat, which takes every record apart and writes its value to /dev/null.
    private func measureStockConsumer(_ forebay: KafkaDaemon, _ memory: MemoryServer) throws {
        var (figure, reference) = (Double.infinity, Double.infinity)
        // Each takes half a second, of which a third is luck: which of five threads share a core.
        for _ in 0..<3 * Self.rounds {
            reference = min(reference, try kcatSeconds(memory.port))
            figure = min(figure, try kcatSeconds(forebay.port))
        }
        results.add(
            Result(
                what: "kcat reads \(BigTopic.records) records of 1 KiB: bytes per second, from the C program's memory",
                figure: Figure.mebibytes(Int(memory.byteCount / figure)),
                reference: Figure.mebibytes(Int(memory.byteCount / reference)),
                ratio: reference / figure,
                bar: ">= 0.80",
                verdict: reference / figure >= 0.8 ? .pass : .fail
            )
        )
    }

    /// From its start to its end, which follows the last record. Its queue has room for all of them: it answers a full one with
    /// a pause of up to a second, whoever it reads from.
    private func kcatSeconds(_ port: UInt16) throws -> Double {
        let start = monotonicSeconds()
        let kcat = try Child([
            "/usr/bin/kcat", "-C", "-q", "-b", "127.0.0.1:\(port)", "-t", BigTopic.name, "-p", "0", "-o", "beginning",
            "-c", "\(BigTopic.records)", "-X", "fetch.wait.max.ms=10", "-X", "queued.min.messages=\(BigTopic.records)",
            "-X", "queued.max.messages.kbytes=\(BigTopic.records * 2)",
        ])
        while kcat.exitCode() == nil {
            guard monotonicSeconds() < start + 120, !StopFlag.isRaised else {
                throw BenchError(description: "kcat took more than 120 s")
            }
            usleep(200)
        }
        guard kcat.exitCode() == 0 else { throw BenchError(description: "kcat ended with \(kcat.exitCode() ?? -1)") }
        return monotonicSeconds() - start
    }

    /// A consumer that does nothing: what the listener can send.
    private func measureRawConsumer(_ forebay: KafkaDaemon, _ memory: MemoryServer) throws {
        let seconds = max(1, options.seconds / Double(Self.rounds))
        var (figure, reference, cpu) = (0.0, 0.0, Double.infinity)
        for _ in 0..<Self.rounds {
            reference = max(reference, try rawFetch(memory.port, seconds: seconds).number("bytes_per_second"))
            let before = try forebay.daemon.child.cpuTime().seconds
            let fetched = try rawFetch(forebay.port, seconds: seconds)
            let used = try forebay.daemon.child.cpuTime().seconds - before
            figure = max(figure, try fetched.number("bytes_per_second"))
            cpu = min(cpu, used / (try fetched.number("bytes") / Double(1 << 30)))
        }
        results.add(
            Result(
                what: "fetches of 8 MiB: bytes per second on the wire, from the C program's memory",
                figure: String(format: "%.2f GiB", figure / Double(1 << 30)),
                reference: String(format: "%.2f GiB", reference / Double(1 << 30)),
                ratio: figure / reference,
                bar: "> 1 GiB",
                verdict: figure > Double(1 << 30) ? .pass : .fail
            )
        )
        results.add(Result(what: "the same: the daemon's CPU per GiB", figure: String(format: "%.2f s", cpu)))
    }

    private func rawFetch(_ port: UInt16, seconds: Double) throws -> JSONObject {
        try figures(fetching(port, seconds: seconds), timeout: seconds + 60)
    }

    private func fetching(_ port: UInt16, seconds: Double) throws -> [String] {
        [
            try scratch.program("kafka-fetch"), "--port", "\(port)", "--topic", BigTopic.name, "--seconds",
            "\(seconds)",
        ]
    }

    /// The latency of datagrams with nobody consuming, with the raw consumer at full speed, and with the same consumer at
    /// the C program: what is left of two cores then. By turns, and the best of each counts, as above.
    private func measureIngestBeside(_ forebay: KafkaDaemon, _ memory: MemoryServer) throws {
        let socket = try LoopbackAddress.connect(SOCK_DGRAM, port: forebay.udpPort)
        defer { close(socket) }
        let roundSeconds = max(1, options.seconds / 2)
        func p99() throws -> Double {
            var probe = LatencyProbe(daemon: forebay.daemon, socket: socket, count: Int(1000 * roundSeconds))
            try probe.run()
            return Figure.percentile(probe.latencies, 0.99)
        }
        func p99(beside port: UInt16) throws -> (seconds: Double, rate: Double) {
            let consumer = try Child(try fetching(port, seconds: roundSeconds + 3), output: scratch.newPath("consumer"))
            try StopFlag.sleep(seconds: 1)
            let seconds = try p99()
            guard consumer.exitCode() == nil else {
                throw BenchError(description: "the consumer ended before the measurement: \(consumer.outputText)")
            }
            guard try consumer.waitForExit(timeout: 60) == 0 else {
                throw BenchError(description: "kafka-fetch: \(consumer.outputText)")
            }
            return (seconds, try consumer.lastObject().number("bytes_per_second") / Double(1 << 30))
        }
        try forebay.daemon.reconnect()
        _ = try p99()
        var alone = Double.infinity
        var beside = (seconds: Double.infinity, rate: 0.0)
        var besideMemory = beside
        for _ in 0..<Self.rounds {
            alone = min(alone, try p99())
            let (forebay, memory) = (try p99(beside: forebay.port), try p99(beside: memory.port))
            if forebay.seconds < beside.seconds { beside = forebay }
            if memory.seconds < besideMemory.seconds { besideMemory = memory }
        }
        results.add(
            Result(
                what: String(
                    format: "datagram to durable at 1,000/s beside a consumer (%.2f GiB/s): p99, without it",
                    beside.rate
                ),
                figure: Figure.milliseconds(beside.seconds),
                reference: Figure.milliseconds(alone),
                ratio: beside.seconds / alone,
                bar: "<= 2.00",
                verdict: beside.seconds <= 2 * alone ? .pass : .fail
            )
        )
        results.add(
            Result(
                what: String(
                    format: "the same beside a consumer of the C program (%.2f GiB/s): p99, without it",
                    besideMemory.rate
                ),
                figure: Figure.milliseconds(besideMemory.seconds),
                reference: Figure.milliseconds(alone),
                ratio: besideMemory.seconds / alone
            )
        )
    }
}
