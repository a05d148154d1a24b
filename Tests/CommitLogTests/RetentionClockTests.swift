// Retention by age under clocks that are wrong, step, and are put right again.
import CommitLog
import Platform
import Testing

@Suite("Retention and the clock")
struct RetentionClockTests {
    private static let year = Duration.seconds(365 * 86_400)

    /// Six records ten minutes apart, one a segment, kept for a day.
    private func log(_ directory: TemporaryDirectory, _ clock: ManualClock) throws -> LogFixture {
        let topics: [TopicName: TopicConfiguration] = [.readings: .init(retention: .seconds(86_400))]
        let fixture = try LogFixture(directory.path, clock: clock, topics: topics, segmentBytes: 60)
        for number in 0..<6 {
            try fixture.append(["\(number)"])
            clock.advance(.seconds(600))
        }
        return fixture
    }

    /// Lets time pass in steps of a minute, as the writer sees it.
    private func pass(_ duration: Duration, _ fixture: LogFixture) {
        for _ in 0..<Int(duration / .seconds(60)) {
            fixture.clock.advance(.seconds(60))
            _ = fixture.writer.step(waitUpTo: .zero)
        }
    }

    private func step(_ clock: ManualClock, by duration: Duration) { clock.setWall(clock.now().advanced(by: duration)) }

    /// Whether records were deleted although no time had passed for them.
    private func loses(stepsWallOnly: Bool) throws -> Bool {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let fixture = try log(directory, clock)
        for direction in [Self.year, Self.year * -1] {
            // The planted bug: a step that no comparison with the monotonic clock can see.
            if stepsWallOnly { step(clock, by: direction) } else { clock.advance(direction) }
            pass(.seconds(300), fixture)
        }
        return try fixture.partition().logStartOffset > .zero
    }

    @Test("a clock that steps a year forward and is put right within ten minutes deletes nothing; unseen it would")
    func steps() throws {
        #expect(try !loses(stepsWallOnly: true))
        #expect(try loses(stepsWallOnly: false))
    }

    @Test("a step suspends for ten minutes of monotonic time, and says so", arguments: [1, -1] as [Int64])
    func suspension(direction: Int64) throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let fixture = try log(directory, clock)
        #expect(fixture.log.metrics.ageRetention == .active)
        step(clock, by: .seconds(3700 * direction))
        pass(.seconds(60), fixture)
        #expect(fixture.log.metrics.ageRetention == .stepped)
        pass(.seconds(540), fixture)
        #expect(fixture.log.metrics.ageRetention == .stepped)
        pass(.seconds(60), fixture)
        #expect(fixture.log.metrics.ageRetention == .active)
        pass(.seconds(90_000), fixture)
        #expect(try fixture.partition().logStartOffset >= Offset(5))
    }

    @Test("an hour, a slow clock and a clock without a source are no steps; without a source nothing ages")
    func noSteps() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let fixture = try log(directory, clock)
        for _ in 0..<100 {
            step(clock, by: .seconds(3500))
            pass(.seconds(60), fixture)
            #expect(fixture.log.metrics.ageRetention == .active)
            step(clock, by: .seconds(-3500))
            pass(.seconds(60), fixture)
        }
        clock.set(.unsynchronised)
        pass(.seconds(200_000), fixture)
        #expect(fixture.log.metrics.ageRetention == .unsynchronised)
        #expect(try fixture.partition().logStartOffset == .zero)
        clock.set(.synchronised)
        pass(.seconds(60), fixture)
        #expect(try fixture.partition().logStartOffset >= Offset(5))
    }

    @Test("what was stored while the clock was years ahead ages from when it is put right, and holds nobody up")
    func future() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let fixture = try log(directory, clock)
        step(clock, by: Self.year * 12)
        pass(.seconds(60), fixture)
        for number in 6..<9 { try fixture.append(["\(number)"]) }
        step(clock, by: Self.year * -12)
        for number in 9..<12 { try fixture.append(["\(number)"]) }
        pass(.seconds(86_000), fixture)
        #expect(try fixture.partition().logStartOffset <= Offset(6))
        pass(.seconds(3000), fixture)
        #expect(try fixture.partition().logStartOffset >= Offset(11))
    }

    @Test("a device that dates its readings 2038 or 1999 neither holds nor deletes a segment")
    func deviceTime() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let topics: [TopicName: TopicConfiguration] = [.readings: .init(retention: .seconds(86_400))]
        let fixture = try LogFixture(directory.path, clock: clock, topics: topics, segmentBytes: 60)
        for (number, time) in ([2_145_916_800_000, 915_148_800_000, 1_795_000_000_000] as [Int64]).enumerated() {
            try fixture.append(["\(number)"], at: time)
        }
        pass(.seconds(86_000), fixture)
        #expect(try fixture.partition().logStartOffset == .zero)
        pass(.seconds(600), fixture)
        #expect(try fixture.partition().logStartOffset == Offset(3))
    }
}
