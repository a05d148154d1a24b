// Every key with a right value, and the defaults where there is none.
import Alerting
import Appliance
import CommitLog
import Foundation
import Ingest
import Rules
import Testing

@Suite("Configuration values")
struct ConfigurationValueTests {
    @Test(
        "an empty file is the default configuration under the host's name",
        arguments: ["", "# nothing\n", "---\n", "inputs:\n"]
    )
    func empty(text: String) throws {
        var expected = Configuration()
        expected.name = "edge-01"
        #expect(try configuration(text) == expected)
    }

    @Test("the defaults are those of the contract")
    func defaults() {
        let defaults = Configuration()
        #expect(defaults.data == "/var/lib/forebay")
        #expect(defaults.listen.http?.address.description == "127.0.0.1:8470")
        #expect(defaults.log.commitInterval == .milliseconds(10))
        #expect(defaults.log.segmentBytes == .mebibytes(64))
        #expect(defaults.log.keepFreePercent == 10)
        #expect(defaults.log.readings.retention == .seconds(400 * 86_400))
        #expect(defaults.log.readings.retentionBytes == .mebibytes(8 * 1024))
        #expect(defaults.log.readings.compression == .lz4)
        #expect(defaults.log.readings.onFull == .dropOldest)
        #expect(defaults.log.rejected.retentionBytes == .mebibytes(256))
        #expect(defaults.devices.automaticMax == 10_000)
        #expect(defaults.devices.metricsMax == 64)
    }

    @Test("the smallest useful configuration of the contract is one line")
    func smallest() throws {
        let value = try configuration(#"inputs: { home: { type: mqtt, subscribe: ["zigbee2mqtt/{device...}"] } }"#)
        var mqtt = MQTTConfiguration()
        mqtt.subscribe = ["zigbee2mqtt/{device...}"]
        #expect(value.inputs == [InputConfiguration(name: "home", transport: .mqtt(mqtt))])
        #expect(mqtt.broker.description == "mqtt://127.0.0.1:1883")
        #expect(value.inputs.first?.format == "auto")
        #expect(value.inputs.first?.payloadBytesMax == 256 * 1024)
    }

    @Test("the contract's example is read whole")
    func contractExample() throws {
        let value = try configuration(contractExampleText)
        #expect(value.name == "edge-01")
        #expect(value.timeZone == "Europe/Berlin")
        #expect(value.effectiveExternalURL == "http://edge-01:8470")
        #expect(value.inputs.map(\.name) == ["plant", "lan", "probes"])
        #expect(value.inputs.map(\.transport.typeName) == ["mqtt", "udp", "serial"])
        #expect(value.inputs[0].ignore == ["update.*", "linkquality"])
        #expect(value.inputs[1].devicePrefix == "hall-")
        #expect(value.inputs[1].transport == .udp(UDPConfiguration()))
        #expect(value.inputs[2].isRequired)
        let rule = try #require(value.rules.first)
        #expect(rule.alert == "FreezerTooWarm")
        #expect(rule.match == RuleMatch(metrics: ["temperature"], devices: ["freezer-*"], labels: ["line": ["a"]]))
        #expect(rule.levels.first?.condition == .above(limit: -15, clear: -17))
        #expect(rule.levels.first?.holdFor == .seconds(600))
        #expect(rule.levels.first?.severity == "critical")
        #expect(rule.notify == ["pager"])
        #expect(value.hooks[0].delivery == .webhook(url: Secret("http://127.0.0.1:9000/alert"), headers: [:]))
        #expect(value.hooks[1].delivery == .exec(program: "/usr/local/bin/siren", arguments: []))
        #expect(value.hooks[1].timeout == .seconds(10))
        #expect(value.hooks[1].retryFor == .seconds(7 * 86_400))
    }

    @Test("levels take from their rule what they do not say; ranges and `equals` are conditions, too")
    func levels() throws {
        let value = try configuration(
            """
            rules:
              - alert: PumpVibration
                match: { metric: vibration_rms }
                for: 10s
                clear_for: 1m
                levels:
                  - { above: 0.30, clear_below: 0.27 }
                  - { severity: critical, above: 0.45, for: 5s }
              - { alert: Fridge, match: { metric: temperature }, outside: [2, 8] }
              - { alert: Band, match: { metric: temperature }, inside: [2, 8.5] }
              - { alert: Code, match: { metric: code }, equals: 3, severity: info }
              - { alert: Silent, match: { metric: code }, absent: 30m }
              - { alert: Quiet, match: { metric: code }, absent: 3x }
              - { alert: Stuck, match: { metric: code }, unchanged: 6h }
            """
        )
        #expect(
            value.rules.map(\.levels) == [
                [
                    RuleLevel(.above(limit: 0.3, clear: 0.27), holdFor: .seconds(10), clearFor: .seconds(60)),
                    RuleLevel(
                        .above(limit: 0.45, clear: nil),
                        holdFor: .seconds(5),
                        clearFor: .seconds(60),
                        severity: "critical"
                    ),
                ],
                [RuleLevel(.outside(low: 2, high: 8))], [RuleLevel(.inside(low: 2, high: 8.5))],
                [RuleLevel(.equals(3), severity: "info")], [RuleLevel(.absent(.duration(.seconds(1800))))],
                [RuleLevel(.absent(.intervals(3)))], [RuleLevel(.unchanged(.seconds(21_600)))],
            ]
        )
    }

    @Test("every key of an MQTT input")
    func mqtt() throws {
        let value = try configuration(
            """
            inputs:
              plant:
                type: mqtt
                url: mqtts://broker.example:8884
                subscribe: "a/{device}/{metric}"
                exclude: [+/+/set]
                user: box
                password_file: secret
                ca_file: /etc/ca.pem
                cert_file: /etc/cert.pem
                key_file: /etc/key.pem
                client_id: box-1
                keepalive: 2m
                receive_maximum: 500
                duplicates: drop
                payload_bytes_max: 64KiB
                format: json
                device_field: id
                numeric_strings: false
                time_zone: Europe/Berlin
                believe: { past: 30d, future: 1m }
                required: true
            """
        )
        let input = try #require(value.inputs.first)
        guard case .mqtt(let mqtt) = input.transport else {
            Issue.record("not MQTT")
            return
        }
        #expect(mqtt.broker == MQTTBroker(host: "broker.example", port: 8884, usesTLS: true))
        #expect(mqtt.subscribe == ["a/{device}/{metric}"])
        #expect(mqtt.duplicates == .drop)
        #expect(mqtt.exclude == ["+/+/set"])
        #expect(mqtt.user == "box")
        #expect(mqtt.passwordFile?.hasSuffix("/secret") == true && mqtt.passwordFile?.hasPrefix("/") == true)
        #expect((mqtt.caFile, mqtt.certFile, mqtt.keyFile) == ("/etc/ca.pem", "/etc/cert.pem", "/etc/key.pem"))
        #expect(mqtt.keepalive == .seconds(120))
        #expect(mqtt.receiveMaximum == 500)
        #expect(value.clientID(of: input.name, mqtt) == "box-1")
        #expect(input.payloadBytesMax == 65_536)
        #expect(input.format == "json")
        #expect(input.deviceField == "id")
        #expect(input.numericStrings == false)
        #expect(input.timeZone == "Europe/Berlin")
        #expect(input.believe.past == .seconds(30 * 86_400))
        #expect(input.believe.future == .seconds(60))
        #expect(input.isRequired)
    }

    @Test("every key of a serial input and of a CSV input over UDP")
    func serialAndUDP() throws {
        let value = try configuration(
            """
            inputs:
              probes: { type: serial, port: /dev/ttyUSB0, baud: 250000, data_bits: 7, parity: even, stop_bits: 2,
                        flow_control: rtscts, framing: line, device: probe-1 }
              lan: { type: udp, listen: "[::]:9000", receive_buffer_bytes: 1MiB, format: csv, columns: [device, t, h] }
            """
        )
        var serial = SerialConfiguration(port: "/dev/ttyUSB0")
        serial.baud = 250_000
        serial.dataBits = 7
        serial.parity = .even
        serial.stopBits = 2
        serial.flowControl = .rtscts
        #expect(value.inputs[0].transport == .serial(serial))
        #expect(value.inputs[0].device == "probe-1")
        var udp = UDPConfiguration()
        udp.listen = HostPort(host: "::", port: 9000)
        udp.receiveBufferBytes = 1 << 20
        #expect(value.inputs[1].transport == .udp(udp))
        #expect(value.inputs[1].columns == ["device", "t", "h"])
    }

    @Test("log, topics, devices and listeners")
    func box() throws {
        let value = try configuration(
            """
            clock: trust
            listen: { http: none }
            log:
              commit_interval: 100ms
              segment_bytes: 16MiB
              keep_free: 25%
              topics:
                readings: { partitions: 4, retention: 30d, retention_bytes: 1GiB, compression: zstd, on_full: refuse }
            devices: { registration: allow_list, max_automatic: 5, max_metrics: 8 }
            """
        )
        #expect(value.clock == .trust)
        #expect(value.listen.http == nil)
        #expect(value.effectiveExternalURL == nil)
        #expect(value.log.commitInterval == .milliseconds(100))
        #expect(value.log.keepFreePercent == 25)
        #expect(value.log.readings.partitions == 4)
        #expect(value.log.readings.compression == .zstd)
        #expect(value.log.readings.onFull == .refuse)
        #expect(value.log.alerts == Configuration().log.alerts)
        #expect(value.devices.registration == .allowList)
        #expect(value.devices.automaticMax == 5)
    }

    @Test(
        "durations have one unit",
        arguments: [
            ("1ms", Duration.milliseconds(1)), ("30s", .seconds(30)), ("10m", .seconds(600)), ("2h", .seconds(7200)),
            ("30d", .seconds(2_592_000)), ("0s", .zero),
        ]
    )
    func durations(text: String, expected: Duration) throws {
        let value = try configuration("rules: [{ alert: A, match: { metric: t }, above: 1, for: \(text), notify: [] }]")
        #expect(value.rules.first?.levels.first?.holdFor == expected)
    }

    @Test("a webhook's secret, and the addresses that it may reach")
    func guardedWebhook() throws {
        let value = try configuration(
            """
            hooks:
              a: { type: webhook, url: "http://169.254.7.9/", secret: s, allow_addresses: ["::ffff:169.254.7.9", "fe80::1"] }
            """
        )
        let hook = try #require(value.hooks.first)
        #expect(hook.delivery == .webhook(url: Secret("http://169.254.7.9/"), headers: [:], secret: Secret("s")))
        #expect(hook.allowedAddresses.map(\.description) == ["169.254.7.9", "fe80::1"])
    }

    @Test("hooks of services: their keys and defaults")
    func serviceHooks() throws {
        let value = try configuration(
            """
            hooks:
              a: { type: ntfy, url: "https://ntfy.sh", topic: cold-store, headers: { Authorization: "Bearer 7" } }
              b: { type: slack, url: "https://hooks.slack.com/services/T/B/x" }
              c: { type: pagerduty, routing_key: "0123" }
              d: { type: pagerduty, routing_key: "0123", url: "https://events.eu.pagerduty.com/v2/enqueue" }
              e: { type: alertmanager, url: "http://127.0.0.1:9093" }
              f: { type: alertmanager, url: "http://127.0.0.1:9093", resend_interval: 20s }
              g: { type: email, from: box@example.org, to: duty@example.org }
              h: { type: email, from: box@example.org, to: [duty@example.org, b@c], sendmail: /usr/bin/msmtp }
              i: { type: heartbeat, url: "https://hc-ping.com/7f3a" }
            """
        )
        let url = Secret("http://127.0.0.1:9093")
        #expect(
            value.hooks.map(\.delivery) == [
                .ntfy(
                    url: Secret("https://ntfy.sh"),
                    topic: Secret("cold-store"),
                    headers: ["Authorization": Secret("Bearer 7")]
                ),
                .slack(url: Secret("https://hooks.slack.com/services/T/B/x")),
                .pagerduty(url: "https://events.pagerduty.com/v2/enqueue", routingKey: Secret("0123")),
                .pagerduty(url: "https://events.eu.pagerduty.com/v2/enqueue", routingKey: Secret("0123")),
                .alertmanager(url: url, headers: [:], resendInterval: .seconds(60)),
                .alertmanager(url: url, headers: [:], resendInterval: .seconds(20)),
                .email(sendmail: "/usr/sbin/sendmail", from: "box@example.org", to: ["duty@example.org"]),
                .email(sendmail: "/usr/bin/msmtp", from: "box@example.org", to: ["duty@example.org", "b@c"]),
                .heartbeat(url: Secret("https://hc-ping.com/7f3a"), interval: .seconds(60)),
            ]
        )
    }

    @Test("webhook headers and multi-line texts")
    func hookAndTexts() throws {
        let value = try configuration(
            """
            hooks:
              chat: { type: webhook, url: "https://chat.example/x", timeout: 3s, retry_for: 2h, headers: { Authorization: "Bearer abc" } }
            rules:
              - alert: Low
                match: { metric: [level, depth], labels: { tank: [a, b] }, name: "T*", profile: p, location: l }
                below: 0.5
                clear_above: 7e-1
                summary: "{{name}} is low"
                description: |
                  First line.
                  Second line.
                runbook: https://wiki.example/low
            """
        )
        let hook = try #require(value.hooks.first)
        let expected = HookDelivery.webhook(
            url: Secret("https://chat.example/x"),
            headers: ["Authorization": Secret("Bearer abc")]
        )
        #expect(hook.delivery == expected)
        #expect(hook.timeout == .seconds(3))
        #expect(hook.retryFor == .seconds(7200))
        let rule = try #require(value.rules.first)
        #expect(rule.levels.first?.condition == .below(limit: 0.5, clear: 0.7))
        #expect(rule.match.metrics == ["level", "depth"])
        #expect(rule.match.labels == ["tank": ["a", "b"]])
        #expect((rule.match.names, rule.match.profiles, rule.match.locations) == (["T*"], ["p"], ["l"]))
        #expect(rule.description == "First line.\nSecond line.\n")
        #expect(rule.notify == nil)
    }
}

/// CONTRACT section 2, without the keys that this version does not have.
let contractExampleText = """
    name: edge-01
    time_zone: Europe/Berlin
    external_url: http://edge-01:8470
    data: /var/lib/forebay
    listen:
      http: 127.0.0.1:8470
    log:
      commit_interval: 10ms
      segment_bytes: 64MiB
      keep_free: 10%
      topics:
        readings: { partitions: 1, retention: 400d, retention_bytes: 8GiB, compression: lz4, on_full: drop_oldest }
        alerts:   { retention: 400d }
        rejected: { retention: 7d, retention_bytes: 256MiB }
    inputs:
      plant:
        type: mqtt
        url: mqtt://127.0.0.1:1883
        subscribe: ["plant/{line}/{device}/{metric}"]
        exclude: ["+/+/set"]
        ignore: ["update.*", linkquality]
        format: auto
      lan:
        type: udp
        listen: 127.0.0.1:8094
        format: line_protocol
        device_prefix: hall-
      probes:
        type: serial
        port: /dev/serial/by-id/usb-FTDI_FT232R-if00-port0
        baud: 115200
        framing: line
        format: nmea
        required: true
    devices:
      registration: automatic
      max_automatic: 10000
      max_metrics: 64
    rules:
      - alert: FreezerTooWarm
        match: { metric: temperature, device: "freezer-*", labels: { line: a } }
        above: -15
        clear_below: -17
        for: 10m
        severity: critical
        summary: "{{name}} is at {{value}} {{unit}}"
        notify: [pager]
    hooks:
      pager: { type: webhook, url: "http://127.0.0.1:9000/alert" }
      siren: { type: exec, command: ["/usr/local/bin/siren"], timeout: 10s }
    """
