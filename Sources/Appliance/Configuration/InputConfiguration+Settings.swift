// From the configuration's words to what the inputs, decoders and the log take.
internal import Foundation
package import CommitLog
package import Ingest
internal import MQTT
internal import Platform

/// An input that cannot be made from its configuration although the words are right.
package struct InputSettingsError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The input's name.
    package var input: String
    package var reason: String

    package var description: String { "input `\(input)`: \(reason)" }
}

extension Configuration {
    /// What the log is opened with.
    package var logConfiguration: LogConfiguration {
        LogConfiguration(
            directory: data,
            topics: Dictionary(
                log.topics.map { ($0.name, $0.topic) } + [(.consumerOffsets, TopicConfiguration(cleanup: .compact))],
                uniquingKeysWith: { first, _ in first }
            ),
            commitInterval: log.commitInterval,
            segmentBytes: log.segmentBytes,
            keepFreeFraction: Double(log.keepFreePercent) / 100,
            reserveBytesMax: Limits.reserveBytesMax
        )
    }

    /// What the adapter of `input` is made with.
    package func settings(of input: InputConfiguration) throws(InputSettingsError) -> any InputSettings {
        switch input.transport {
        case .mqtt(let mqtt): return settings(of: input, mqtt)
        case .udp(let udp):
            guard let address = HostAndPort(Substring(udp.listen.description), defaultPort: nil) else {
                throw InputSettingsError(input: input.name, reason: "\(udp.listen) is no address")
            }
            var settings = UDPInputSettings(listen: address)
            settings.receiveBufferBytes = udp.receiveBufferBytes
            return settings
        case .serial(let serial):
            var settings = SerialInputSettings(port: serial.port)
            settings.baud = UInt32(clamping: serial.baud)
            settings.dataBits = UInt8(clamping: serial.dataBits)
            settings.parity = serial.parity
            settings.stopBits = UInt8(clamping: serial.stopBits)
            settings.flowControl = serial.flowControl
            settings.lineBytesMax = input.payloadBytesMax
            return settings
        }
    }

    private func settings(of input: InputConfiguration, _ mqtt: MQTTConfiguration) -> MQTTInputSettings {
        var settings = MQTTInputSettings(clientID: clientID(of: input.name, mqtt), subscribe: mqtt.subscribe)
        settings.broker = BrokerAddress(host: mqtt.broker.host, port: mqtt.broker.port, usesTLS: mqtt.broker.usesTLS)
        settings.user = mqtt.user
        settings.passwordFile = mqtt.passwordFile
        settings.caFile = mqtt.caFile
        settings.certificateFile = mqtt.certFile
        settings.keyFile = mqtt.keyFile
        settings.exclude = mqtt.exclude
        settings.keepAlive = mqtt.keepalive
        settings.receiveMaximum = UInt16(clamping: mqtt.receiveMaximum)
        settings.packetBytesMax = MQTTInputSettings.packetBytesMax(payloadBytesMax: input.payloadBytesMax)
        return settings
    }
}

extension InputConfiguration {
    /// What the decoder of this input is made with.
    package var decoderOptions: DecoderOptions {
        var options = DecoderOptions()
        options.deviceField = deviceField
        options.columns = columns
        options.numericStrings = numericStrings
        if case .serial = transport { options.isStream = true }
        return options
    }

    /// What the pipeline of this input is made with. `now` in seconds since 1970: the table of the time zone's offsets
    /// reaches 30 years beyond.
    package func pipelineSettings(devices: DevicesConfiguration, now: Double) -> PipelineSettings {
        var settings = PipelineSettings(input: name, format: format)
        settings.payloadBytesMax = payloadBytesMax
        if case .mqtt(let mqtt) = transport { settings.duplicates = mqtt.duplicates }
        settings.normaliser.device = device
        settings.normaliser.devicePrefix = devicePrefix ?? ""
        settings.normaliser.believedAgo = believe.past
        settings.normaliser.believedAhead = believe.future
        settings.normaliser.localTime = timeZone.flatMap { LocalTime(timeZone: $0, now: now) }
        settings.normaliser.ignore = ignore
        settings.normaliser.registration = devices.registration == .automatic ? .automatic : .allowList
        settings.normaliser.metricsMax = devices.metricsMax
        return settings
    }
}

extension LocalTime {
    /// Where the table begins: device times before are never believed.
    private static let firstSecond = 946_684_800.0
    /// Two changes a year for 57 years, with room for zones that change their mind.
    private static let spansMax = 512

    /// The offsets of a zone of the time zone database, from 2000 to 30 years after `now` (seconds since 1970); nil
    /// where there is no such zone.
    package init?(timeZone identifier: String, now: Double) {
        guard let zone = TimeZone(identifier: identifier) else { return nil }
        let last = max(now, LocalTime.firstSecond) + 30 * 365 * 86_400
        var instant = Date(timeIntervalSince1970: LocalTime.firstSecond)
        var spans = [LocalTime.span(of: zone, at: instant)]
        while spans.count < LocalTime.spansMax, let next = zone.nextDaylightSavingTimeTransition(after: instant),
            next > instant, next.timeIntervalSince1970 <= last
        {
            instant = next
            spans.append(LocalTime.span(of: zone, at: instant))
        }
        self.init(spans: spans)
    }

    private static func span(of zone: TimeZone, at instant: Date) -> Span {
        Span(
            from: Int64(instant.timeIntervalSince1970 * 1000),
            offset: Int64(zone.secondsFromGMT(for: instant)) * 1000
        )
    }
}
