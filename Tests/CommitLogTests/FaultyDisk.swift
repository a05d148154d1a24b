// A disk that fails where a test says: the real one behind a wrapper.
import CommitLog
import Platform
import Synchronization

/// Passes everything on to the real disk, except what the plan refuses, and syncs: no test here ends with a power cut,
/// and thousands of logs open faster without.
final class FaultyDisk: Disk {
    struct Plan: Sendable {
        /// Syncs of files whose path ends so fail with EIO.
        var failingSyncs: String?
        /// The planted bug: the failure is reported as success.
        var hidesFailedSyncs = false
        /// Writes to such files fail with EIO.
        var failingWrites: String?
        /// Bytes that may still be written before ENOSPC; nil is no limit. A write that passes it is half done; what is
        /// cut off or removed can be written again.
        var bytesLeft: Int64?
        /// Changes that are still made; after them every one fails with EIO and does nothing, as if the process were gone.
        var changesLeft: Int?
        /// The planted bug: writes to such files are reported as done and do nothing.
        var forgottenWrites: String?
        /// The planted bug: such files are reported as created and are not.
        var forgottenNames: String?
        /// What `space` says; nil asks the real disk.
        var space: DiskSpace?
        /// Names that came (+) and went (-) and directories that were synced (=), in order.
        var names: [String] = []
        /// Syncs that succeeded, by path.
        var syncs: [String] = []
        /// Files and directories that were changed and not synced since: what only the page cache has.
        var unsynced: Set<String> = []
        /// Bytes that reads fail on with EIO, by path; they go where the file is renamed to.
        var unreadable: [String: Range<Int64>] = [:]
        var failedReads = 0
        var writesAfterFailure = 0
        var hasFailed = false
    }

    let plan: Mutex<Plan>

    init(_ plan: Plan = Plan()) {
        self.plan = Mutex(plan)
    }

    /// So little space that no zeros are written ahead: files hold batches and nothing else.
    static var withoutZeros: FaultyDisk {
        FaultyDisk(Plan(space: DiskSpace(total: 1 << 40, free: Limits.zeroTailSpaceMin - 1)))
    }

    private let real = PosixDisk()

    func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        if mode == .create { try change(.open, path) }
        let file = try real.open(path, mode)
        if mode == .create { noteName("+", path) }
        if mode == .create, let ending = plan.withLock({ $0.forgottenNames }), path.hasSuffix(ending) {
            try real.remove(path)
        }
        return FaultyFile(real: file, disk: self)
    }

    func list(_ directory: String) throws(DiskError) -> [String] { try real.list(directory) }

    func createDirectory(_ path: String) throws(DiskError) {
        let isNew = try !real.exists(path)
        if isNew { try change(.createDirectory, path) }
        try real.createDirectory(path)
        if isNew { noteName("+", path) }
    }

    func rename(_ from: String, to: String) throws(DiskError) {
        try change(.rename, from)
        try real.rename(from, to: to)
        noteName("-", from)
        noteName("+", to)
        plan.withLock { plan in
            if plan.unsynced.remove(from) != nil { plan.unsynced.insert(to) }
            for path in plan.unsynced where path.hasPrefix(from + "/") {
                plan.unsynced.remove(path)
                plan.unsynced.insert(to + path.dropFirst(from.count))
            }
            if let bad = plan.unreadable.removeValue(forKey: from) { plan.unreadable[to] = bad }
        }
    }

    func remove(_ path: String) throws(DiskError) {
        try change(.remove, path)
        let size = try? real.open(path, .read).size()
        try real.remove(path)
        noteName("-", path)
        free(size ?? 0)
        plan.withLock { _ = $0.unsynced.remove(path) }
    }

    func syncDirectory(_ directory: String) throws(DiskError) { try sync(directory) }

    func exists(_ path: String) throws(DiskError) -> Bool { try real.exists(path) }

    func space(at path: String) throws(DiskError) -> DiskSpace {
        if let space = plan.withLock({ $0.space }) { return space }
        return try real.space(at: path)
    }

    /// Counts one change, or refuses it.
    fileprivate func change(_ operation: DiskError.Operation, _ path: String) throws(DiskError) {
        let isLeft = plan.withLock { plan -> Bool in
            guard let left = plan.changesLeft else { return true }
            plan.changesLeft = max(0, left - 1)
            return left > 0
        }
        if !isLeft { throw DiskError.inputOutput(operation, path) }
    }

    /// Notes that a name came, went or changed in its directory.
    private func noteName(_ sign: String, _ path: String) {
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        plan.withLock { plan in
            plan.unsynced.insert(directory)
            plan.names.append(sign + path)
        }
    }

    fileprivate func free(_ bytes: Int64) {
        plan.withLock { plan in plan.bytesLeft = plan.bytesLeft.map { $0 + bytes } }
    }

    /// Notes a sync, or refuses it.
    fileprivate func sync(_ path: String) throws(DiskError) {
        try change(.sync, path)
        let fails = plan.withLock { plan -> Bool in
            if let ending = plan.failingSyncs, path.hasSuffix(ending) {
                plan.hasFailed = true
                return !plan.hidesFailedSyncs
            }
            plan.syncs.append(path)
            plan.names.append("=" + path)
            plan.unsynced.remove(path)
            return false
        }
        if fails { throw DiskError.inputOutput(.sync, path) }
    }
}

private final class FaultyFile: DiskFile {
    private let real: any DiskFile
    private let disk: FaultyDisk
    var path: String { real.path }

    init(real: any DiskFile, disk: FaultyDisk) {
        self.real = real
        self.disk = disk
    }

    func size() throws(DiskError) -> Int64 { try real.size() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(DiskError) -> Int {
        let path = real.path
        let fails = disk.plan.withLock { plan -> Bool in
            guard let bad = plan.unreadable[path] else { return false }
            let isHit = bad.overlaps(position..<position + Int64(buffer.count))
            if isHit { plan.failedReads += 1 }
            return isHit
        }
        if fails { throw DiskError.inputOutput(.read, path) }
        return try real.read(into: buffer, at: position)
    }

    func write(_ buffers: [UnsafeRawBufferPointer], at position: Int64) throws(DiskError) {
        let count = buffers.reduce(0) { $0 + Int64($1.count) }
        let path = real.path
        try disk.change(.write, path)
        if let ending = disk.plan.withLock({ $0.forgottenWrites }), path.hasSuffix(ending) { return }
        enum Verdict {
            case pass, fail, full(Int64)
        }
        let verdict = disk.plan.withLock { plan -> Verdict in
            plan.unsynced.insert(path)
            if plan.hasFailed { plan.writesAfterFailure += 1 }
            if let ending = plan.failingWrites, path.hasSuffix(ending) {
                plan.hasFailed = true
                return .fail
            }
            guard let left = plan.bytesLeft else { return .pass }
            plan.bytesLeft = max(0, left - count)
            return left >= count ? .pass : .full(left)
        }
        switch verdict {
        case .pass:
            try real.write(buffers, at: position)
        case .fail:
            throw DiskError.inputOutput(.write, path)
        case .full(let left):
            // A full disk takes what fits: the torn bytes are what undo must remove.
            var rest = Int(left)
            var at = position
            for buffer in buffers where rest > 0 {
                let part = UnsafeRawBufferPointer(rebasing: buffer[..<min(rest, buffer.count)])
                try real.write([part], at: at)
                at += Int64(part.count)
                rest -= part.count
            }
            throw DiskError.noSpace(.write, path)
        }
    }

    func sync() throws(DiskError) { try disk.sync(real.path) }

    func truncate(to size: Int64) throws(DiskError) {
        let path = real.path
        try disk.change(.truncate, path)
        let before = try real.size()
        try real.truncate(to: size)
        disk.free(before - size)
        disk.plan.withLock { _ = $0.unsynced.insert(path) }
    }
}
