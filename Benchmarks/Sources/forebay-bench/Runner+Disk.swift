// What the disk and the log's bare work in C take: the floor below every other figure.

extension Runner {
    func measureDisk() throws {
        let sync = try syncFigures()
        results.add(
            Result(
                what: "disk: append and sync 16 KiB, p50 / p99",
                figure: "\(Figure.milliseconds(try sync.number("p50_us") / 1e6)) / "
                    + Figure.milliseconds(try sync.number("p99_us") / 1e6)
            )
        )
        let append = try figures(
            [try scratch.program("log-append"), "--file", scratch.newPath("append")],
            timeout: 60
        )
        results.add(
            Result(
                what: "C: batches of 2000 records, CRC, write, sync each 10 ms: CPU per record, p99 of the sync",
                figure: "\(Figure.nanoseconds(try append.number("cpu_ns_per_record"))), "
                    + Figure.milliseconds(try append.number("p99_us") / 1e6)
            )
        )
    }

    /// Measures the disk that the daemon's data is on, and keeps its p99.
    func syncFigures() throws -> JSONObject {
        let figures = try figures([try scratch.program("disk-sync"), "--file", scratch.newPath("sync")], timeout: 60)
        diskP99 = try figures.number("p99_us") / 1e6
        return figures
    }
}
