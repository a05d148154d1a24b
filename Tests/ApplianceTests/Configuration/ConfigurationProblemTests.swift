// What is said about a configuration that is wrong: everything, at its place, with the nearest right word.
import Appliance
import Foundation
import Rules
import Testing

@Suite("Configuration problems")
struct ConfigurationProblemTests {
    @Test("ten mistakes are reported in one run, each at its place")
    func tenMistakes() {
        let text = """
            nmae: edge-01
            time_zone: Europe/Berln
            log:
              commit_interval: 10
              segment_bytes: 64MB
              topics:
                readngs: { partitions: 2 }
            inputs:
              lan:
                type: udp
                listen: 8094
                format: jsno
                required: yes
            devices:
              max_metrics: many
            rules:
              - alert: Hot
                match: { metric: temperature }
                above: 30
                clear_below: 31
                notify: [pagr]
            hooks:
              pager: { type: webhook, url: "http://127.0.0.1:9000/" }
            """
        #expect(
            problems(text) == [
                "c.yaml:1:1: unknown key `nmae`; did you mean `name`?",
                "c.yaml:2:12: `time_zone`: unknown time zone `Europe/Berln`; did you mean `Europe/Berlin`?",
                "c.yaml:4:20: `commit_interval`: expected a duration such as `10ms`, `30s`, `10m`, `2h`, `30d`, not `10`"
                    + " (its unit is missing)",
                "c.yaml:5:18: `segment_bytes`: expected a size such as `64KiB`, `256MiB`, `8GiB`, not `64MB`",
                "c.yaml:7:5: unknown key `log.topics.readngs`; did you mean `readings`?",
                "c.yaml:11:13: `listen`: expected an address such as `127.0.0.1:8094` or `[::1]:8094`, not `8094`",
                "c.yaml:12:13: `format`: unknown format `jsno`; did you mean `json`?",
                "c.yaml:13:15: `required`: expected `true` or `false`, not `yes`",
                "c.yaml:15:16: `max_metrics`: expected a whole number, not `many`",
                "c.yaml:20:18: `clear_below` lies beyond `above`: the alert would clear while it is still too high",
                "c.yaml:21:13: rule `Hot` notifies hook `pagr`, which is not there; did you mean `pager`?",
            ]
        )
    }

    @Test(
        "a key of a later version is named as such",
        arguments: [
            (
                "listen: { http: { listen: 127.0.0.1:1, token_file: x } }",
                "c.yaml:1:40: `listen.http.token_file` is not in this version"
            ),
            (
                "log: { topics: { devices: { retention: 1d } } }",
                "c.yaml:1:18: `log.topics.devices` is not in this version"
            ),
        ]
    )
    func laterKeys(text: String, expected: String) {
        #expect(problems(text) == [expected])
    }

    @Test("what a compacted topic has no use for is refused, where it is asked for")
    func compactedTopic() {
        let text = """
            log:
              topics:
                alerts: { cleanup: compact }
                readings: { cleanup: compact }
                system: { cleanup: compact, on_full: refuse }
                gaps:
                  cleanup: compact
                  retention: 7d
                  on_full: drop_oldest
            """
        let words = "is not for a topic with `cleanup: compact`, which keeps the newest record of each key"
        #expect(problems(text) == ["c.yaml:8:18: `retention` \(words)", "c.yaml:9:16: `on_full` \(words)"])
    }

    @Test("every duplicate key is reported, beside everything else")
    func duplicateKeys() {
        let text = """
            name: a
            log: { keep_free: 10%, keep_free: 20% }
            name: b
            "name": c
            dta: /x
            """
        #expect(
            problems(text) == [
                "c.yaml:2:24: duplicate key `keep_free`: it stands in line 2 already",
                "c.yaml:3:1: duplicate key `name`: it stands in line 1 already",
                "c.yaml:4:1: duplicate key `name`: it stands in line 1 already",
                "c.yaml:5:1: unknown key `dta`; did you mean `data`?",
            ]
        )
    }

    @Test(
        "a syntax error has its place",
        arguments: [
            ("name: \"edge\ndata: /x\n", "c.yaml:3:1: not YAML: found unexpected end of stream"),
            ("log:\n\tsegment_bytes: 1MiB\n", "c.yaml:2:1: not YAML: found character that cannot start any token"),
            ("inputs: [a\n", "c.yaml:2:1: not YAML: did not find expected ',' or ']'"),
            ("name: a\n---\nname: b\n", "c.yaml:2:1: not YAML: but found another document"),
            ("name: *nobody\n", "c.yaml:1:7: not YAML: found undefined alias"),
            ("name: a\nlog: {}\u{1}\n", "c.yaml:2:8: not YAML: control characters are not allowed (U+1)"),
        ]
    )
    func syntax(text: String, expected: String) {
        let found = problems(text)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix(expected) == true, "\(found)")
    }

    @Test(
        "a value of another kind is an error",
        arguments: [
            ("- a\n", "c.yaml:1:1: expected keys such as `inputs:` and `rules:`, not a list"),
            ("inputs: lan\n", "c.yaml:1:9: `inputs`: expected a mapping of keys, not a single value"),
            ("name: [a]\n", "c.yaml:1:7: `name`: expected a single value, not a list"),
            ("rules: { a: b }\n", "c.yaml:1:8: `rules`: expected a list of rules, not a mapping of keys"),
            ("name: on\n", "c.yaml:1:7: `name`: expected text, and `on` reads as a Boolean: put it in quotes"),
            (
                "devices: { max_metrics: \"5\" }\n",
                "c.yaml:1:25: `max_metrics`: expected a whole number, not `5` in quotes"
            ),
            ("devices: { max_metrics: 0 }\n", "c.yaml:1:25: `max_metrics`: `0` is out of range: 1 to 4096"),
            ("log: { commit_interval: 2m }\n", "c.yaml:1:25: `commit_interval`: `2m` is out of range: 1ms to 1m"),
            (
                "log: { segment_bytes: 99999999999999999999KiB }\n",
                "c.yaml:1:23: `segment_bytes`: expected a size such as"
            ),
            (
                "log: { segment_bytes: 9999999999TiB }\n",
                "c.yaml:1:23: `segment_bytes`: `9999999999TiB` is out of range: 64KiB to 1GiB"
            ),
            ("? [a]\n: b\n", "c.yaml:1:3: expected a key that is a word, not a list"),
            ("listen: { http: 0.0.0.0:8470 }", "c.yaml:1:17: `listen.http`: 0.0.0.0:8470 is open to other machines"),
            ("listen: { kafka: 0.0.0.0:9092 }", "c.yaml:1:18: `listen.kafka`: 0.0.0.0:9092 is open to other machines"),
            ("listen: { http: 127.a:8470 }", "c.yaml:1:17: `listen.http`: 127.a:8470 is open to other machines"),
            ("data: \"\"\n", "c.yaml:1:7: `data`: the text must not be empty"),
            ("external_url: edge\n", "c.yaml:1:15: `external_url`: expected a URL such as"),
            ("clock: gps\n", "c.yaml:1:8: `clock`: unknown clock `gps`; there is `kernel`, `trust`"),
        ]
    )
    func wrongKinds(text: String, expected: String) {
        let found = problems(text)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix(expected) == true, "\(found)")
    }

    @Test(
        "inputs that cannot work",
        arguments: [
            ("a: {}", "1:14: input `a` has no `type`: one of `mqtt`, `udp`, `serial`"),
            ("a: { type: mqt }", "1:22: `type`: unknown type of input `mqt`; did you mean `mqtt`?"),
            ("a: { type: mqtt }", "1:14: `subscribe` is missing"),
            ("a: { type: mqtt, subscribe: [] }", "1:14: `subscribe` is missing"),
            (
                "a: { type: mqtt, subscribe: [\"a/{device\"] }",
                "1:40: `subscribe`: topic pattern \"a/{device\": a capture takes a whole level"
            ),
            (
                "a: { type: mqtt, subscribe: [\"{a...}/{b...}\"] }",
                "1:40: `subscribe`: topic pattern \"{a...}/{b...}\": "
            ),
            (
                "a: { type: mqtt, subscribe: [\"{a}/{a}\"] }",
                "1:40: `subscribe`: topic pattern \"{a}/{a}\": \"{a}\" stands there twice"
            ),
            (
                "a: { type: mqtt, subscribe: [\"a+/b\"] }",
                "1:40: `subscribe`: topic pattern \"a+/b\": a wildcard takes a whole level"
            ),
            (
                "a: { type: mqtt, subscribe: [x], exclude: [\"#/b\"] }",
                "1:54: `exclude`: topic pattern \"#/b\": \"#\" must be the last level"
            ),
            ("a: { type: mqtt, subscribe: [x], url: \"tcp://b\" }", "1:49: `url`: expected `mqtt://HOST[:PORT]`"),
            ("a: { type: mqtt, subscribe: [x], url: \"mqtt://u:p@b\" }", "1:49: `url`: a URL is shown to people"),
            (
                "a: { type: mqtt, subscribe: [x], keepalive: 5s }",
                "1:55: `keepalive`: `5s` is out of range: 1m to 65535s"
            ),
            ("a: { type: mqtt, subscribe: [x], password_file: /p }", "1:59: `password_file` needs `user` beside it"),
            (
                "a: { type: mqtt, subscribe: [x], ca_file: /p }",
                "1:53: `ca_file` is for TLS: the `url` must begin with `mqtts://`"
            ),
            ("a: { type: udp, listen: \":8094\" }", "1:35: `listen`: expected an address such as"),
            ("a: { type: udp, listen: \"1.2.3.4:99999\" }", "1:35: `listen`: expected an address such as"),
            ("a: { type: udp, baud: 9600 }", "1:27: unknown key `inputs.a.baud`; there is"),
            (
                "a: { type: udp, payload_bytes_max: 100KiB }",
                "1:46: `payload_bytes_max`: no datagram is longer than 65535 bytes"
            ),
            ("a: { type: serial }", "1:14: `port` is missing"),
            (
                "a: { type: serial, port: /dev/x, parity: evn }",
                "1:52: `parity`: unknown parity `evn`; did you mean `even`?"
            ),
            ("a: { type: udp, columns: [a, b] }", "1:36: `columns` belongs to `format: csv`, and this is `auto`"),
            ("a: { type: udp, format: csv, columns: [a, A] }", "1:49: `columns`: two have the same name"),
            ("\"a b\": { type: udp }", "1:11: `inputs`: `a b` is no name: a name has letters"),
            ("on: { type: udp }", "1:11: `inputs`: `on` is no name: YAML reads it as a Boolean"),
        ]
    )
    func inputs(text: String, expected: String) {
        let found = problems("inputs: { \(text) }")
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix("c.yaml:" + expected) == true, "\(found)")
    }

    @Test(
        "rules that cannot work",
        arguments: [
            ("{ match: { metric: t }, above: 1 }", "1:9: a rule needs its name: `alert: ...`"),
            ("{ alert: A, match: { metric: t } }", "1:9: a condition is missing: one of"),
            ("{ alert: A, match: { metric: t }, above: 1, below: 0 }", "1:60: a rule has one condition"),
            ("{ alert: A, match: { metric: t }, above: 1, clear_above: 0 }", "1:66: `clear_above` belongs to `below`"),
            ("{ alert: A, match: { metric: t }, below: 1, clear_above: 0 }", "1:66: `clear_above` lies beyond `below`"),
            ("{ alert: A, match: { metric: t }, above: \"1\" }", "1:50: `above`: expected a number, not `1` in quotes"),
            ("{ alert: A, match: { metric: t }, above: 1_000 }", "1:50: `above`: expected a number, not `1_000`"),
            ("{ alert: A, match: { metric: t }, above: 0x10 }", "1:50: `above`: expected a number, not `0x10`"),
            ("{ alert: A, match: { metric: t }, above: warm }", "1:50: `above`: expected a number, not `warm`"),
            (
                "{ alert: A, match: { metric: t }, above: 5 °C, clear_below: 3 % }",
                "1:69: `clear_below`: `%` and `°C` in one rule cannot be compared"
            ),
            ("{ alert: A, match: { metric: t }, above: .inf }", "1:50: `above`: expected a number, not `.inf`"),
            (
                "{ alert: A, match: { metrc: t }, above: 1 }",
                "1:30: unknown key `rules.match.metrc`; did you mean `metric`?"
            ),
            ("{ alert: A, match: { metric: t }, above: 1, for: 10 }", "1:58: `for`: expected a duration"),
            ("{ alert: A, match: { metric: t }, above: 1, over: 1m }", "1:59: `over` belongs to `value`"),
            ("{ alert: A, match: { metric: t }, above: 1, value: avg }", "1:60: `value`: `value: avg` needs the time"),
            (
                "{ alert: A, match: { metric: t }, above: 1, value: average, over: 1m }",
                "1:60: `value`: unknown aggregate `average`"
            ),
            (
                "{ alert: A, match: { metric: t }, above: 1, value: avg, over: 1m, per: 1h }",
                "1:80: `per` is the time that a `value: rate` is for"
            ),
            ("{ alert: A, expr: \"avgg(t, 5m) > 1\" }", "1:27: `expr`: at character 1: `avgg` is no function; did you"),
            ("{ alert: A, match: { metric: t }, expr: \"t > 1\" }", "1:21: `match`: an expression names its metrics"),
            ("{ alert: A, match: { metric: t }, above: 1, within: 1m }", "1:61: `within` belongs to `at_least`"),
            (
                "{ alert: A, match: { metric: t }, above: 1, only_if: { above: 1 } }",
                "1:62: `only_if` names a metric of the same device"
            ),
            (
                "{ alert: A, match: { metric: t }, above: 1, only_if: { metric: c, above: 1 A } }",
                "1:62: `only_if` takes its limit in the metric's own unit"
            ),
            ("{ alert: A, match: { metric: t }, equals: \"\" }", "1:51: `equals`: expected a number, `true`"),
            ("{ alert: A, match: { metric: t }, outside: [8, 2] }", "1:52: `outside`: two numbers, the lower one"),
            ("{ alert: A, match: { metric: t }, inside: [8] }", "1:51: `inside`: two numbers, the lower one first"),
            (
                "{ alert: A, match: { metric: t }, outside: [2, 8], clear_below: 1 }",
                "1:73: `clear_below` belongs to `above`"
            ),
            ("{ alert: A, match: { metric: t }, absent: 0x }", "1:51: `absent`: expected `1x` to `1000x`"),
            ("{ alert: A, match: { metric: t }, absent: 5s }", "1:51: `absent`: `5s` is out of range: 10s"),
            ("{ alert: A, match: { metric: t }, unchanged: 3x }", "1:54: `unchanged`: expected a duration"),
            ("{ alert: A, match: { metric: t }, absent: 1h, for: 1m }", "1:60: `for`: `absent` and `unchanged` have"),
            ("{ alert: A, match: { metric: t }, levels: [] }", "1:51: `levels`: 1 to 8 of them"),
            ("{ alert: A, match: { metric: t }, levels: 3 }", "1:51: `levels`: expected a list of levels"),
            (
                "{ alert: A, match: { metric: t }, above: 1, levels: [{ above: 2 }] }",
                "1:50: with `levels`, `above` stands in each of them"
            ),
            ("{ alert: A, match: { metric: t }, levels: [{ for: 1m }] }", "1:52: a condition is missing: one of"),
            (
                "{ alert: A, match: { metric: t }, levels: [{ above: 2 }, { above: 1 }] }",
                "1:51: `levels`: the levels go from the mildest to the worst"
            ),
        ]
    )
    func rules(text: String, expected: String) {
        let found = problems("rules: [\(text)]").filter { !$0.contains("reaches no hook") }
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix("c.yaml:" + expected) == true, "\(found)")
    }

    @Test(
        "hooks that cannot work",
        arguments: [
            ("{}", "hook `a` has no `type`: one of `webhook`, `exec`, `ntfy`, `slack`, `pagerduty`, `alertmanager`"),
            ("{ type: webhok, url: \"http://x/\" }", "unknown type of hook `webhok`; did you mean `webhook`?"),
            ("{ type: webhook }", "`url` is missing"),
            ("{ type: webhook, url: \"ftp://x/\" }", "`url`: expected a URL such as"),
            ("{ type: webhook, url: \"http://x:99999/\" }", "`url`: expected a URL such as"),
            ("{ type: webhook, url: \"http://x/\", headers: { \"a b\": c } }", "`a b` is no name of an HTTP header"),
            ("{ type: webhook, url: \"http://x/\", headers: { Host: c } }", "Forebay sets `Host` itself"),
            (
                "{ type: webhook, url: \"http://169.254.169.254/latest\" }",
                "c.yaml:1:35: `url`: 169.254.169.254 is link-local or serves metadata"
            ),
            ("{ type: slack, url: \"http://[fe80::1]/\" }", "`url`: fe80::1 is link-local"),
            (
                "{ type: slack, url: \"http://x/\", allow_addresses: [host] }",
                "`allow_addresses`: expected an IP address such as"
            ),
            ("{ type: exec, command: [/bin/true], allow_addresses: [1.1.1.1] }", "unknown key `hooks.a.allow_add"),
            ("{ type: webhook, url: \"http://x/\", headers: { x-forebay-signature: c } }", "Forebay sets"),
            ("{ type: ntfy, topic: t }", "`url` is missing: the server, e.g. `https://ntfy.sh`"),
            ("{ type: ntfy, url: \"http://x/\" }", "`topic` is missing"),
            ("{ type: ntfy, url: \"http://x/\", topic: a/b }", "c.yaml:1:52: `topic`: expected up to 64 letters"),
            ("{ type: slack }", "`url` is missing"),
            ("{ type: slack, url: \"http://x/\", channel: c }", "unknown key `hooks.a.channel`"),
            ("{ type: pagerduty }", "`routing_key` is missing"),
            ("{ type: pagerduty, routing_key: k, url: x }", "`url`: expected a URL such as"),
            ("{ type: heartbeat }", "`url` is missing: who misses the box"),
            (
                "{ type: heartbeat, url: \"http://x/\", interval: 500ms }",
                "`interval`: `500ms` is out of range: 1s to 1d"
            ),
            ("{ type: email, from: a@b }", "`to` is missing"),
            ("{ type: email, to: a@b }", "`from` is missing"),
            ("{ type: email, to: \"A <a@b>\", from: a@b }", "`to`: expected an address such as `duty@example.org`"),
            ("{ type: email, to: [\"-O@b\"], from: a@b }", "`to`: expected an address such as `duty@example.org`"),
            ("{ type: email, to: a@b, from: a@b, url: \"http://x/\" }", "unknown key `hooks.a.url`"),
            ("{ type: alertmanager }", "`url` is missing: the server"),
            (
                "{ type: alertmanager, url: \"http://x/\", resend_interval: 0s }",
                "`resend_interval`: `0s` is out of range: 1s to 1h"
            ),
            ("{ type: mqtt, url: \"http://x/\" }", "`url`: expected `mqtt://HOST[:PORT]`"),
            ("{ type: mqtt, topic: \"a/+\" }", "`topic`: expected levels such as `home/alerts`"),
            ("{ type: mqtt, topic: /a }", "`topic`: expected levels such as `home/alerts`"),
            ("{ type: mqtt, password_file: /p }", "`password_file` needs `user` beside it"),
            ("{ type: mqtt, ca_file: /c }", "`ca_file` is for TLS: the `url` must begin with `mqtts://`"),
            ("{ type: mqtt, discovery_prefix: a }", "`discovery_prefix` needs `discovery: true` beside it"),
            ("{ type: mqtt, redirects: 1 }", "unknown key `hooks.a.redirects`"),
            ("{ type: mqtt, allow_addresses: [1.1.1.1] }", "unknown key `hooks.a.allow_addresses`"),
            ("{ type: slack, url: \"https://x/\", cert_file: /c }", "`cert_file` needs `key_file` beside it"),
            ("{ type: slack, url: \"http://x/\", ca_file: /c }", "the `url` must begin with `https://`"),
            ("{ type: slack, url: \"http://x/\", redirects: 6 }", "`redirects`: `6` is out of range: 0 to 5"),
            ("{ type: exec }", "`command` is missing"),
            ("{ type: exec, command: [siren] }", "the program needs its full path"),
            ("{ type: exec, command: [/bin/true], timeout: 1ms }", "`timeout`: `1ms` is out of range: 100ms to 10m"),
            ("{ type: exec, command: [/bin/true], retry_for: 0s }", "`retry_for`: `0s` is out of range: 1s to 365d"),
            ("{ type: exec, command: [/bin/true], retry_for: 7 }", "c.yaml:1:60: `retry_for`: expected a duration"),
        ]
    )
    func hooks(text: String, expected: String) {
        let found = problems("hooks: { a: \(text) }")
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.contains(expected) == true, "\(found)")
    }

    @Test("a heartbeat gets no alerts: a rule that names it is wrong, and one that has no other hook reaches none")
    func heartbeatIsNoReceiver() {
        let hook = "hooks: { p: { type: heartbeat, url: \"http://x/\" } }\n"
        let named = problems(hook + "rules: [{ alert: A, match: { metric: t }, above: 1, notify: [p] }]")
        #expect(named == ["c.yaml:2:61: hook `p` is a heartbeat, which gets no alerts"])
        let unnamed = problems(hook + "rules: [{ alert: A, match: { metric: t }, above: 1 }]")
        #expect(unnamed == ["c.yaml:2:18: warning: rule `A` reaches no hook: its alerts are only recorded"])
    }

    @Test("an input and a hook with one client id at one broker")
    func sharedClientID() {
        let found = problems(
            "inputs: { g: { type: mqtt, subscribe: [a], client_id: c } }\nhooks: { h: { type: mqtt, client_id: c } }"
        )
        #expect(found.count == 1)
        let expected = "input `g` and hook `h` connect to mqtt://127.0.0.1:1883 with the same client id `c`"
        #expect(found.first?.contains(expected) == true, "\(found)")
    }

    @Test("definitions that collide")
    func collisions() {
        let text = """
            inputs:
              a: { type: udp, listen: "0.0.0.0:8094" }
              b: { type: udp, listen: "127.0.0.1:8094" }
              c: { type: udp, listen: "127.0.0.1:0" }
              d: { type: udp, listen: "127.0.0.1:0" }
              e: { type: serial, port: /dev/ttyUSB0 }
              f: { type: serial, port: /dev/ttyUSB0 }
              g: { type: mqtt, subscribe: [x], client_id: same }
              h: { type: mqtt, subscribe: [y], client_id: same }
            rules:
              - { alert: A, match: { metric: t }, above: 1 }
              - { alert: A, match: { metric: t }, above: 2 }
            hooks: { p: { type: exec, command: /bin/true } }
            """
        #expect(
            problems(text) == [
                "c.yaml:3:27: inputs `a` and `b` both listen on UDP port 8094",
                "c.yaml:7:28: inputs `e` and `f` both read `/dev/ttyUSB0`",
                "c.yaml:9:47: input `g` and input `h` connect to mqtt://127.0.0.1:1883 with the same client id `same`",
                "c.yaml:12:14: alert `A` is given twice: it stands at c.yaml:11:14 already",
            ]
        )
    }

    @Test(
        "templates are compiled by the loader",
        arguments: [
            ("summary: \"{{nmae}} is warm\"", "1:62: `summary`: `{{nmae}}` is not known; did you mean `name`?"),
            ("summary: \"at {{ vlaue|1 }}\"", "1:62: `summary`: `{{vlaue}}` is not known; did you mean `value`?"),
            ("description: \"{{name\"", "1:66: `description`: `{{` is never closed with `}}`"),
            ("summary: \"{{name|1}}\"", "1:62: `summary`: `{{name}}` is no number: it takes no digits"),
        ]
    )
    func templates(text: String, expected: String) {
        let found = problems("rules: [{ alert: A, match: { metric: t }, above: 1, \(text), notify: [p] }]\n\(hook)")
        #expect(found == ["c.yaml:" + expected])
    }

    private var hook: String { "hooks: { p: { type: exec, command: /bin/true } }" }

    @Test("a default that stands in for a refused value collides with nothing")
    func refusedValues() {
        let text = """
            inputs:
              a: { type: udp, listen: 8094 }
              b: { type: udp, listen: "127.0.0.1:8094" }
            """
        #expect(problems(text).map { $0.prefix(20) } == ["c.yaml:2:27: `listen"])
    }

    @Test("what is hardly meant is a warning, and the configuration holds")
    func warnings() throws {
        let text = """
            rules:
              - { alert: A, above: 1 }
              - { alert: B, match: { metric: t }, above: 1, severity: critcal, notify: [p] }
            hooks: { p: { type: exec, command: /bin/true } }
            """
        #expect(
            problems(text) == [
                "c.yaml:2:14: warning: rule `A` has no `match` and watches every metric of every device",
                "c.yaml:3:59: warning: severity `critcal` is taken as it stands; did you mean `critical`?",
            ]
        )
        #expect(try configuration(text).rules.flatMap(\.levels).map(\.severity) == ["warning", "critcal"])
        let silent = problems("rules: [{ alert: A, match: { metric: t }, above: 1 }]")
        #expect(silent == ["c.yaml:1:18: warning: rule `A` reaches no hook: its alerts are only recorded"])
    }

    @Test("aliases of aliases cannot blow the tree up")
    func aliasBomb() {
        var text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        for (letter, before) in zip("bcdefgh", "abcdefg") {
            text += "\(letter): &\(letter) [\((0..<10).map { _ in "*\(before)" }.joined(separator: ", "))]\n"
        }
        #expect(problems(text).contains { $0.contains("more than 100000 values") })
    }

    @Test("every truncation of a configuration is answered, never trapped on")
    func truncations() {
        let bytes = Array(contractExampleText.utf8)
        var failures = 0
        for length in 0...bytes.count {
            if case .failure = read(String(decoding: bytes[..<length], as: UTF8.self)) { failures += 1 }
        }
        #expect(failures > 0 && failures < bytes.count)
    }
}
