// What would become of a payload, without a log: read as its input reads it, once, for `forebay explain`.
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
    private let directory: DeviceDirectory
    private var parts: PayloadParts

    package init(
        settings: PipelineSettings,
        decoder: any PayloadDecoder,
        directory: DeviceDirectory,
        partitionCount: Int,
        clock: ClockQuality
    ) {
        self.directory = directory
        let devices = DeviceTable(
            input: settings.input,
            feed: DirectoryFeed(directory),
            sightings: DeviceSightings(automaticMax: .max),
            registration: settings.normaliser.registration,
            metricsMax: settings.normaliser.metricsMax,
            partitionCount: partitionCount,
            hashSeed: 0
        )
        let normaliser = Normaliser(options: settings.normaliser, devices: devices, hashSeed: 0)
        parts = PayloadParts(settings: settings, decoder: decoder, normaliser: normaliser)
        parts.normaliser.refresh(clock: clock)
    }

    /// The parts of one payload, in their order; none where it is in order and holds nothing to store.
    package func parts(of payload: UnsafeRawBufferPointer, _ arrival: Arrival) -> [PreviewedPart] {
        if let (reason, position) = parts.refusal(of: payload, arrival) {
            return [.rejected(reason, position: position)]
        }
        var previewed: [PreviewedPart] = []
        parts.begin(arrival)
        while true {
            switch parts.next(payload, arrival) {
            case .event(let event):
                if let device = event.device { previewed.append(part(event, device)) }
                if let reason = event.reject { previewed.append(.rejected(reason, position: parts.eventStart)) }
            case .rejected(let reason, let position):
                previewed.append(.rejected(reason, position: position))
            case .finished:
                return previewed
            }
        }
    }

    private func part(_ event: NormalisedEvent, _ device: Int32) -> PreviewedPart {
        let record = parts.record(of: event, device: device)
        guard
            BatchBuilder.fits(
                keyBytes: record.key.count,
                valueBytes: record.value.count,
                headerBytes: record.headers.count
            )
        else { return .rejected(.recordTooLarge, position: parts.eventStart) }
        parts.noteOutput(record.byteCount)
        let name = String(decoding: record.key, as: UTF8.self)
        return .event(
            device: name,
            value: String(decoding: record.value, as: UTF8.self),
            partition: parts.normaliser.devices.slot(device).partition,
            isKnown: directory.devices[name] != nil
        )
    }
}
