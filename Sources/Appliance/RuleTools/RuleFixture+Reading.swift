// Reads files of tests of rules.
internal import EventModel
internal import Foundation
internal import Platform
internal import Rules

extension RuleFixture {
    /// - Throws: 66 where there is no such file, 78 with every problem as `file:line:column: message` where it, or the rules
    ///   that it names, are wrong.
    package init(path: String) throws(CommandFailure) {
        guard FileManager.default.fileExists(atPath: path) else {
            throw CommandFailure(ExitStatus.noInput, "there is no file of tests \(path)")
        }
        try AccessCheck.require(path, R_OK)
        let loader = ConfigurationLoader()
        let diagnostics = ConfigurationDiagnostics()
        let decoder = FixtureDecoder(
            loader: loader,
            context: ReadingContext(
                diagnostics: diagnostics,
                expansion: TextExpansion(environment: loader.environment)
            )
        )
        let fixture = loader.tree(of: path, diagnostics).flatMap { decoder.decode($0, path: path) }
        guard let fixture, !diagnostics.hasErrors else {
            let errors = diagnostics.problems.filter { $0.severity == .error }
            let lines = errors.sorted { $0.place < $1.place }.map(\.description)
            throw CommandFailure(ExitStatus.configuration, lines.joined(separator: "\n"))
        }
        self = fixture
    }
}

/// From the tree of a file to its tests, reporting everything that is wrong on the way.
private struct FixtureDecoder {
    let loader: ConfigurationLoader
    let context: ReadingContext

    /// nil where something is wrong, which is reported.
    func decode(_ tree: ConfigurationNode, path: String) -> RuleFixture? {
        guard case .mapping(let entries) = tree.content else {
            context.diagnostics.error(tree.place, "expected `rules:` and `tests:`, not \(tree.kind)")
            return nil
        }
        let root = MappingReader(entries, path: "", place: tree.place, context: context)
        let rules = decodeRules(root)
        var tests: [RuleTest] = []
        var first: [String: ConfigurationPlace] = [:]
        for reader in elements("tests", of: root) {
            guard let test = decodeTest(reader, rules ?? []) else { continue }
            if let earlier = first[test.name] {
                context.diagnostics.error(
                    test.place,
                    "test `\(test.name)` is given twice: it stands at \(earlier) already"
                )
            }
            first[test.name] = test.place
            tests.append(test)
        }
        root.finish()
        // Rules that do not hold were reported when they were read.
        guard let rules, let set = try? RuleSet(rules) else { return nil }
        return RuleFixture(path: path, rules: set, tests: tests)
    }

    /// The mappings of a list that must be there, and not be empty.
    private func elements(_ key: String, of reader: MappingReader) -> [MappingReader] {
        guard let node = reader.node(key) else {
            context.diagnostics.error(reader.place(of: key), "`\(key)` is missing: a list")
            return []
        }
        guard case .sequence(let elements) = node.content else {
            context.diagnostics.error(node.place, "`\(key)`: expected a list, not \(node.kind)")
            return []
        }
        if elements.isEmpty { context.diagnostics.error(node.place, "`\(key)`: the list is empty") }
        return elements.compactMap { reader.mapping($0, named: key) }
    }

    private func decodeRules(_ root: MappingReader) -> [RuleDefinition]? {
        guard let node = root.node("rules") else {
            context.diagnostics.error(root.place(of: "rules"), "`rules` is missing: the path of a file, or a list")
            return nil
        }
        var merge = ConfigurationMerge(diagnostics: context.diagnostics)
        if case .sequence = node.content {
            merge.addRules(node)
        } else {
            guard let path = context.scalar(node, .path, named: "rules") else { return nil }
            guard FileManager.default.fileExists(atPath: path) else {
                context.diagnostics.error(node.place, "`rules`: there is no file \(path)")
                return nil
            }
            guard let tree = loader.tree(of: path, context.diagnostics) else { return nil }
            merge.addRules(tree)
        }
        let before = context.diagnostics.errorCount
        let loaded = loader.decode(merge, files: [node.place.file], context.diagnostics, hooks: .unknown)
        return context.diagnostics.errorCount == before ? loaded.configuration.rules : nil
    }

    private func decodeTest(_ reader: MappingReader, _ rules: [RuleDefinition]) -> RuleTest? {
        let name = reader.scalar("name", .text(bytesMax: 256))
        if name == nil, !reader.isGiven("name") { reader.error("a test needs its name: `name: ...`") }
        let errors = context.diagnostics.errorCount
        let series = elements("series", of: reader).compactMap(decodeSeries)
        let areSeriesWhole = context.diagnostics.errorCount == errors
        let expectations = elements("expect", of: reader).compactMap { reader -> RuleExpectation? in
            guard let expectation = decodeExpectation(reader) else { return nil }
            // Of a name that is missing because its series is wrong, nothing is said.
            return areSeriesWhole && !rules.isEmpty ? resolve(expectation, reader, series, rules) : expectation
        }
        reader.finish()
        return name.map { name in
            RuleTest(name: name, place: reader.place(of: "name"), series: series, expectations: expectations)
        }
    }

    // MARK: Series

    private func decodeSeries(_ reader: MappingReader) -> RuleTestSeries? {
        let device = required("device", .text(bytesMax: 128), reader)
        let metric = required("metric", .text(bytesMax: 128), reader)
        let unit = reader.scalar("unit", .text(bytesMax: 32))
        var labels: [(name: String, value: String)] = []
        if let mapping = reader.mapping("labels") {
            for entry in mapping.all {
                if let value = mapping.scalar(entry.key, .text(bytesMax: 256)) { labels.append((entry.key, value)) }
            }
        }
        let readings = decodeReadings(reader, device: device ?? "", metric: metric ?? "", labels)
        reader.finish()
        guard let device, let metric, let readings else { return nil }
        return RuleTestSeries(
            place: reader.place,
            device: device,
            metric: metric,
            unit: unit,
            labels: labels,
            readings: readings
        )
    }

    private func decodeReadings(
        _ reader: MappingReader,
        device: String,
        metric: String,
        _ labels: [(name: String, value: String)]
    ) -> RuleTestSeries.Readings? {
        let start = reader.scalar("start", .testTime) ?? .testStart
        let every = reader.scalar("every", .duration(.milliseconds(1)...(.days(366))))
        let pattern = reader.scalar("values", .pattern)
        if reader.isGiven("csv") {
            for key in ["start", "every", "values"] where reader.isGiven(key) {
                context.diagnostics.error(reader.place(of: key), "with `csv`, there is no `\(key)`")
            }
            return reader.mapping("csv").flatMap(decodeFile).map { file -> RuleTestSeries.Readings in
                var file = file
                (file.device, file.metric, file.labels) = (device, metric, labels)
                return .file(file)
            }
        }
        guard reader.isGiven("values") else {
            reader.error("a series needs its `values`, or a `csv` file")
            return nil
        }
        guard reader.isGiven("every") else {
            context.diagnostics.error(reader.place(of: "values"), "`values` need `every`: the time between two of them")
            return nil
        }
        guard let every, let pattern else { return nil }
        let (span, overflow) = every.wholeMilliseconds.multipliedReportingOverflow(by: pattern.count)
        guard !overflow, .milliseconds(span) <= RuleToolLimits.spanMax else {
            context.diagnostics.error(reader.place(of: "values"), "`values`: \(RuleTest.tooLong)")
            return nil
        }
        return .pattern(pattern, start: start, every: every)
    }

    private func decodeFile(_ reader: MappingReader) -> CSVSeries? {
        let file = required("file", .path, reader)
        let time = required("time_column", .text(), reader)
        let value = required("value_column", .text(), reader)
        let zone = reader.scalar("time_zone", .timeZone) ?? "UTC"
        reader.finish()
        guard let file, let time, let value else { return nil }
        let series = CSVSeries(
            path: file,
            device: "",
            metric: "",
            timeColumn: time,
            valueColumn: value,
            timeZone: zone
        )
        do throws(CommandFailure) {
            _ = try CSVReadings(series)
            return series
        } catch {
            context.diagnostics.error(reader.place(of: "file"), error.message)
            return nil
        }
    }

    private func required<Value>(_ key: String, _ type: ScalarType<Value>, _ reader: MappingReader) -> Value? {
        if !reader.isGiven(key) { reader.error("`\(key)` is missing") }
        return reader.scalar(key, type)
    }

    // MARK: Expectations

    private func decodeExpectation(_ reader: MappingReader) -> RuleExpectation? {
        let at = required("at", .testInstant, reader)
        let alert = required("alert", .text(bytesMax: 128), reader)
        let device = required("device", .text(bytesMax: 128), reader)
        let metric = reader.scalar("metric", .text(bytesMax: 128))
        let state: AlertStanding.State? = required("state", .choice("state"), reader)
        let severity = reader.scalar("severity", .text(bytesMax: 32))
        let value = reader.scalar("value", .number)
        reader.finish()
        guard let at, let alert, let device, let state else { return nil }
        return RuleExpectation(
            place: reader.place,
            at: at,
            alert: alert,
            device: device,
            metric: metric,
            state: state,
            severity: severity,
            value: value
        )
    }

    /// The same with its metric, where its names are those of rules and series.
    private func resolve(
        _ expectation: RuleExpectation,
        _ reader: MappingReader,
        _ series: [RuleTestSeries],
        _ rules: [RuleDefinition]
    ) -> RuleExpectation? {
        func refuse(_ key: String, _ name: String, _ what: String, _ names: [String]) -> RuleExpectation? {
            let hint = NearestName.hint(for: name, among: names)
            context.diagnostics.error(reader.place(of: key), "`\(key)`: there is no \(what) `\(name)`\(hint)")
            return nil
        }
        guard let rule = rules.first(where: { $0.alert == expectation.alert }) else {
            return refuse("alert", expectation.alert, "rule", rules.map(\.alert))
        }
        let metrics = Set(series.filter { $0.device == expectation.device }.map(\.metric)).sorted()
        guard !metrics.isEmpty else {
            return refuse("device", expectation.device, "series of device", Set(series.map(\.device)).sorted())
        }
        if let metric = expectation.metric {
            let what = "series of device `\(expectation.device)` with metric"
            return metrics.contains(metric) ? expectation : refuse("metric", metric, what, metrics)
        }
        var resolved = expectation
        if let term = rule.levels.first?.condition.expression?.terms.first {
            resolved.metric = term.metric
            return resolved
        }
        let globs = rule.match.metrics.map { Glob($0) }
        let watched = metrics.filter { metric in globs.isEmpty || globs.contains { $0.matches(metric) } }
        guard watched.count <= 1 else {
            let names = watched.map { "`\($0)`" }.joined(separator: ", ")
            reader.error("`metric` is missing: rule `\(rule.alert)` watches \(names) of device `\(expectation.device)`")
            return nil
        }
        resolved.metric = watched.first
        return resolved
    }
}

extension Timestamp {
    /// Where a series begins that does not say: 2026-01-01T00:00:00Z.
    static let testStart = Timestamp(milliseconds: 1_767_225_600_000)
}

extension ScalarType where Value == Timestamp {
    /// RFC 3339; UTC where it names no zone.
    fileprivate static var testTime: ScalarType {
        ScalarType { value throws(WrongValue) in
            let bytes = Array(value.text.utf8)
            guard bytes.count >= 19, bytes[4] == UInt8(ascii: "-"),
                let parsed = TimestampText.parse(bytes.span.bytes, start: 0, count: bytes.count)
            else { throw WrongValue("expected a time such as `2026-01-01T00:00:00Z`, not `\(value.shown)`") }
            return Timestamp(milliseconds: parsed.milliseconds)
        }
    }
}

extension ScalarType where Value == RuleExpectation.Instant {
    /// `10m` after the test's first instant, or a time.
    fileprivate static var testInstant: ScalarType {
        ScalarType { value throws(WrongValue) in
            guard value.text.utf8.contains(UInt8(ascii: ":")) else {
                return .after(try ScalarType<Duration>.duration(.zero...RuleToolLimits.spanMax).read(value))
            }
            return .at(try ScalarType<Timestamp>.testTime.read(value))
        }
    }
}
