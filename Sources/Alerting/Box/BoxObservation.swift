// What the daemon sees of itself at one moment, for the alerts that need no rule.
package import Platform

package struct BoxObservation: Sendable {
    package struct Input: Sendable {
        package var name: String
        /// Connected, listening or open.
        package var isUp: Bool
        /// What it says of itself, one sentence.
        package var text: String
        /// Payloads since the start of the daemon.
        package var received: UInt64
        /// Datagrams that the kernel dropped since then; 0 for what gets none.
        package var kernelDrops: UInt64

        package init(name: String, isUp: Bool, text: String, received: UInt64, kernelDrops: UInt64) {
            self.name = name
            self.isUp = isUp
            self.text = text
            self.received = received
            self.kernelDrops = kernelDrops
        }
    }

    package struct Hook: Sendable {
        package enum Delivery: Sendable {
            /// This run has nothing to tell from.
            case untried
            case working
            /// From the first attempt on that failed and was followed by no other.
            case failing(since: MonotonicInstant, error: String)
        }

        package var name: String
        package var delivery: Delivery

        package init(_ status: HookStatus) {
            name = status.name
            if let since = status.failingSince {
                delivery = .failing(since: since, error: status.lastError ?? "unknown")
            } else {
                delivery = status.lastSuccess == nil ? .untried : .working
            }
        }
    }

    package struct Disk: Sendable {
        /// Bytes free on the file system of `data`.
        package var free: Int64
        /// Of these, what retention keeps free.
        package var keepFree: Int64
        /// The log takes nothing new.
        package var isFull: Bool

        package init(free: Int64, keepFree: Int64, isFull: Bool) {
            self.free = free
            self.keepFree = keepFree
            self.isFull = isFull
        }
    }

    package var box: String
    package var wall: Timestamp
    package var monotonic: MonotonicInstant
    package var clock: ClockQuality
    /// Whether it matters that the wall clock moves against the monotonic one.
    package var watchesSteps: Bool
    package var inputs: [Input]
    package var hooks: [Hook]
    /// nil where the file system does not answer.
    package var disk: Disk?
    /// The end of topic `system` at that moment: the cause that an edge names.
    package var systemEnd: Int64

    package init(
        box: String,
        wall: Timestamp,
        monotonic: MonotonicInstant,
        clock: ClockQuality,
        watchesSteps: Bool,
        inputs: [Input],
        hooks: [Hook],
        disk: Disk?,
        systemEnd: Int64
    ) {
        self.box = box
        self.wall = wall
        self.monotonic = monotonic
        self.clock = clock
        self.watchesSteps = watchesSteps
        self.inputs = inputs
        self.hooks = hooks
        self.disk = disk
        self.systemEnd = systemEnd
    }
}
