// What would become of a payload, without a log: the same decoder and normaliser, run once for `forebay explain`.
internal import CommitLog
package import EventModel
package import Platform

/// One part of a payload as it would be stored or refused.
package enum PreviewedPart: Sendable {
    /// A record of `readings`: its key, its value (JSON), the partition, and whether the registry knows the device.
    case event(device: String, value: String, partition: Int32, isKnown: Bool)
    case rejected(RejectReason, position: Int)
}

/// Runs payloads through one input's decoder and normaliser. One thread; nothing is stored, registered or counted.
package final class PayloadPreview {
    private let decoder: any PayloadDecoder
    private let directory: DeviceDirectory
    private let clock: ClockQuality
    private var collector = EventCollector()
    private var normaliser: Normaliser

    package init(
        settings: PipelineSettings,
        decoder: any PayloadDecoder,
        directory: DeviceDirectory,
        partitionCount: Int,
        clock: ClockQuality
    ) {
        self.decoder = decoder
        self.directory = directory
        self.clock = clock
        let devices = DeviceTable(
            input: settings.input,
            feed: DirectoryFeed(directory),
            sightings: DeviceSightings(automaticMax: .max),
            registration: settings.normaliser.registration,
            metricsMax: settings.normaliser.metricsMax,
            partitionCount: partitionCount,
            hashSeed: 0
        )
        normaliser = Normaliser(options: settings.normaliser, devices: devices, hashSeed: 0)
    }

    /// The parts of one payload, in their order; none where it is in order and holds nothing to store.
    package func parts(of payload: UnsafeRawBufferPointer, _ arrival: Arrival) -> [PreviewedPart] {
        guard payload.count > 0 else { return [.rejected(.empty, position: 0)] }
        guard arrival.from.count <= InputLimits.topicBytesMax else { return [.rejected(.tooComplex, position: 0)] }
        var parts: [PreviewedPart] = []
        normaliser.refresh(clock: clock)
        collector.beginPayload()
        decoder.begin()
        while true {
            switch decoder.next(payload.bytes, into: &collector) {
            case .event:
                let event = normaliser.normalise(collector, payload: payload, arrival: arrival)
                if let device = event.device {
                    let name = String(decoding: normaliser.devices.name(device), as: UTF8.self)
                    parts.append(
                        .event(
                            device: name,
                            value: String(decoding: normaliser.value, as: UTF8.self),
                            partition: normaliser.devices.slot(device).partition,
                            isKnown: directory.devices[name] != nil
                        )
                    )
                }
                if let reason = event.reject { parts.append(.rejected(reason, position: collector.eventStart)) }
            case .rejected(let reason, let position):
                parts.append(.rejected(reason, position: position))
            case .finished:
                return parts
            }
            collector.beginEvent()
        }
    }
}
