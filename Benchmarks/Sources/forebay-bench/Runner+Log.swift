// The log alone, linked as the daemon links it: append and sync beside a C program, sequential read beside `cat`.
import Foundation

extension Runner {
    /// The program that links the log; it lies beside this one.
    func logBench(_ arguments: String...) throws -> JSONObject {
        let here = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        return try figures([here.appendingPathComponent("forebay-bench-log").path] + arguments, timeout: 120)
    }

    /// Many short rounds of both by turns, of which the best count: what else the machine does hits either. Short, because
    /// page-cache memory that a virtual machine has to ask its host for costs several times as much as all else here, and
    /// 88 MB are there again from the round before.
    func measureAppend() throws {
        var forebay: [(rate: Double, cpu: Double)] = []
        var reference: [(rate: Double, cpu: Double)] = []
        for _ in 0..<15 {
            let bare = try bareAppend()
            reference.append((try bare.number("rate"), try bare.number("cpu_ns_per_record")))
            let directory = try scratch.newDirectory("log")
            let ours = try logBench("append", directory, "2000")
            forebay.append((try ours.number("rate"), try ours.number("cpu_ns_per_record")))
            try FileManager.default.removeItem(atPath: directory)
        }
        let rate = forebay.map(\.rate).max() ?? 0
        let bare = reference.map(\.rate).max() ?? .infinity
        results.add(
            Result(
                what: "append, 500 records of 88 bytes a batch, 5 ms commits: records per second, C",
                figure: Figure.rate(rate),
                reference: Figure.rate(bare),
                ratio: rate / bare,
                bar: ">= 0.80",
                verdict: rate >= 0.8 * bare ? .pass : .fail
            )
        )
        results.add(
            Result(
                what: "the same: CPU per record, C",
                figure: Figure.nanoseconds(forebay.map(\.cpu).min() ?? 0),
                reference: Figure.nanoseconds(reference.map(\.cpu).min() ?? 0)
            )
        )
    }

    /// The same batches in C: filled, checksummed, written each at the file's end, synced every 5 ms, on one thread.
    private func bareAppend() throws -> JSONObject {
        try figures(
            [
                try scratch.program("log-append"), "--file", scratch.newPath("append"), "--records", "500",
                "--record-bytes", "88", "--count", "2000", "--interval-us", "0", "--sync-us", "5000",
            ],
            timeout: 120
        )
    }

    /// The best of five passes of both over the same files, which stay in the page cache.
    func measureRead() throws {
        let directory = try scratch.newDirectory("log")
        _ = try logBench("append", directory, "12000")
        let partition = "\(directory)/log/readings-0"
        let files = try FileManager.default.contentsOfDirectory(atPath: partition).filter { $0.hasSuffix(".log") }
        let read = try logBench("read", directory)
        var best = Double.infinity
        for _ in 0..<5 {
            let start = monotonicSeconds()
            let cat = try Child(["/usr/bin/env", "cat"] + files.map { "\(partition)/\($0)" })
            while cat.exitCode() == nil { usleep(200) }
            best = min(best, monotonicSeconds() - start)
        }
        let rate = try read.number("rate")
        let reference = try read.number("bytes") / best
        let gibibyte = Double(1 << 30)
        results.add(
            Result(
                what:
                    "sequential read of \(Figure.mebibytes(Int(try read.number("bytes")))), CRC checked: per second, cat",
                figure: String(format: "%.2f GiB", rate / gibibyte),
                reference: String(format: "%.2f GiB", reference / gibibyte),
                ratio: rate / reference,
                bar: ">= 2 GiB or 0.50",
                verdict: rate >= 2 * gibibyte || rate >= 0.5 * reference ? .pass : .fail
            )
        )
        try FileManager.default.removeItem(atPath: directory)
    }

    /// What compression costs on the input's thread, in `seal`, and what it saves (docs/decisions/0009).
    func measureSeal() throws {
        for recordsPerBatch in [50, 500] {
            let plain = try logBench("seal", "none", "\(recordsPerBatch)")
            for compression in ["lz4", "zstd"] {
                let sealed = try logBench("seal", compression, "\(recordsPerBatch)")
                let bytes = [try sealed.number("stored_bytes"), try sealed.number("plain_bytes")]
                    .map { String(format: "%.0f", $0) }
                results.add(
                    Result(
                        what: "sealing \(recordsPerBatch) events with \(compression) (\(bytes[0]) of \(bytes[1]) bytes "
                            + "each): CPU per event, plain",
                        figure: Figure.nanoseconds(try sealed.number("ns_per_record")),
                        reference: Figure.nanoseconds(try plain.number("ns_per_record"))
                    )
                )
            }
        }
    }
}
