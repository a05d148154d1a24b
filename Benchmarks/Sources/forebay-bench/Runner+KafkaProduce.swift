// The Kafka listener: what producers get, beside the log alone, and how soon a consumer that waits has it.
import Foundation

extension Runner {
    private static let rounds = 5

    /// Batches of two sizes with acks=all, five requests in flight, by turns with the log alone; the best of each counts.
    func measureProduce() throws {
        let shapes = [
            (records: 500, count: 1000, bar: Double?.none),
            // 988,605 bytes: what a producer makes whose batches may have a megabyte.
            (records: 11_200, count: 88, bar: 0.8),
        ]
        let forebay = try kafkaDaemon()
        defer { try? FileManager.default.removeItem(atPath: forebay.directory) }
        var alone = 0.0
        var rates = shapes.map { _ in 0.0 }
        for round in 0..<Self.rounds {
            let directory = try scratch.newDirectory("log")
            alone = max(alone, try logBench("append", directory, "2000").number("rate"))
            try FileManager.default.removeItem(atPath: directory)
            for (index, shape) in shapes.enumerated() {
                let figures = try figures(
                    [
                        try scratch.program("kafka-produce"), "--port", "\(forebay.port)", "--topic",
                        "produced-\(round)-\(shape.records)", "--records", "\(shape.records)", "--count",
                        "\(shape.count)", "--delete",
                    ],
                    timeout: 120
                )
                rates[index] = max(rates[index], try figures.number("rate"))
            }
        }
        for (shape, rate) in zip(shapes, rates) {
            let verdict = shape.bar.map { rate >= $0 * alone ? Result.Verdict.pass : .fail }
            results.add(
                Result(
                    what: "produce with acks=all, \(shape.records) records of 88 bytes a batch, 5 requests in flight: "
                        + "records per second, the log alone",
                    figure: Figure.rate(rate),
                    reference: Figure.rate(alone),
                    ratio: rate / alone,
                    bar: shape.bar.map { String(format: ">= %.2f", $0) } ?? "-",
                    verdict: verdict ?? .none
                )
            )
        }
    }

    /// One record each 10 ms, from its departure to its arrival at a consumer that waits in a fetch.
    func measureDelivery() throws {
        let forebay = try kafkaDaemon()
        let figures = try figures(
            [
                try scratch.program("kafka-latency"), "--port", "\(forebay.port)", "--topic", "delivered", "--rate",
                "100", "--count", "\(Int(100 * options.seconds))",
            ],
            timeout: options.seconds + 60
        )
        let p50 = try figures.number("p50_us") / 1e6
        let p99 = try figures.number("p99_us") / 1e6
        let bar = Daemon.commitInterval + 0.003
        results.add(
            Result(
                what: "produced to delivered at 100/s: p99 (p50 \(Figure.milliseconds(p50)))",
                figure: Figure.milliseconds(p99),
                reference: "answered: " + Figure.milliseconds(try figures.number("answer_p99_us") / 1e6),
                bar: "< \(Figure.milliseconds(bar))",
                verdict: p99 < bar ? .pass : .fail
            )
        )
    }
}
