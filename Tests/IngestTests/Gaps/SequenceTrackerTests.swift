// Which sequence numbers are missing, by hand and against a model.
import Ingest
import Testing

@Suite("Sequence tracker")
struct SequenceTrackerTests {
    /// Numbers missing less those that came late.
    private func lost(_ numbers: [UInt64], _ tracker: inout SequenceTracker) -> Int {
        numbers.reduce(0) { sum, number in
            switch tracker.note(number) {
            case .nothing: sum
            case .missing(let range): sum + Int(range.upperBound - range.lowerBound + 1)
            case .late: sum - 1
            }
        }
    }

    private struct Case: Sendable {
        var numbers: [UInt64]
        var lost: Int

        init(_ numbers: [UInt64], _ lost: Int) {
            self.numbers = numbers
            self.lost = lost
        }
    }

    private static let last = UInt64.max

    private static let cases: [Case] = [
        Case([0, 1, 2, 3], 0), Case([5, 6, 9], 2), Case([0, 2], 1), Case([1, 3, 2, 4], 0), Case([1, 2, 2, 2, 3], 0),
        Case([1, 5, 2, 2, 6], 2), Case([1000, 1001, 0, 1, 2], 0), Case([1000, 1001, 0, 1, 4], 2),
        Case([65_534, 65_535, 0, 1], 0), Case([100, 7, 101, 8, 102, 9], 0), Case([1, 2, 1_700_000_000], 0),
        Case([1_700_000_000_000, 1_700_000_001_000], 999), Case([last, 0, 1], 0), Case([last, 5], 0),
        Case([0, 200, 136, 137], 199), Case([0, 200, 137], 198),
    ]

    @Test(
        "counts what is passed over, and neither repeats nor what comes late nor a counter that starts anew",
        arguments: cases.indices
    )
    func findings(index: Int) {
        let one = SequenceTrackerTests.cases[index]
        var tracker = SequenceTracker()
        let found = lost(one.numbers, &tracker)
        #expect(found == one.lost, "\(one.numbers)")
    }

    @Test("names the numbers")
    func names() {
        var tracker = SequenceTracker()
        let findings = [UInt64](arrayLiteral: 5, 9, 7, 7, 10).map { tracker.note($0) }
        #expect(findings == [.nothing, .missing(6...8), .late, .nothing, .nothing])
    }

    /// A stream with losses, repeats and neighbours that overtook one another, and how many of it are lost.
    private func stream(seed: UInt64) -> (numbers: [UInt64], lost: Int) {
        var state = seed
        func random(_ below: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % below
        }
        var numbers: [UInt64] = [0]
        var lost = 0
        for number in UInt64(1)...500 {
            switch random(10) {
            case 0: lost += 1
            case 1: numbers += [number, number]
            case 2:
                numbers.append(number)
                let back = min(Int(random(20)), numbers.count - 2)
                numbers.swapAt(numbers.count - 1, numbers.count - 1 - back)
            default: numbers.append(number)
            }
        }
        numbers.append(501)
        return (numbers, lost)
    }

    @Test("what is missing less what came late is what was lost", arguments: 1...50)
    func model(seed: UInt64) {
        let (numbers, expected) = stream(seed: seed)
        var tracker = SequenceTracker()
        let found = lost(numbers, &tracker)
        #expect(found == expected)
    }

    @Test("a tracker that knows the last number only would be found")
    func plantedBug() {
        let wrong = (1...50).filter { seed in
            let (numbers, expected) = stream(seed: UInt64(seed))
            var last = numbers[0]
            var found = 0
            for number in numbers.dropFirst() {
                if number > last { found += Int(number - last) - 1 }
                last = number
            }
            return found != expected
        }
        #expect(wrong.count > 25)
    }
}
