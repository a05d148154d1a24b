// Every bound of the rule engine, with its reason.

package enum RuleLimits {
    /// Instances (level of a rule, device, metric) that are evaluated; further ones are counted and left alone. At some 250 bytes
    /// each this is 25 MB: ten rules over ten thousand devices.
    package static let instancesMax = 100_000

    /// Levels of one rule; each of them is an instance.
    package static let levelsMax = 8

    /// Readings that one window holds, 16 bytes each, the newest ones; a faster device's are counted as left out.
    package static let windowReadingsMax = 4096

    /// Readings in all windows, 32 MB; where they are that many, a window that takes one in gives its oldest for it.
    package static let windowsReadingsMax = 2_000_000

    /// How long a window may be.
    package static let windows: ClosedRange<Duration> = .seconds(1)...(.seconds(31 * 86_400))

    /// Of an expression: how deep it is nested, its parts, and the windows that it makes for every device.
    package static let expressionDepthMax = 32
    package static let expressionNodesMax = 128
    package static let expressionTermsMax = 16

    package static let expressionBytesMax = 4096

    /// Longest state that is compared with, in bytes: what ingest stores.
    package static let stateBytesMax = 64

    /// Labels that tell groups apart.
    package static let groupLabelsMax = 8

    /// Devices of a group rule whose newest breach is remembered, over all groups.
    package static let groupMembersMax = instancesMax

    /// Groups of all rules: the values of a label come with events, so a device can make as many as it likes.
    package static let groupsMax = 10_000

    /// Devices that a group's alert names.
    package static let groupDevicesMax = 100

    /// Spellings of units that are converted, or are not, for all rules.
    package static let unitSpellingsMax = 256

    /// A gap between two times of a device that counts towards its usual interval although the box did not see it pass: a
    /// device that sends what it has stored.
    package static let unseenGapMax: Int64 = 3_600_000

    /// The least time that so many usual intervals stand for: with less, a tick that is late would be silence.
    package static let absentMin: Int64 = 3 * tickMilliseconds

    /// Usual intervals that `absent` may count.
    package static let intervalsMax = 1000

    /// How far back firings of an alert are counted, in milliseconds: long enough to tell a value that crosses its limit again
    /// and again from one that is beyond it twice.
    package static let flapWindow: Int64 = 3_600_000

    /// Firings of one alert that are remembered for that, 8 bytes each; with more the count stays there.
    package static let flapsMax = 100

    /// Names of devices, and of metrics, that the lookup tables hold. Beyond it the tables are built anew from the live
    /// instances, so that names that no rule watches can come and go.
    package static let namesMax = 4 * instancesMax + 65_536

    /// Bindings and candidates of the lookup tables, 24 and 12 bytes each, before they are built anew likewise.
    package static let tablesMax = 2_000_000

    /// Longest device id or metric name that is looked at, in bytes. Ingest allows 128; a longer one is not ours.
    package static let nameBytesMax = 1024

    /// Labels of one event that are remembered, in bytes of JSON; with more, an alert carries none.
    package static let labelBytesMax = 16 << 10

    /// How late a reading may be, against the newest of its instance, and still count (DESIGN section 8).
    package static let latenessMilliseconds: Int64 = 30_000

    /// The daemon's tick. A reading lies at most two of them behind the tick before it.
    package static let tickMilliseconds: Int64 = 10_000

    /// A snapshot larger than this is damage: the most instances with ample labels.
    package static let snapshotBytesMax = 256 << 20
}
