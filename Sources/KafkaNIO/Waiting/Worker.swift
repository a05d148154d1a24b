// A thread for what would hold up an event loop: reading files, checking and inflating batches.
internal import CommitLog
internal import Platform

/// Runs closures one after the other. A connection keeps to one worker, so that its requests are answered in their order.
///
/// Any thread may call `run`; after `stop` nothing runs any more.
final class Worker: Sendable {
    private struct Queue {
        var jobs: [@Sendable () -> Void] = []
        var isStopped = false
    }

    /// For jobs of this worker.
    let memory = WorkerMemory()
    private let queue: Condition<Queue>
    private let thread: PlatformThread

    init(name: String) {
        let queue = Condition(Queue())
        self.queue = queue
        thread = PlatformThread(name: name) { Worker.work(queue) }
    }

    /// Queues a job. How many there are is bounded by the requests in flight of all connections.
    func run(_ job: @escaping @Sendable () -> Void) {
        queue.withLock { queue in
            if !queue.isStopped { queue.jobs.append(job) }
        }
        queue.wakeAll()
    }

    /// Finishes the job in work, forgets the others, and ends the thread. Once, not from a job.
    func stop() async {
        queue.withLock { queue in
            queue.isStopped = true
            queue.jobs.removeAll()
        }
        queue.wakeAll()
        await thread.joined()
    }

    private static func work(_ queue: Condition<Queue>) {
        var jobs: [@Sendable () -> Void] = []
        while true {
            let isStopped = queue.wait(upTo: .seconds(3600)) { queue -> Bool? in
                guard !queue.jobs.isEmpty || queue.isStopped else { return nil }
                swap(&jobs, &queue.jobs)
                return queue.isStopped
            }
            if isStopped == true { return }
            for job in jobs { job() }
            jobs.removeAll(keepingCapacity: true)
        }
    }
}

/// What times are looked up with. It is the worker's and not each connection's, because it grows to what was read.
final class WorkerMemory: @unchecked Sendable {
    // Sendable: made with the worker, and from then on used by its jobs only.
    var buffer = ReadBuffer()
    let decoder = RecordDecoder()
}
