// Syncs the files of one commit: alone in place, several side by side.
internal import Platform

/// Owned by the log-writer thread. Helper threads start with the first commit that has several dirty files: side by
/// side, four syncs cost little more than one, because the file system commits its journal once for all.
final class SyncHelpers {
    private struct Work {
        var files: [any DiskFile] = []
        var next = 0
        var running = 0
        var failure: DiskError?
        var isStopped = false
    }

    private let helpersMax: Int
    private let work = Condition(Work())
    private var helpers: [PlatformThread] = []

    /// - Parameter helpersMax: threads beside the caller's; with none, files are synced one after the other.
    init(helpersMax: Int) {
        self.helpersMax = helpersMax
    }

    deinit {
        work.withLock { $0.isStopped = true }
        work.wakeAll()
        for helper in helpers { helper.join() }
    }

    /// Returns when every file is synced; throws the first failure, after all have ended.
    func sync(_ writers: [PartitionWriter]) throws(DiskError) {
        guard writers.count > 1 else {
            if let only = writers.first { try only.file.sync() }
            return
        }
        while helpers.count < min(helpersMax, writers.count - 1) {
            helpers.append(PlatformThread(name: "log-sync") { [work] in SyncHelpers.run(work) })
        }
        work.withLock { work in
            work.files = writers.map(\.file)
            work.next = 0
            work.failure = nil
        }
        work.wakeAll()
        while SyncHelpers.syncNext(work) {}
        var failure: DiskError?
        // The wait has no limit of its own: a sync that hangs is the watchdog's business.
        while true {
            let ended = work.wait(upTo: .seconds(3600)) { work -> Bool? in
                guard work.running == 0 else { return nil }
                failure = work.failure
                work.files.removeAll()
                return true
            }
            if ended == true { break }
        }
        if let failure { throw failure }
    }

    /// Syncs one file that nobody has taken; false where there is none.
    private static func syncNext(_ work: Condition<Work>) -> Bool {
        let file = work.withLock { work -> (any DiskFile)? in
            guard work.next < work.files.count else { return nil }
            work.next += 1
            work.running += 1
            return work.files[work.next - 1]
        }
        guard let file else { return false }
        var failure: DiskError?
        do { try file.sync() } catch { failure = error }
        work.withLock { work in
            work.running -= 1
            if let failure, work.failure == nil { work.failure = failure }
        }
        work.wakeAll()
        return true
    }

    private static func run(_ work: Condition<Work>) {
        while true {
            let isStopped = work.wait(upTo: .seconds(3600)) { work -> Bool? in
                if work.isStopped { return true }
                return work.next < work.files.count ? false : nil
            }
            if isStopped == true { return }
            while syncNext(work) {}
        }
    }
}
