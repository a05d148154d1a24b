// An actor's executor on a thread of its own, so that the actor may block for a file without starving the shared pool.
internal import Synchronization

/// Runs an actor's jobs one after the other on one `PlatformThread`.
///
/// Lifecycle: the thread starts with `init` and ends after `stop()`; jobs that come later run nowhere, so an actor must
/// be done before its executor is stopped.
package final class ThreadExecutor: SerialExecutor {
    private struct Queue {
        var jobs: [UnownedJob] = []
        var isStopped = false
    }

    private let queue = Condition(Queue())
    private let thread = Mutex<PlatformThread?>(nil)

    package init(name: String) {
        let started = PlatformThread(name: name) { [self] in run() }
        thread.withLock { $0 = started }
    }

    /// Queues a job for the thread; called by the concurrency runtime, from any thread.
    package func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        queue.withLock { $0.jobs.append(unowned) }
        queue.wakeAll()
    }

    /// Finishes the jobs that are queued, ends the thread and waits for it. Never from a job.
    package func stop() async {
        queue.withLock { $0.isStopped = true }
        queue.wakeAll()
        let running = thread.withLock { thread in
            let taken = thread
            thread = nil
            return taken
        }
        await running?.joined()
    }

    private func run() {
        var jobs: [UnownedJob] = []
        while true {
            let isStopped = queue.wait(upTo: .seconds(3600)) { queue -> Bool? in
                guard !queue.jobs.isEmpty || queue.isStopped else { return nil }
                swap(&jobs, &queue.jobs)
                return queue.isStopped
            }
            for job in jobs { job.runSynchronously(on: asUnownedSerialExecutor()) }
            if isStopped == true && jobs.isEmpty { return }
            jobs.removeAll(keepingCapacity: true)
        }
    }
}
