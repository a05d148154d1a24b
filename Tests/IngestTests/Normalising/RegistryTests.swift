// What the registry does to events: scale and offset, units, kinds, and who may send at all; through the whole pipeline.
import EventModel
import Ingest
import Platform
import Testing

@Suite("Normalising: registry")
struct RegistryTests {
    private func registryBench(_ metrics: [String: MetricEntry], calibration: Int = 3) throws -> PipelineBench {
        try PipelineBench {
            $0.devices = [DeviceEntry(id: "a", metrics: metrics, calibrationRevision: calibration)]
        }
    }

    // MARK: Scale and offset

    @Test(
        "where scale or calibration applied, the reading is scaled, raw has what was sent, calibration the revision",
        arguments: [
            (0.5, -1, "432", 215), (0.5, 0, "432", 216), (1, -32, "212", 180), (-1, 0, "0.25", -0.25),
            (0.25, 0.5, "\"-10\"", -2), (10, 1, "1.5e2", 1501),
        ] as [(Double, Double, String, Double)]
    )
    func calibrated(_ scale: Double, _ offset: Double, _ sent: String, _ stored: Double) throws {
        let bench = try registryBench(["temperature": MetricEntry(scale: scale, offset: offset)])
        let event = try bench.event("{\"device\":\"a\",\"temperature\":\(sent),\"humidity\":40}")
        #expect(event["readings"] == JSONValue.object(["temperature": .number(stored), "humidity": .number(40)]))
        let raw = sent.filter { $0 != "\"" }
        #expect(try event["raw"] == json("{\"temperature\":\(raw)}"))
        #expect(event.number("calibration") == 3)
        #expect(event.text("quality") == "good")
    }

    @Test("else there is neither raw nor calibration")
    func notCalibrated() throws {
        let bench = try registryBench(["temperature": MetricEntry(scale: 0.5), "humidity": MetricEntry()])
        let event = try bench.event(#"{"device":"a","humidity":40}"#)
        #expect(event["raw"] == nil && event["calibration"] == nil)
        let other = try bench.event(#"{"device":"b","temperature":40}"#)
        #expect(try other["readings"] == json(#"{"temperature":40}"#))
        #expect(other["raw"] == nil && other["calibration"] == nil)
    }

    @Test("states are not scaled")
    func statesAreNotScaled() throws {
        let bench = try registryBench(["door": MetricEntry(kind: .state, scale: 0.5, offset: 1)])
        let event = try bench.event(#"{"device":"a","door":"open"}"#)
        #expect(try event["states"] == json(#"{"door":"open"}"#))
        #expect(event["raw"] == nil && event["calibration"] == nil)
    }

    @Test("what scaling makes too large for a number must not be used")
    func overflow() throws {
        let bench = try registryBench(["x": MetricEntry(scale: 1e300)])
        let event = try bench.event(#"{"device":"a","x":1e300,"y":1}"#)
        #expect(try event["bad"] == json(#"{"x":{"value":"1e300","reason":"not_a_number"}}"#))
        #expect(try event["readings"] == json(#"{"y":1}"#))
        #expect(event["raw"] == nil)
    }

    @Test("a change of scale or offset affects later events")
    func recalibrated() throws {
        let bench = try PipelineBench()
        let payload = #"{"device":"a","x":8}"#
        let first = try bench.event(payload)
        for (scale, revision) in [(0.5, 1), (0.25, 2)] {
            let metrics = ["x": MetricEntry(scale: scale)]
            bench.publish([DeviceEntry(id: "a", metrics: metrics, calibrationRevision: revision)])
            let event = try bench.event(payload)
            #expect(event["readings"]?.number("x") == 8 * scale)
            #expect(event.number("calibration") == Double(revision))
        }
        bench.publish([DeviceEntry(id: "a", metrics: ["x": MetricEntry()], calibrationRevision: 3)])
        let last = try bench.event(payload)
        for event in [first, last] {
            #expect(event["readings"]?.number("x") == 8)
            #expect(event["raw"] == nil && event["calibration"] == nil)
        }
    }

    // MARK: Units and kinds

    @Test("a reading without a unit has the registry's, in its canonical spelling", arguments: ["°C", "Cel"])
    func unit(_ spelling: String) throws {
        let bench = try registryBench(["t": MetricEntry(unit: spelling), "h": MetricEntry()])
        let event = try bench.event(#"{"device":"a","t":21.5,"h":40}"#)
        #expect(try event["units"] == json(#"{"t":"°C"}"#))
    }

    @Test("configured beats what is sent: where the registry scales a metric, the unit is the registry's")
    func unitOfScaledMetric() throws {
        let bench = try registryBench(["t": MetricEntry(unit: "°C", scale: 0.5, offset: -16)])
        let event = try bench.event(#"{"device":"a","t":68,"unit":"F"}"#)
        #expect(try event["readings"] == json(#"{"t":18}"#))
        #expect(try event["units"] == json(#"{"t":"°C"}"#))
    }

    @Test("a (device, metric) keeps its first kind: the registry's holds over a restart")
    func kind() throws {
        let bench = try registryBench(["x": MetricEntry(kind: .number), "door": MetricEntry(kind: .state)])
        let event = try bench.event(#"{"device":"a","x":"warm","door":1}"#)
        #expect(
            try event["bad"]
                == json(
                    #"{"x":{"value":"warm","reason":"type_changed"},"door":{"value":"1","reason":"type_changed"}}"#
                )
        )
        #expect(event["readings"] == nil && event["states"] == nil)
    }

    @Test("a kind that an operator corrects holds for later events")
    func correctedKind() throws {
        let bench = try PipelineBench()
        _ = try bench.event(#"{"device":"a","x":"warm"}"#)
        bench.publish([DeviceEntry(id: "a", metrics: ["x": MetricEntry(kind: .number)])])
        #expect(try bench.event(#"{"device":"a","x":21.5}"#)["readings"] == json(#"{"x":21.5}"#))
    }

    // MARK: Metrics of a device

    @Test("max_metrics is per device: one more is rejected, the rest of the payload is appended all the same")
    func metricLimit() throws {
        let bench = try PipelineBench { $0.normaliser.metricsMax = 2 }
        let taken = try bench.take(#"{"device":"a","x":1,"y":2,"z":3}"#)
        let stored = try #require(taken.events.first).json()
        #expect(try stored["readings"] == json(#"{"x":1,"y":2}"#))
        #expect(taken.rejects.map { $0.headers["reason"] } == ["too_many_metrics"])
        #expect(try bench.event(#"{"device":"a","y":4,"x":5}"#)["readings"] == json(#"{"x":5,"y":4}"#))
        #expect(try bench.event(#"{"device":"b","z":6}"#)["readings"] == json(#"{"z":6}"#))
        #expect(try bench.refusal(#"{"device":"a","z":7}"#) == "too_many_metrics")
        #expect(bench.counts.rejected == [.tooManyMetrics: 2])
    }

    @Test("metrics that the registry has count, and are never refused")
    func registeredMetrics() throws {
        let bench = try PipelineBench {
            $0.normaliser.metricsMax = 2
            $0.devices = [DeviceEntry(id: "a", metrics: ["x": MetricEntry(), "y": MetricEntry(), "z": MetricEntry()])]
        }
        #expect(try bench.refusal(#"{"device":"a","new":1}"#) == "too_many_metrics")
        #expect(try bench.event(#"{"device":"a","x":1,"y":2,"z":3}"#)["readings"] == json(#"{"x":1,"y":2,"z":3}"#))
    }

    @Test("64 metrics of one device by default")
    func defaultMetricLimit() throws {
        let members = (0..<65).map { "\"m\($0)\":\($0)" }.joined(separator: ",")
        let taken = try PipelineBench().take("{\"device\":\"a\",\(members)}")
        #expect(try taken.events.first?.json()["readings"]?.members.count == 64)
        #expect(taken.rejects.map { $0.headers["reason"] } == ["too_many_metrics"])
    }

    // MARK: Registration

    @Test("automatic: unknown devices appear and are watched")
    func automatic() throws {
        let bench = try PipelineBench { $0.devices = [DeviceEntry(id: "known", state: .active)] }
        _ = try bench.events(
            #"[{"device":"a","t":1,"unit":"Cel"},{"device":"known","door":"open"},{"device":"a","t":2}]"#
        )
        bench.turn()
        let report = bench.settings.sightings.drain()
        #expect(report.devices.map { "\($0.id) \($0.input) \($0.at.milliseconds)" } == ["a plant 1795461000131"])
        #expect(
            report.metrics == [
                MetricSighting(device: "a", metric: "t", kind: .number, unit: "°C"),
                MetricSighting(device: "known", metric: "door", kind: .state, unit: nil),
            ]
        )
        #expect(report.lastSeen == ["a": BenchClock.start, "known": BenchClock.start])
    }

    @Test("allow_list: unknown devices are rejected, and do not appear")
    func allowList() throws {
        let bench = try PipelineBench {
            $0.normaliser.registration = .allowList
            $0.devices = [DeviceEntry(id: "known", state: .active), DeviceEntry(id: "seen", state: .new)]
        }
        #expect(try bench.refusal(#"{"device":"a","t":1}"#) == "unknown_device")
        #expect(try bench.event(#"{"device":"known","t":1}"#).text("device") == "known")
        #expect(try bench.event(#"{"device":"seen","t":1}"#).text("device") == "seen")
        #expect(bench.counts.rejected == [.unknownDevice: 1])
        #expect(bench.settings.sightings.drain().devices.isEmpty)
    }

    @Test("allow_list: a device counts as unknown until the registry has it")
    func allowedLater() throws {
        let bench = try PipelineBench { $0.normaliser.registration = .allowList }
        #expect(try bench.refusal(#"{"device":"a","t":1}"#) == "unknown_device")
        bench.publish([DeviceEntry(id: "a", state: .active)])
        #expect(try bench.event(#"{"device":"a","t":1}"#).text("device") == "a")
    }

    @Test("allow_list: a device that the registry has no more is unknown again")
    func noLongerAllowed() throws {
        let bench = try PipelineBench {
            $0.normaliser.registration = .allowList
            $0.devices = [DeviceEntry(id: "a", state: .active)]
        }
        #expect(try bench.event(#"{"device":"a","t":1}"#).text("device") == "a")
        bench.publish([])
        #expect(try bench.refusal(#"{"device":"a","t":2}"#) == "unknown_device")
    }

    @Test("a device that is blocked is rejected, from the moment that the registry says so until it takes it back")
    func blocked() throws {
        let bench = try PipelineBench { $0.devices = [DeviceEntry(id: "b", state: .blocked)] }
        #expect(try bench.refusal(#"{"device":"b","t":1}"#) == "unknown_device")
        #expect(try bench.event(#"{"device":"a","t":1}"#).text("device") == "a")
        bench.publish([DeviceEntry(id: "a", state: .blocked), DeviceEntry(id: "b", state: .active)])
        #expect(try bench.refusal(#"{"device":"a","t":1}"#) == "unknown_device")
        #expect(try bench.event(#"{"device":"b","t":1}"#).text("device") == "b")
    }

    @Test("max_automatic: one device more is rejected with that reason; those that are in go on")
    func deviceLimit() throws {
        let bench = try PipelineBench {
            $0.sightings = DeviceSightings(automaticMax: 2)
            $0.devices = [DeviceEntry(id: "known")]
        }
        for device in ["a", "known", "b", "a"] {
            #expect(try bench.event("{\"device\":\"\(device)\",\"t\":1}").text("device") == device)
        }
        #expect(try bench.refusal(#"{"device":"c","t":1}"#) == "too_many_devices")
        #expect(try bench.event(#"{"device":"b","t":1}"#).text("device") == "b")
        #expect(bench.counts.rejected == [.tooManyDevices: 1])
        #expect(bench.settings.sightings.drain().devices.map { $0.id } == ["a", "b"])
    }

    @Test("max_automatic is one budget for all inputs; a device of another input costs nothing")
    func sharedDeviceLimit() throws {
        let shared = DeviceSightings(automaticMax: 1)
        let first = try PipelineBench { $0.sightings = shared }
        let second = try PipelineBench { $0.sightings = shared }
        #expect(try first.event(#"{"device":"a","t":1}"#).text("device") == "a")
        #expect(try second.refusal(#"{"device":"b","t":1}"#) == "too_many_devices")
        #expect(try second.event(#"{"device":"a","t":1}"#).text("device") == "a")
    }

    @Test("a metric keeps its first kind for all inputs, before the registry knows it and after")
    func sharedKind() throws {
        let shared = DeviceSightings(automaticMax: 1)
        let first = try PipelineBench { $0.sightings = shared }
        let second = try PipelineBench { $0.sightings = shared }
        let number = #"{"device":"a","t":1}"#
        let state = #"{"device":"a","t":"warm"}"#
        #expect(try first.event(number)["readings"] == json(#"{"t":1}"#))
        #expect(try second.event(state)["bad"]?["t"]?.text("reason") == "type_changed")
        #expect(try second.event(number)["readings"] == json(#"{"t":1}"#))
        second.publish([DeviceEntry(id: "a", metrics: ["t": MetricEntry(kind: .number)])])
        #expect(try second.event(state)["bad"]?["t"]?.text("reason") == "type_changed")
    }

    @Test("an id that is none takes no place of the budget")
    func invalidTakesNoPlace() throws {
        let bench = try PipelineBench { $0.sightings = DeviceSightings(automaticMax: 1) }
        #expect(try bench.refusal(#"{"device":"a\u0000","t":1}"#) == "invalid_device")
        #expect(try bench.event(#"{"device":"a","t":1}"#).text("device") == "a")
    }
}
