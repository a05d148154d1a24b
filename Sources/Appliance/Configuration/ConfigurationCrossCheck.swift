// What only shows when the parts are looked at together.
internal import CommitLog
internal import Rules

/// Checks a decoded configuration against itself; needs nothing of the machine.
struct ConfigurationCrossCheck {
    let configuration: Configuration
    let diagnostics: ConfigurationDiagnostics
    /// The place of a dotted path.
    let place: (String) -> ConfigurationPlace

    func run(hooksAreKnown: Bool) {
        checkRules()
        checkGroups()
        checkLevels()
        if hooksAreKnown {
            checkNotify()
            checkEscalations()
        }
        checkInhibitors()
        checkAddresses()
        checkSerialPorts()
        checkClientIDs()
    }

    /// What the rules' own compiler refuses: templates above all. Of a place that is wrong already nothing more is said.
    private func checkRules() {
        for rule in configuration.rules {
            do throws(RuleProblems) {
                _ = try RuleSet([rule])
            } catch {
                for problem in error.problems { report(problem, in: rule) }
            }
        }
    }

    /// Between partitions there is no order, so what several devices are together would be left to chance.
    private func checkGroups() {
        guard configuration.log.readings.partitions > 1 else { return }
        for rule in configuration.rules where rule.group != nil {
            diagnostics.error(
                place("rules.\(rule.alert).at_least"),
                "rule `\(rule.alert)` looks across devices, which needs `readings` to have one partition"
            )
        }
    }

    private func report(_ problem: RuleProblem, in rule: RuleDefinition) {
        let path = "rules.\(rule.alert).\(problem.key)"
        guard !isRefused(path) else { return }
        let template = problem.key == "summary" ? rule.summary : rule.description
        let name = template.flatMap { placeholder(in: $0, at: problem.position) }
        let hint = name.map { NearestName.hint(for: $0, among: problem.validNames) } ?? ""
        diagnostics.error(place(path), "`\(problem.key)`: \(problem.message)\(hint)")
    }

    /// The name behind the braces that open at `position`.
    private func placeholder(in template: String, at position: Int?) -> String? {
        position.map { template.dropFirst($0).filter { $0 != "{" && $0 != " " }.prefix { $0 != "}" && $0 != "|" } }
            .map(String.init)
    }

    /// Levels that never get the alert, because a worse one always has it.
    private func checkLevels() {
        for rule in configuration.rules {
            for (index, level) in rule.levels.enumerated() {
                guard let worse = rule.levels[(index + 1)...].first(where: { $0.hides(level) }) else { continue }
                diagnostics.warning(
                    place("rules.\(rule.alert).levels"),
                    "rule `\(rule.alert)`: level `\(level.severity)` can never be reached: `\(worse.severity)` holds whenever"
                        + " it does, and as early"
                )
            }
        }
    }

    private func checkNotify() {
        let hooks = configuration.hooks.filter(\.takesAlerts).map(\.name)
        for rule in configuration.rules {
            let path = "rules.\(rule.alert)"
            for name in rule.notify ?? [] where !hooks.contains(name) {
                guard !configuration.hooks.contains(where: { $0.name == name }) else {
                    diagnostics.error(place("\(path).notify"), "hook `\(name)` is a heartbeat, which gets no alerts")
                    continue
                }
                let hint = hooks.isEmpty ? "; there are no hooks" : NearestName.hint(for: name, among: hooks)
                diagnostics.error(
                    place("\(path).notify"),
                    "rule `\(rule.alert)` notifies hook `\(name)`, which is not there\(hint)"
                )
            }
            if rule.notify?.isEmpty ?? hooks.isEmpty {
                diagnostics.warning(place(path), "rule `\(rule.alert)` reaches no hook: its alerts are only recorded")
            }
        }
    }

    private func checkEscalations() {
        let hooks = configuration.hooks.filter(\.takesAlerts).map(\.name)
        for rule in configuration.rules {
            let place = place("rules.\(rule.alert).escalate")
            for name in rule.policy.escalation?.notify ?? [] {
                if !hooks.contains(name) {
                    let hint = hooks.isEmpty ? "; there are no hooks" : NearestName.hint(for: name, among: hooks)
                    diagnostics.error(
                        place,
                        "rule `\(rule.alert)` escalates to hook `\(name)`, which is not there or gets no alerts\(hint)"
                    )
                } else if rule.notify?.contains(name) ?? false {
                    diagnostics.error(
                        place,
                        "rule `\(rule.alert)` escalates to hook `\(name)`, which `notify` tells at once"
                    )
                }
            }
        }
    }

    /// Names of rules; and none that comes back to itself, or nobody would be told of any of them.
    private func checkInhibitors() {
        let names = configuration.rules.map(\.alert)
        let known = Set(names)
        let inhibitors = Dictionary(
            configuration.rules.map { ($0.alert, Set($0.policy.inhibitors.map(\.alert))) },
            uniquingKeysWith: { first, _ in first }
        )
        for rule in configuration.rules where !rule.policy.inhibitors.isEmpty {
            let place = place("rules.\(rule.alert).inhibited_by")
            for name in rule.policy.inhibitors.map(\.alert) where !known.contains(name) {
                diagnostics.error(
                    place,
                    "rule `\(rule.alert)` is inhibited by `\(name)`, which is no rule\(NearestName.hint(for: name, among: names))"
                )
            }
            var reached: Set<String> = []
            var open = inhibitors[rule.alert] ?? []
            while let name = open.popFirst() {
                guard reached.insert(name).inserted else { continue }
                open.formUnion(inhibitors[name] ?? [])
            }
            guard reached.contains(rule.alert) else { continue }
            let isDirect = inhibitors[rule.alert]?.contains(rule.alert) ?? false
            diagnostics.error(
                place,
                isDirect
                    ? "rule `\(rule.alert)` inhibits itself: nobody would ever be told"
                    : "rule `\(rule.alert)` is inhibited by rules that it inhibits itself: nobody would be told of any"
            )
        }
    }

    /// Two sockets on one address: the second would not open, or take the first one's datagrams.
    private func checkAddresses() {
        var taken: [(address: HostPort, name: String)] = []
        for input in configuration.inputs {
            guard case .udp(let udp) = input.transport, udp.listen.port != 0,
                !isRefused("inputs.\(input.name).listen")
            else { continue }
            if let other = taken.first(where: { overlap($0.address, udp.listen) }) {
                diagnostics.error(
                    place("inputs.\(input.name).listen"),
                    "inputs `\(other.name)` and `\(input.name)` both listen on UDP port \(udp.listen.port)"
                )
            }
            taken.append((udp.listen, input.name))
        }
    }

    private func overlap(_ left: HostPort, _ right: HostPort) -> Bool {
        let wildcards = ["0.0.0.0", "::"]
        return left.port == right.port
            && (left.host == right.host || wildcards.contains(left.host) || wildcards.contains(right.host))
    }

    private func checkSerialPorts() {
        var taken: [String: String] = [:]
        for input in configuration.inputs {
            guard case .serial(let serial) = input.transport, !serial.port.isEmpty else { continue }
            if let other = taken[serial.port] {
                diagnostics.error(
                    place("inputs.\(input.name).port"),
                    "inputs `\(other)` and `\(input.name)` both read `\(serial.port)`"
                )
            }
            taken[serial.port] = input.name
        }
    }

    /// Two clients under one id: the broker would throw each out for the other, for ever.
    private func checkClientIDs() {
        var taken: [String: String] = [:]
        func check(_ path: String, _ name: String, _ broker: MQTTBroker, _ clientID: String) {
            guard !isRefused("\(path).url"), !isRefused("\(path).client_id") else { return }
            let key = "\(broker)\n\(clientID)"
            if let other = taken[key] {
                diagnostics.error(
                    place("\(path).client_id"),
                    "\(other) and \(name) connect to \(broker) with the same client id `\(clientID)`"
                )
            }
            taken[key] = name
        }
        for input in configuration.inputs {
            guard case .mqtt(let mqtt) = input.transport else { continue }
            let clientID = configuration.clientID(of: input.name, mqtt)
            check("inputs.\(input.name)", "input `\(input.name)`", mqtt.broker, clientID)
        }
        for hook in configuration.hooks {
            guard case .mqtt(let mqtt) = hook.delivery else { continue }
            let clientID = configuration.clientID(of: hook.name, mqtt)
            check("hooks.\(hook.name)", "hook `\(hook.name)`", mqtt.broker, clientID)
        }
    }

    /// Whether something is wrong at a key already: its default is in its place then, and says nothing.
    private func isRefused(_ path: String) -> Bool {
        let place = place(path)
        return diagnostics.problems.contains { $0.severity == .error && $0.place == place }
    }
}

extension Configuration {
    /// The client id under which the broker keeps the session of an input: stable as long as the names are.
    package func clientID(of input: String, _ mqtt: MQTTConfiguration) -> String {
        mqtt.clientID ?? "forebay-\(name)-\(input)"
    }

    /// The client id of a hook.
    package func clientID(of hook: String, _ mqtt: MQTTHookConfiguration) -> String {
        mqtt.clientID ?? "forebay-\(name)-hook-\(hook)"
    }
}
