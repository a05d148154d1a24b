// The input seam: what a thread drives, whatever the transport.
internal import Synchronization

/// One transport endpoint (or all serial ports of one thread). Owned by its thread from the first `step()` on.
package protocol InputAdapter: AnyObject {
    /// Waits for input for at most `InputLimits.stepWaitMax`, takes in what is there, and hands over what is due.
    /// Never throws: operating errors become state, counters and back-off.
    func step()
    /// Stops taking in, hands over everything, waits until it is durable, sends the acknowledgements that are due, and closes.
    func finish()
}

/// What an input says of its connection. For people and for `/readyz`.
package struct InputState: Hashable, Sendable {
    /// Connected, listening or open.
    package var isUp: Bool
    /// One sentence: what is the case, and where it failed, why.
    package var text: String
    /// Further facts, e.g. `receive_buffer: 425984` or `baud: 115200 8N1`.
    package var details: [String: String]

    package init(isUp: Bool, text: String, details: [String: String] = [:]) {
        self.isUp = isUp
        self.text = text
        self.details = details
    }
}

/// Where an adapter puts its state and everybody else reads it. One leaf lock, taken on changes and by readers.
package final class InputStateBox: Sendable {
    private let state: Mutex<InputState>

    package init(_ initial: InputState = InputState(isUp: false, text: "starting")) {
        state = Mutex(initial)
    }

    package var current: InputState { state.withLock { $0 } }

    package func set(_ new: InputState) {
        state.withLock { $0 = new }
    }
}

/// The bounds of the inputs, with their reasons.
package enum InputLimits {
    /// Longest wait inside of one `step()`: shutdown and reload are noticed within it.
    package static let stepWaitMax = Duration.milliseconds(200)
    /// The wait between two attempts to hand over while the log takes nothing: it frees room once per commit.
    package static let blockedNap = Duration.milliseconds(2)
    /// Longest wait for the log in `finish()`: a slow card syncs within it, and systemd allows 90 s for everything together.
    package static let finishMax = Duration.seconds(10)
    /// Largest payload unless the input says otherwise: a gateway's batch of a thousand readings fits.
    package static let payloadBytesMax = 256 * 1024
    /// Longest MQTT topic: each record of a payload repeats it as `from`. Topics that people choose rarely pass 200 bytes.
    package static let topicBytesMax = 1024
    /// Largest sum of the records of one payload: fifty times what a gateway's batch of a thousand readings becomes, and
    /// bearable in memory, where all of them wait until the payload has been read to its end.
    package static let payloadOutputBytesMax = 16 * 1024 * 1024
    /// Bytes of refused payloads that an input keeps for good: beyond it a flood of garbage would wear the disk out. In a
    /// burst as much as the largest payload may become.
    static let rejectedBytesPerSecond: Int64 = 1024 * 1024
    static let rejectedBytesBurst: Int64 = 16 * 1024 * 1024
    /// Largest UDP datagram kept: what IPv4 can carry without fragments reassembled beyond 64 KiB.
    package static let datagramBytesMax = 65_535
    /// Longest serial line: NMEA allows 82, line protocol from a microcontroller rarely passes 1 KiB.
    package static let lineBytesMax = 4096
}
