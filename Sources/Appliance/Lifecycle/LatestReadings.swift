// The newest reading of every device and metric, for `/metrics/readings`.
internal import EventModel
internal import HTTPAPI
internal import Platform
internal import Synchronization

/// Fed on the rules thread with every event that rules see, read by scrapes. One leaf lock, taken per event; nothing is
/// allocated once a series is known. Series beyond `seriesMax` are left out.
final class LatestReadings: Sendable {
    /// Twice what a scrape shows.
    private static let seriesMax = 2 * ReadingGauges.seriesMax

    private struct Series: BitwiseCopyable {
        var value: Double
        var time: Int64
        var unit: Int32
    }

    private struct Table: ~Copyable {
        /// `device NUL metric`, both as the log escapes them, to the place in `series`.
        var names: Interner
        var units: Interner
        var series: [Series] = []
        var name = ByteBuilder(capacity: 256)

        init(seed: UInt64) {
            names = Interner(seed: seed, capacityMax: LatestReadings.seriesMax)
            units = Interner(seed: seed, capacityMax: 4096)
        }

        mutating func take(_ event: borrowing StoredEvent, _ value: RawSpan) {
            value.withUnsafeBytes { bytes in
                for reading in event.readings { take(reading, of: event, bytes) }
            }
        }

        private mutating func take(
            _ reading: StoredReading,
            of event: borrowing StoredEvent,
            _ bytes: UnsafeRawBufferPointer
        ) {
            name.removeAll()
            name.append(LatestReadings.bytes(bytes, event.device))
            name.append(0)
            name.append(LatestReadings.bytes(bytes, reading.metric))
            guard let id = names.id(of: name.bytes) else { return }
            let unit =
                reading.unit.isEmpty ? -1 : units.id(of: LatestReadings.bytes(bytes, reading.unit)) ?? -1
            let fresh = Series(value: reading.value, time: event.time, unit: unit)
            if Int(id) == series.count {
                series.append(fresh)
            } else if fresh.time >= series[Int(id)].time {
                series[Int(id)] = fresh
            }
        }
    }

    private let table: Mutex<Table>

    /// `seed`: of hashes; secret, for the names come from a network.
    init(seed: UInt64) {
        table = Mutex(Table(seed: seed))
    }

    /// Takes in one event; retained ones are not the device's word of now.
    func take(_ event: borrowing StoredEvent, _ value: RawSpan) {
        guard !event.isRetained else { return }
        table.withLock { $0.take(event, value) }
    }

    /// Every series that is known, with the expected interval of its device.
    func readings(_ directory: DeviceDirectory) -> [LatestReading] {
        table.withLock { table in
            table.series.indices.map { index in
                let name = table.names.bytes(of: Int32(index)).split(separator: 0, omittingEmptySubsequences: false)
                    .map { JSONText.unescaped(UnsafeRawBufferPointer(rebasing: $0)) }
                let series = table.series[index]
                let device = name.first ?? ""
                return LatestReading(
                    device: device,
                    metric: name.last ?? "",
                    unit: series.unit < 0 ? "" : JSONText.unescaped(table.units.bytes(of: series.unit)),
                    value: series.value,
                    time: Timestamp(milliseconds: series.time),
                    expectedInterval: directory.devices[device]?.expectedInterval
                )
            }
        }
    }

    private static func bytes(_ value: UnsafeRawBufferPointer, _ slice: ByteSlice) -> UnsafeRawBufferPointer {
        guard slice.start >= 0, slice.count >= 0, slice.start <= value.count, slice.count <= value.count - slice.start
        else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(rebasing: value[slice.start..<slice.start + slice.count])
    }
}
