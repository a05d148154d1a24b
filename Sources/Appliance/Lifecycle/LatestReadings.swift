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
        /// `device NUL metric` to the place in `series`.
        var names = Interner(seed: 0x6C61_7465_7374, capacityMax: LatestReadings.seriesMax)
        var units = Interner(seed: 0x756E_6974, capacityMax: 4096)
        var series: [Series] = []
        var name = ByteBuilder(capacity: 256)

        mutating func take(_ event: StoredEvent, _ bytes: UnsafeRawBufferPointer) {
            for reading in event.readings {
                name.removeAll()
                name.append(LatestReadings.bytes(bytes, event.device))
                name.append(0)
                name.append(LatestReadings.bytes(bytes, reading.metric))
                guard let id = names.id(of: name.bytes) else { continue }
                let unit = units.id(of: LatestReadings.bytes(bytes, reading.unit)) ?? -1
                let fresh = Series(value: reading.value, time: event.time, unit: unit)
                if Int(id) == series.count {
                    series.append(fresh)
                } else if fresh.time >= series[Int(id)].time {
                    series[Int(id)] = fresh
                }
            }
        }
    }

    private let table = Mutex(Table())

    /// Takes in one event; retained ones are not the device's word of now.
    func take(_ event: StoredEvent, _ value: RawSpan) {
        guard !event.isRetained else { return }
        value.withUnsafeBytes { bytes in
            table.withLock { $0.take(event, bytes) }
        }
    }

    /// Every series that is known, with the expected interval of its device.
    func readings(_ directory: DeviceDirectory) -> [LatestReading] {
        table.withLock { table in
            table.series.indices.map { index in
                let name = table.names.string(of: Int32(index)).split(separator: "\0", omittingEmptySubsequences: false)
                let series = table.series[index]
                let device = String(name.first ?? "")
                return LatestReading(
                    device: device,
                    metric: String(name.last ?? ""),
                    unit: series.unit < 0 ? "" : table.units.string(of: series.unit),
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
