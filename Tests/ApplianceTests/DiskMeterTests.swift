// How long a disk lasts, from samples of what the kernel says.
import Appliance
import Platform
import Testing

@Suite("Disk meter")
struct DiskMeterTests {
    private func sample(hours: Double, free: Int64, written: Int64?) -> DiskMeter.Sample {
        DiskMeter.Sample(
            at: MonotonicInstant(nanoseconds: Int64(hours * 3.6e12)),
            free: free,
            deviceWritten: written
        )
    }

    @Test("nothing is said before an hour was seen")
    func tooEarly() {
        let meter = DiskMeter()
        meter.add(sample(hours: 0, free: 1000, written: 0))
        let now = sample(hours: 0.9, free: 900, written: 500)
        #expect(meter.daysLeft(now) == nil)
        #expect(meter.deviceBytesPerDay(now) == nil)
    }

    @Test("space and writes are taken at the pace of the last day, not of all time")
    func pace() throws {
        let meter = DiskMeter()
        for hour in 0...48 {
            // The first day is ten times as busy as the second.
            let spent: Int64 = hour <= 24 ? Int64(hour) * 1000 : 24_000 + Int64(hour - 24) * 100
            meter.add(sample(hours: Double(hour), free: 100_000 - spent, written: spent * 2))
        }
        let now = sample(hours: 48, free: 100_000 - 26_400, written: 52_800)
        #expect(try #require(meter.daysLeft(now)) == Double(73_600) / 2400)
        #expect(try #require(meter.deviceBytesPerDay(now)) == 4800)
    }

    @Test("a device that is not known, or was exchanged, has no pace; space that grows is no end")
    func unknown() {
        let meter = DiskMeter()
        meter.add(sample(hours: 0, free: 1000, written: 5000))
        #expect(meter.deviceBytesPerDay(sample(hours: 2, free: 1000, written: nil)) == nil)
        #expect(meter.deviceBytesPerDay(sample(hours: 2, free: 1000, written: 10)) == nil)
        #expect(meter.daysLeft(sample(hours: 2, free: 1000, written: nil)) == nil)
    }
}
