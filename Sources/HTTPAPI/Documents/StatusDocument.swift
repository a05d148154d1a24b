// What `GET /api/v1/status` and `GET /readyz` answer.
package import EventModel

/// Whether the box does its job: recovered, listening, required inputs up.
package struct Readiness: Hashable, Codable, Sendable {
    package var ready: Bool
    /// Sentences, one for each thing that is still wanted.
    package var reasons: [String]

    package init(reasons: [String]) {
        ready = reasons.isEmpty
        self.reasons = reasons
    }
}

/// The state of one input.
package struct InputStatus: Hashable, Codable, Sendable {
    /// Payloads of one reason that were refused since start.
    package struct Rejected: Hashable, Codable, Sendable {
        package var reason: String
        package var count: UInt64
        /// The last such payload's first bytes, made printable; nil where it is not at hand.
        package var sample: String?
        /// What to type to see more.
        package var hint: String?

        package init(reason: String, count: UInt64, sample: String? = nil, hint: String? = nil) {
            self.reason = reason
            self.count = count
            self.sample = sample
            self.hint = hint
        }
    }

    package var name: String
    /// `mqtt`, `udp`, `serial`.
    package var type: String
    /// Whether it can receive: connected, bound, or port open.
    package var connected: Bool
    /// Why it cannot, or what the kernel granted, in words.
    package var detail: String?
    /// Where the configuration demands that it is up.
    package var required: Bool
    /// Payloads per second over the last minute.
    package var rate: Double
    package var received: UInt64
    package var appended: UInt64
    package var events: UInt64
    package var dropped: UInt64
    package var rejected: [Rejected]
    package var lastPayload: JSONTimestamp?

    package init(
        name: String,
        type: String,
        connected: Bool,
        detail: String? = nil,
        required: Bool,
        rate: Double,
        received: UInt64,
        appended: UInt64,
        events: UInt64,
        dropped: UInt64,
        rejected: [Rejected],
        lastPayload: JSONTimestamp?
    ) {
        self.name = name
        self.type = type
        self.connected = connected
        self.detail = detail
        self.required = required
        self.rate = rate
        self.received = received
        self.appended = appended
        self.events = events
        self.dropped = dropped
        self.rejected = rejected
        self.lastPayload = lastPayload
    }

    enum CodingKeys: String, CodingKey {
        case name, type, connected, detail, required, rate, received, appended, events, dropped, rejected
        case lastPayload = "last_payload"
    }
}

/// The state of one hook.
package struct HookStatus: Hashable, Codable, Sendable {
    package var name: String
    package var type: String
    /// Alert transitions that wait for it.
    package var lag: Int64
    package var delivered: UInt64
    package var failed: UInt64
    package var lastSuccess: JSONTimestamp?
    /// The last failure in words; nil after a success.
    package var lastError: String?

    package init(
        name: String,
        type: String,
        lag: Int64,
        delivered: UInt64,
        failed: UInt64,
        lastSuccess: JSONTimestamp?,
        lastError: String?
    ) {
        self.name = name
        self.type = type
        self.lag = lag
        self.delivered = delivered
        self.failed = failed
        self.lastSuccess = lastSuccess
        self.lastError = lastError
    }

    enum CodingKeys: String, CodingKey {
        case name, type, lag, delivered, failed
        case lastSuccess = "last_success"
        case lastError = "last_error"
    }
}

/// Devices by state, and those that wait for somebody to look at them.
package struct DevicesStatus: Hashable, Codable, Sendable {
    package var new: Int
    package var active: Int
    package var blocked: Int
    /// The newest ids in state `new`; a few.
    package var newest: [String]

    package init(new: Int, active: Int, blocked: Int, newest: [String]) {
        self.new = new
        self.active = active
        self.blocked = blocked
        self.newest = newest
    }
}

/// Alerts by state, and the firing ones as they stand in the topic `alerts`.
package struct AlertsStatus: Hashable, Codable, Sendable {
    package var pending: Int
    package var firing: [JSONDocument]

    package init(pending: Int, firing: [JSONDocument]) {
        self.pending = pending
        self.firing = firing
    }
}

/// The file system of the data directory.
package struct DiskStatus: Hashable, Codable, Sendable {
    package var freeBytes: Int64
    package var sizeBytes: Int64
    package var logBytes: Int64
    /// At the growth of the last day; nil where there is none, or too little is known.
    package var daysLeft: Double?
    /// Sent to storage by the daemon, for each event stored since its start; nil where there is none, or the kernel does
    /// not say.
    package var writtenBytesPerEvent: Double?
    /// Given to the whole device, by everybody; nil where less than an hour was seen, or the kernel does not say.
    package var deviceWrittenBytesPerDay: Double?
    /// A new card of the stated endurance, at `deviceWrittenBytesPerDay`; nil where none was stated.
    package var cardDaysLeft: Double?

    package init(
        freeBytes: Int64,
        sizeBytes: Int64,
        logBytes: Int64,
        daysLeft: Double?,
        writtenBytesPerEvent: Double?,
        deviceWrittenBytesPerDay: Double?,
        cardDaysLeft: Double?
    ) {
        self.freeBytes = freeBytes
        self.sizeBytes = sizeBytes
        self.logBytes = logBytes
        self.daysLeft = daysLeft
        self.writtenBytesPerEvent = writtenBytesPerEvent
        self.deviceWrittenBytesPerDay = deviceWrittenBytesPerDay
        self.cardDaysLeft = cardDaysLeft
    }

    enum CodingKeys: String, CodingKey {
        case freeBytes = "free_bytes"
        case sizeBytes = "size_bytes"
        case logBytes = "log_bytes"
        case daysLeft = "days_left"
        case writtenBytesPerEvent = "written_bytes_per_event"
        case deviceWrittenBytesPerDay = "device_written_bytes_per_day"
        case cardDaysLeft = "card_days_left"
    }
}

/// What a person wants to know of the box at a glance.
package struct StatusDocument: Hashable, Codable, Sendable {
    /// `degraded` is still serving; `problems` says what is wrong.
    package enum State: String, Codable, Sendable {
        case ok, degraded, starting, stopping
    }

    package var box: String
    package var version: String
    package var pid: Int32
    package var state: State
    /// Sentences, the worst first.
    package var problems: [String]
    package var started: JSONTimestamp
    package var time: JSONTimestamp
    package var clockSynchronised: Bool
    package var inputs: [InputStatus]
    package var devices: DevicesStatus
    package var alerts: AlertsStatus
    package var hooks: [HookStatus]
    package var disk: DiskStatus

    package init(
        box: String,
        version: String,
        pid: Int32,
        state: State,
        problems: [String],
        started: JSONTimestamp,
        time: JSONTimestamp,
        clockSynchronised: Bool,
        inputs: [InputStatus],
        devices: DevicesStatus,
        alerts: AlertsStatus,
        hooks: [HookStatus],
        disk: DiskStatus
    ) {
        self.box = box
        self.version = version
        self.pid = pid
        self.state = state
        self.problems = problems
        self.started = started
        self.time = time
        self.clockSynchronised = clockSynchronised
        self.inputs = inputs
        self.devices = devices
        self.alerts = alerts
        self.hooks = hooks
        self.disk = disk
    }

    enum CodingKeys: String, CodingKey {
        case box, version, pid, state, problems, started, time, inputs, devices, alerts, hooks, disk
        case clockSynchronised = "clock_synchronised"
    }
}
