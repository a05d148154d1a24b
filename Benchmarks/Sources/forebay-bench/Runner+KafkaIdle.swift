// The Kafka listener: what consumers cost that wait, beside a C program with a thread for each.
import Foundation

extension Runner {
    private static let consumers = 1000
    private static let memoryBarMebibytes = 20

    /// Memory and CPU of 1,000 consumers that wait for what does not come.
    func measureIdleConsumers() throws {
        let forebay = try kafkaDaemon()
        let empty = try memoryServer(try scratch.newDirectory("empty"))
        try StopFlag.sleep(seconds: 2)
        let child = forebay.daemon.child
        let before = try child.residentBytes()
        var most = 0
        // Two thousand answers a second are more than 1 % of a core for any program: there the C program is the measure.
        for (wait, percentMax) in [(500, nil), (30_000, 1.0)] {
            let reference = try idleCPU(empty.child, empty.port, topic: empty.topic, wait: wait) {}
            let share = try idleCPU(child, forebay.port, topic: "readings", wait: wait) {
                most = max(most, try child.residentBytes())
            }
            results.add(
                Result(
                    what: "\(Self.consumers) idle consumers, fetches of \(wait) ms: CPU of one core, C",
                    figure: String(format: "%.2f %%", share),
                    reference: String(format: "%.2f %%", reference),
                    ratio: reference > 0 ? share / reference : nil,
                    bar: percentMax.map { String(format: "< %.0f %%", $0) } ?? "<= 2.00",
                    verdict: share < percentMax ?? 2 * reference ? .pass : .fail
                )
            )
        }
        results.add(
            Result(
                what: "\(Self.consumers) idle consumers: resident memory, at most; before them",
                figure: Figure.mebibytes(most),
                reference: Figure.mebibytes(before),
                ratio: Double(most) / Double(before),
                bar: "< \(Self.memoryBarMebibytes) MiB more",
                verdict: most - before < Self.memoryBarMebibytes << 20 ? .pass : .fail
            )
        )
    }

    /// CPU of `server` in percent of one core while the consumers wait, for one turn of their fetches at least; `look` is
    /// called meanwhile.
    private func idleCPU(
        _ server: Child,
        _ port: UInt16,
        topic: String,
        wait: Int,
        _ look: () throws -> Void
    ) throws -> Double {
        let seconds = max(options.seconds, Double(wait) / 1000)
        let consumers = try Child(
            [
                try scratch.program("kafka-idle"), "--port", "\(port)", "--topic", topic, "--connections",
                "\(Self.consumers)", "--wait-ms", "\(wait)", "--seconds", "\(seconds)",
            ],
            output: scratch.newPath("idle")
        )
        try StopFlag.wait(for: "\(Self.consumers) consumers", timeout: 60) {
            guard consumers.exitCode() == nil else {
                throw BenchError(description: "kafka-idle: \(consumers.outputText)")
            }
            return try? consumers.lastObject().number("waiting")
        }
        let cpu = try server.cpuTime().seconds
        let start = monotonicSeconds()
        while monotonicSeconds() < start + seconds - 0.25 {
            try StopFlag.sleep(seconds: 0.25)
            try look()
        }
        let share = (try server.cpuTime().seconds - cpu) / (monotonicSeconds() - start) * 100
        guard try consumers.waitForExit(timeout: 60) == 0 else {
            throw BenchError(description: "kafka-idle: \(consumers.outputText)")
        }
        return share
    }
}
