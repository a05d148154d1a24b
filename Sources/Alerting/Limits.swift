// Every bound of alerting, with its reason.

package enum AlertingLimits {
    /// Alerts that are remembered after they resolved, for lists and look-ups; the topic holds all of them.
    package static let resolvedAlertsMax = 1000

    /// Alerts that wait for their `for` and are shown as pending.
    package static let pendingShownMax = 1000

    /// What one read of the log returns to the rules: enough to amortise the call, and little to hold.
    package static let readBytes = 256 << 10

    /// Events that one step of the runner takes at most from the log, so that it returns in time (the watchdog asks).
    package static let recordsPerStepMax = 10_000

    /// Alerts in one delivery: those of one rule that changed at once, a webhook's body stays below some 100 KiB.
    package static let alertsPerDeliveryMax = 64

    /// The answer of a receiver, and the output of a command, that is kept to say why a delivery failed.
    package static let answerBytesMax = 4096

    /// For how long a delivery is tried where nobody said: over a long weekend, and not until a receiver that is gone for
    /// good has years of alerts waiting.
    package static let retryFor = Duration.seconds(7 * 86_400)

    /// A file with certificates; those of all public authorities together have 250 KiB.
    package static let certificateBytesMax = 1 << 20

    /// Redirects of one attempt that a hook may be told to follow; more are a circle.
    package static let redirectsMax = 5

    /// How often Alertmanager is told what fires: five times within its default `resolve_timeout`, 5 min.
    package static let resendInterval = Duration.seconds(60)

    /// After so long without a record of topic `system`, which has one every ten seconds, the log does not move.
    package static let stillMax = Duration.seconds(35)

    /// What a receiver's `Retry-After` is cut to: one that is wrong must not silence a hook for days.
    package static let retryAfterMax = Duration.seconds(3600)

    /// Firings of one alert within an hour from which on it is flapping: four may be a fault that was mended badly.
    package static let flapsMin = 5

    /// How long a flapping alert must have fired without a break before it is told all the same.
    package static let flapSettleTime = Duration.seconds(600)

    /// How long an alert that has `inhibited_by` waits for the other to fire first: three ticks, for what fell silent at once
    /// does not fire at once.
    package static let inhibitionLead = Duration.seconds(30)

    /// How long an alert speaks for others after it has resolved: until the devices behind a gateway have spoken again.
    package static let inhibitionTrail = Duration.seconds(300)

    /// How often held, repeated and escalated alerts are looked at, while there are any.
    package static let policyInterval = Duration.seconds(5)

    /// A hook's ledger with an entry of some 150 bytes for as many alerts as can fire. A larger file is damage.
    package static let ledgerBytesMax = 32 << 20

    /// Silences that are not over: more than people keep in mind, and each is compared with each alert that fires.
    package static let silencesMax = 1000

    /// Acknowledgements in the book, those of past firings included until they are swept: some 300 bytes each.
    package static let acknowledgementsMax = 20_000

    /// A pattern, a label's name or an author, and a comment, in bytes: what fits on a screen.
    package static let operationTextBytesMax = 256
    package static let operationCommentBytesMax = 1024

    /// Labels that one silence may name.
    package static let silenceLabelsMax = 16

    /// The longest silence: what is meant for ever is a change of the rules.
    package static let silenceMax = Duration.seconds(366 * 86_400)

    /// An alert that is told so long after its edge is told as late: beyond what ticks and a first retry or two take.
    package static let lateAfter = Duration.seconds(60)

    /// A hook's dead letters; beyond it they are counted and logged only.
    package static let deadLetterBytesMax: Int64 = 4 << 20

    /// The rules' snapshot with its positions. A larger file is damage.
    package static let snapshotBytesMax = 300 << 20

    /// Of these the values of alerts that fire, a kilobyte each. Where more fire, a start reads all of topic `alerts`.
    package static let bookBytesMax = 16 << 20

    /// Firings of a replay that are drawn: a table of more rows is read by programs.
    package static let picturesMax = 1000

    /// How often the snapshot is written: what a restart has to replay at most, with the records below.
    package static let snapshotInterval = Duration.seconds(60)
    package static let snapshotRecords = 1_000_000

    /// A snapshot with large windows is written less often: what a card can bear for years, 2.8 GB a day.
    package static let snapshotBytesPerSecond = 32 << 10

    /// After a snapshot that could not be saved: a full disk is asked again now and then, not in every step.
    package static let snapshotRetryInterval = Duration.seconds(10)

    /// How long stop and reload wait for the commit of the last edges before they leave the snapshot to the next start.
    package static let durableWait = Duration.seconds(10)

    // MARK: The box's alerts about itself

    /// An input that is not connected for so long is told of: a broker that is restarted, or a port that is plugged in
    /// again, is back within a minute or two.
    package static let notConnectedMax = Duration.seconds(300)
    /// It must stay connected for so long before that is over: some brokers let a client in and throw it out again.
    package static let connectedMin = Duration.seconds(60)
    /// No silence of an input is shorter than this.
    package static let silenceMin = Duration.seconds(600)
    /// An input is silent after so many times the longest pause that it had within a day: what sleeps every night is told
    /// of once.
    package static let pausesFactor = 3
    /// So many pauses must have been seen before one can be called long.
    package static let pausesMin = 3
    /// Drops of the kernel come in bursts; without one for so long they are over.
    package static let noDropsMin = Duration.seconds(600)
    /// Retention looks at the free space every few seconds and removes whole segments: what is still low after this is
    /// low for another reason.
    package static let lowSpaceMax = Duration.seconds(300)
    /// A full disk is told of sooner, and not where retention makes room with the next attempts.
    package static let fullDiskMax = Duration.seconds(60)
    package static let enoughSpaceMin = Duration.seconds(300)
    /// A hook's pauses between attempts grow up to five minutes: this is two of them.
    package static let failingMax = Duration.seconds(600)
    /// A box that has just booted is given this time to find its time server.
    package static let unsynchronisedMax = Duration.seconds(600)
    /// A clock that was moved is moved again soon, where it is.
    package static let steadyMin = Duration.seconds(600)
    /// Time servers move a clock that they have once set by milliseconds.
    package static let clockStepMin = Duration.seconds(60)
}
