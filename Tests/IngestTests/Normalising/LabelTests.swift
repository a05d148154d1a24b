// Which labels an event has: each sentence of the contract on labels, through the whole pipeline.
import EventModel
import Ingest
import Testing

private let tagged = "m,device=a,line=by-payload,site=by-payload,rack=by-payload t=1"

@Suite("Normalising: labels")
struct LabelTests {
    private func lineBench(_ devices: [DeviceEntry] = []) throws -> PipelineBench {
        try PipelineBench {
            $0.format = "line_protocol"
            $0.devices = devices
        }
    }

    @Test("labels are the payload's tags")
    func tags() throws {
        let event = try lineBench().event(tagged)
        #expect(try event["labels"] == json(#"{"line":"by-payload","site":"by-payload","rack":"by-payload"}"#))
    }

    @Test("overlaid by the topic's captures")
    func captures() throws {
        let way = PayloadWay.topic("up/by-topic/by-topic/north", "up/{line}/{site}/{area}")
        let event = try lineBench().event(tagged, way)
        #expect(
            try event["labels"]
                == json(#"{"line":"by-topic","site":"by-topic","rack":"by-payload","area":"north"}"#)
        )
    }

    @Test("overlaid by the registry's")
    func registry() throws {
        let device = DeviceEntry(id: "a", labels: ["line": "by-registry", "owner": "kitchen"])
        let way = PayloadWay.topic("up/by-topic/by-topic", "up/{line}/{site}")
        let event = try lineBench([device]).event(tagged, way)
        #expect(
            try event["labels"]
                == json(#"{"line":"by-registry","owner":"kitchen","site":"by-topic","rack":"by-payload"}"#)
        )
    }

    @Test("the registry's stand over the payload's tags where no topic is between them")
    func registryOverTags() throws {
        let device = DeviceEntry(id: "a", labels: ["line": "by-registry", "site": "by-registry"])
        let event = try lineBench([device]).event(tagged)
        #expect(try event["labels"] == json(#"{"line":"by-registry","site":"by-registry","rack":"by-payload"}"#))
    }

    @Test("each source alone gives its labels")
    func alone() throws {
        let topic = try PipelineBench().event(#"{"device":"a","t":1}"#, .topic("up/b", "up/{line}"))
        #expect(try topic["labels"] == json(#"{"line":"b"}"#))
        let known = try PipelineBench { $0.devices = [DeviceEntry(id: "a", labels: ["line": "c"])] }
        #expect(try known.event(#"{"device":"a","t":1}"#)["labels"] == json(#"{"line":"c"}"#))
    }

    @Test("device and metric of a topic are no labels")
    func namesAreNoLabels() throws {
        let way = PayloadWay.topic("up/b/a/t", "up/{line}/{device}/{metric}")
        let event = try PipelineBench().event(#"{"value":1}"#, way)
        #expect(try event["labels"] == json(#"{"line":"b"}"#))
    }

    @Test("without labels there is no map of them")
    func none() throws {
        #expect(try PipelineBench().event(#"{"device":"a","t":1}"#)["labels"] == nil)
        #expect(try lineBench().event("m,device=a t=1")["labels"] == nil)
        #expect(try lineBench([DeviceEntry(id: "a")]).event("m,device=a t=1")["labels"] == nil)
    }

    @Test("rules read only labels: so name, location and profile of the registry are among them")
    func identity() throws {
        let device = DeviceEntry(
            id: "a",
            name: "Walk-in \"cold\"",
            location: "kitchen",
            profile: "freezer",
            state: .active,
            labels: ["line": "b"]
        )
        let event = try lineBench([device]).event("m,device=a t=1")
        #expect(
            try event["labels"]
                == json(#"{"name":"Walk-in \"cold\"","location":"kitchen","profile":"freezer","line":"b"}"#)
        )
    }

    @Test("a payload cannot give itself the registry's name, location or profile")
    func forgedIdentity() throws {
        let device = DeviceEntry(id: "a", name: "Walk-in", location: "kitchen", profile: "freezer")
        let event = try lineBench([device]).event("m,device=a,name=x,location=y,profile=z t=1")
        #expect(try event["labels"] == json(#"{"name":"Walk-in","location":"kitchen","profile":"freezer"}"#))
    }

    @Test("labels are stamped at ingest: a change in the registry affects later events")
    func laterEvents() throws {
        let bench = try lineBench([DeviceEntry(id: "a", labels: ["line": "b", "old": "yes"])])
        let line = "m,device=a,site=c t=1"
        let first = try bench.event(line)
        bench.publish([DeviceEntry(id: "a", name: "Walk-in", labels: ["line": "d"])])
        let second = try bench.event(line)
        bench.publish([DeviceEntry(id: "a")])
        let third = try bench.event(line)
        #expect(try first["labels"] == json(#"{"line":"b","old":"yes","site":"c"}"#))
        #expect(try second["labels"] == json(#"{"line":"d","name":"Walk-in","site":"c"}"#))
        #expect(try third["labels"] == json(#"{"site":"c"}"#))
    }

    @Test("a device that was new gets its labels when the registry knows it")
    func adopted() throws {
        let bench = try lineBench()
        #expect(try bench.event("m,device=a t=1")["labels"] == nil)
        bench.publish([DeviceEntry(id: "a", state: .active, labels: ["line": "b"])])
        #expect(try bench.event("m,device=a t=1")["labels"] == json(#"{"line":"b"}"#))
    }

    @Test("the registry's labels are those of the event's own device")
    func ownDevice() throws {
        let devices = [DeviceEntry(id: "a", labels: ["line": "of-a"]), DeviceEntry(id: "b", labels: ["line": "of-b"])]
        let events = try lineBench(devices).events("m,device=a t=1\nm,device=b t=1\nm,device=c t=1\n")
        #expect(events.map { $0["labels"]?.text("line") } == ["of-a", "of-b", nil])
    }

    @Test("labels keep what JSON must escape", arguments: [#"quo"te"#, #"back\slash"#, "😀 é"])
    func escaped(_ value: String) throws {
        let bench = try PipelineBench { $0.devices = [DeviceEntry(id: "a", labels: ["by-registry": value])] }
        let event = try bench.event(#"{"device":"a","t":1}"#, .topic("up/\(value)", "up/{line}"))
        #expect(event["labels"]?.text("line") == value)
        #expect(event["labels"]?.text("by-registry") == value)
    }
}
