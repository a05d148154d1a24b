// When a mute window is open: by the wall clock of its time zone, as people there read it.
internal import Foundation
package import Platform
package import Rules

extension MuteWindow {
    /// `boxZone`: identifier of the zone of a window that names none; an unknown one is UTC.
    ///
    /// An hour that a change of the clock leaves out is no part of the window, one that comes twice is both times.
    package func isOpen(at time: Timestamp, boxZone: String) -> Bool {
        let zone = TimeZone(identifier: timeZone ?? boxZone) ?? .gmt
        let date = Date(timeIntervalSince1970: Double(time.milliseconds) / 1000)
        let local = time.milliseconds / 1000 + Int64(zone.secondsFromGMT(for: date))
        let second = (local % 86_400 + 86_400) % 86_400
        let minute = Int(second / 60)
        // Day 0, the first of January 1970, was a Thursday.
        let weekday = Int((((local - second) / 86_400 + 3) % 7 + 7) % 7)
        if start < end { return days.contains(weekday) && minute >= start && minute < end }
        return days.contains(weekday) && minute >= start || days.contains((weekday + 6) % 7) && minute < end
    }
}
