// What the configuration's words become on their way to inputs, decoders and the log.
import Alerting
import Appliance
import CommitLog
import EventModel
import Foundation
import Ingest
import MQTT
import Platform
import Testing

@Suite("Configuration to settings")
struct ConfigurationSettingsTests {
    @Test("an MQTT input's settings, with the path of its password and a client id made of the names")
    func mqtt() throws {
        let fixture = try ConfigurationFixture([
            "password": "s3cret\n",
            "forebay.yaml": """
            inputs:
              plant: { type: mqtt, url: "mqtt://[::1]", subscribe: ["a/{device}"], user: u, password_file: password,
                       payload_bytes_max: 64KiB }
            """,
        ])
        let configuration = try fixture.load().get().configuration
        let input = try #require(configuration.inputs.first)
        let settings = try #require(try configuration.settings(of: input) as? MQTTInputSettings)
        #expect(settings.broker == BrokerAddress(host: "::1", port: 1883, usesTLS: false))
        #expect(settings.clientID == "forebay-edge-01-plant")
        #expect(settings.user == "u")
        #expect(settings.passwordFile?.hasSuffix("/password") == true)
        #expect(settings.subscribe == ["a/{device}"])
        #expect(settings.receiveMaximum == 2000)
        #expect(settings.packetBytesMax == 4 << 20)
    }

    @Test("a hook's settings: of its broker, and of certificates and redirects")
    func hooks() throws {
        let value = try configuration(
            """
            hooks:
              a: { type: mqtt, discovery: true }
              b: { type: mqtt, url: "mqtts://b", topic: x/y, client_id: c, user: u, password_file: /p, ca_file: /a,
                   cert_file: /c, key_file: /k }
              c: { type: slack, url: "https://x/", ca_file: /a, cert_file: /c, key_file: /k, redirects: 2 }
            """
        )
        let broker = BrokerAddress(host: "127.0.0.1", port: 1883, usesTLS: false)
        let plain = MQTTConnectionSettings(broker: broker, clientID: "forebay-edge-01-hook-a")
        var secured = MQTTConnectionSettings(
            broker: BrokerAddress(host: "b", port: 8883, usesTLS: true),
            clientID: "c"
        )
        secured.user = "u"
        secured.passwordFile = "/p"
        (secured.caFile, secured.certificateFile, secured.keyFile) = ("/a", "/c", "/k")
        var transport = HookTransport()
        (transport.caFile, transport.certificateFile, transport.keyFile) = ("/a", "/c", "/k")
        transport.redirectsMax = 2
        let hooks = value.hookSettings
        let targets: [HookTarget] = [
            .mqtt(MQTTHookTarget(connection: plain, topic: "forebay/alerts", discoveryPrefix: "homeassistant")),
            .mqtt(MQTTHookTarget(connection: secured, topic: "x/y")), .slack(url: "https://x/"),
        ]
        #expect(hooks.map(\.target) == targets)
        #expect(hooks.map(\.transport) == [HookTransport(), HookTransport(), transport])
    }

    @Test("UDP and serial settings")
    func others() throws {
        let value = try configuration(
            "inputs: { a: { type: udp, listen: \"[::]:0\" }, b: { type: serial, port: /dev/ttyS0, payload_bytes_max: 1KiB } }"
        )
        let udp = try #require(try value.settings(of: value.inputs[0]) as? UDPInputSettings)
        #expect(udp.listen.host == "::" && udp.listen.port == 0)
        #expect(udp.receiveBufferBytes == 32 << 20)
        let serial = try #require(try value.settings(of: value.inputs[1]) as? SerialInputSettings)
        #expect(serial.port == "/dev/ttyS0" && serial.baud == 115_200 && serial.lineBytesMax == 1024)
    }

    @Test("decoder and pipeline options")
    func pipeline() throws {
        let value = try configuration(
            """
            inputs:
              a: { type: udp, format: csv, columns: [device, t], device_field: device, numeric_strings: false, device: d,
                   device_prefix: p-, ignore: ["x*"], believe: { past: 1d, future: 5s }, time_zone: Europe/Berlin }
            devices: { registration: allow_list, max_metrics: 7 }
            """
        )
        let input = try #require(value.inputs.first)
        #expect(input.decoderOptions.columns == ["device", "t"])
        #expect(input.decoderOptions.deviceField == "device")
        #expect(input.decoderOptions.numericStrings == false)
        let settings = input.pipelineSettings(devices: value.devices, now: 1_790_000_000)
        #expect(settings.input == "a" && settings.format == "csv")
        #expect(settings.normaliser.device == "d" && settings.normaliser.devicePrefix == "p-")
        #expect(settings.normaliser.ignore == ["x*"])
        #expect(settings.normaliser.believedAgo == .seconds(86_400))
        #expect(settings.normaliser.believedAhead == .seconds(5))
        #expect(settings.normaliser.registration == .allowList)
        #expect(settings.normaliser.metricsMax == 7)
        #expect(settings.normaliser.localTime != nil)
    }

    @Test("a zone's table has its summer and winter offsets where they change")
    func localTime() {
        let hour: Int64 = 3_600_000
        #expect(
            LocalTime(timeZone: "UTC", now: 1_790_000_000)
                == LocalTime(spans: [.init(from: 946_684_800_000, offset: 0)])
        )
        #expect(LocalTime(timeZone: "Nowhere/Land", now: 0) == nil)
        let india = LocalTime(timeZone: "Asia/Kolkata", now: 1_790_000_000)
        #expect(india == LocalTime(spans: [.init(from: 946_684_800_000, offset: hour * 11 / 2)]))
        // Berlin: the last Sundays of March and October at 01:00 UTC, from 2000 to the end of 2029.
        var spans = [LocalTime.Span(from: 946_684_800_000, offset: hour)]
        for year in 2000...2029 {
            spans.append(.init(from: lastSunday(year, month: 3) + hour, offset: 2 * hour))
            spans.append(.init(from: lastSunday(year, month: 10) + hour, offset: hour))
        }
        #expect(LocalTime(timeZone: "Europe/Berlin", now: 946_684_800) == LocalTime(spans: spans))
    }

    /// Midnight UTC of the last Sunday of a month of 31 days, in milliseconds since 1970.
    private func lastSunday(_ year: Int, month: Int) -> Int64 {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(secondsFromGMT: 0)!
        let last = calendar.date(from: DateComponents(year: year, month: month, day: 31))!
        let weekday = calendar.component(.weekday, from: last)
        return Int64(last.timeIntervalSince1970 - Double(weekday - 1) * 86_400) * 1000
    }

    @Test("the log's settings")
    func log() throws {
        let value = try configuration("data: /d\nlog: { keep_free: 25%, topics: { gaps: { retention: 1d } } }")
        let log = value.logConfiguration
        #expect(log.directory == "/d")
        #expect(log.keepFreeFraction == 0.25)
        let own: Set<TopicName> = [.readings, .alerts, .rejected, .system, .gaps, .operations, .consumerOffsets]
        #expect(Set(log.topics.keys) == own)
        #expect(log.topics[.operations]?.cleanup == .compact)
        #expect(log.topics[.gaps]?.retention == .seconds(86_400))
        #expect(log.topics[.readings]?.compression == .lz4)
    }
}
