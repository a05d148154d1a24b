// Threads, conditions, event descriptors, the watchdog's registry and the thread executor.
import Dispatch
import Glibc
import Platform
import Synchronization
import Testing

@Suite("Threads")
struct ThreadTests {
    @Test("a thread runs its body once under its name")
    func thread() {
        let name = Condition("")
        let thread = PlatformThread(name: "forebay-test-name") {
            var bytes = [UInt8](repeating: 0, count: 32)
            let file = try? PosixDisk().open("/proc/thread-self/comm", .read)
            _ = bytes.withUnsafeMutableBytes { try? file?.read(into: $0, at: 0) }
            let text = String(decoding: bytes.prefix { $0 != 0 && $0 != UInt8(ascii: "\n") }, as: UTF8.self)
            name.withLock { $0 += text }
        }
        thread.join()
        #expect(name.withLock { $0 } == "forebay-test-na")
    }

    @Test("a wait ends when the answer is there, and with nil when the time is over")
    func condition() {
        let state = Condition(0)
        #expect(state.wait(upTo: .milliseconds(1)) { $0 == 1 ? true : nil } == nil)
        #expect(state.wait(upTo: .zero) { $0 == 0 ? "now" : nil } == "now")
        let thread = PlatformThread(name: "waker") {
            for _ in 0..<1000 {
                state.withLock { $0 += 1 }
                state.wakeAll()
            }
        }
        #expect(state.wait(upTo: .seconds(60)) { $0 == 1000 ? $0 : nil } == 1000)
        thread.join()
    }

    @Test("an event descriptor is readable from signal to drain")
    func event() throws {
        let event = try EventFD()
        func isReadable() -> Bool {
            var entry = pollfd(fd: event.descriptor, events: Int16(POLLIN), revents: 0)
            return poll(&entry, 1, 0) == 1
        }
        #expect(!isReadable())
        event.signal()
        event.signal()
        #expect(isReadable())
        event.drain()
        #expect(!isReadable())
        event.drain()
    }

    @Test("the watch names a thread whose step is over its limit, and only while it is")
    func watch() {
        let watch = ThreadWatch()
        let slow = watch.add(name: "slow", limit: .seconds(5))
        let quick = watch.add(name: "quick", limit: .seconds(5))
        let start = MonotonicInstant(nanoseconds: 1_000)
        slow.begin(at: start)
        quick.begin(at: start)
        quick.end()
        #expect(watch.overdue(at: start.advanced(by: .seconds(5))).isEmpty)
        let overdue = watch.overdue(at: start.advanced(by: .seconds(6)))
        #expect(overdue.map(\.name) == ["slow"])
        #expect(overdue.first?.running == .seconds(6))
        slow.end()
        #expect(watch.overdue(at: start.advanced(by: .seconds(9))).isEmpty)
        slow.begin(at: start)
        watch.remove(slow)
        #expect(watch.overdue(at: start.advanced(by: .seconds(9))).isEmpty)
    }

    actor Counter {
        private let executor: ThreadExecutor
        private var threads: Set<UInt> = []
        private(set) var count = 0

        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

        init(executor: ThreadExecutor) {
            self.executor = executor
        }

        func add() -> Int {
            threads.insert(UInt(pthread_self()))
            count += 1
            return threads.count
        }
    }

    @Test("an actor on a thread executor runs on one thread, one job at a time")
    func executor() async {
        let executor = ThreadExecutor(name: "actor")
        let counter = Counter(executor: executor)
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<200 { group.addTask { await counter.add() } }
            for await threads in group { #expect(threads == 1) }
        }
        #expect(await counter.count == 200)
        await executor.stop()
    }
}

@Suite("Waiting for a thread's end", .timeLimit(.minutes(1)))
struct ThreadEndTests {
    @Test("keeps no thread of the pool: more tasks than it has wait, and another one still runs and lets them go")
    func poolIsFree() async {
        let gate = DispatchSemaphore(value: 0)
        let waiters = 4 * sysconf(Int32(_SC_NPROCESSORS_ONLN)) + 8
        let ended = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<waiters {
                group.addTask {
                    await PlatformThread(name: "waits") { gate.wait() }.joined()
                    return 1
                }
            }
            group.addTask {
                for _ in 0..<waiters { gate.signal() }
                return 0
            }
            return await group.reduce(0, +)
        }
        #expect(ended == waiters)
    }

    @Test("is noticed whether the thread ends before anybody waits, or later")
    func briefThreads() async {
        for _ in 0..<200 { await PlatformThread(name: "brief") {}.joined() }
    }
}

@Suite("CRC-32C")
struct CRC32CTests {
    @Test("agrees with RFC 3720 and with itself without the instruction")
    func vectors() {
        let check = Array("123456789".utf8)
        #expect(check.withUnsafeBytes { CRC32C.checksum($0) } == 0xE306_9283)
        let zeros = [UInt8](repeating: 0, count: 32)
        #expect(zeros.withUnsafeBytes { CRC32C.checksum($0) } == 0x8A91_36AA)
        var generator = SeededGenerator(seed: 3)
        let noise = (0..<10_000).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        // Beyond three lanes of 1024 bytes they are taken side by side.
        for count in [0, 1, 7, 8, 9, 63, 1000, 3071, 3072, 3073, 6143, 6144, 9999] {
            noise[..<count].withUnsafeBytes { bytes in
                #expect(CRC32C.checksum(bytes) == CRC32C.portableChecksum(bytes))
                let half = UnsafeRawBufferPointer(rebasing: bytes[..<(count / 2)])
                let rest = UnsafeRawBufferPointer(rebasing: bytes[(count / 2)...])
                #expect(CRC32C.checksum(rest, seed: CRC32C.checksum(half)) == CRC32C.checksum(bytes))
            }
        }
    }
}
