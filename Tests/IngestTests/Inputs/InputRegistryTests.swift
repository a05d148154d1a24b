// The registry of inputs, and the small machines that several of them share.
import Ingest
import Platform
import Testing

@Suite("Input registry")
struct InputRegistryTests {
    @Test("names every type once, and finds it by its name")
    func names() {
        let names = InputRegistry.definitions.map(\.name)
        #expect(names == ["mqtt", "udp", "serial"])
        #expect(InputRegistry.definitions.allSatisfy { !$0.summary.isEmpty })
        #expect(InputRegistry.definition(named: "udp")?.sharesThread == false)
        #expect(InputRegistry.definition(named: "serial")?.sharesThread == true)
        #expect(InputRegistry.definition(named: "carrier-pigeon") == nil)
    }

    @Test("makes adapters from settings, and says what is wrong with them")
    func adapters() throws {
        let directory = try ScratchDirectory()
        func make(_ settings: any InputSettings) throws -> any InputAdapter {
            let definition = try #require(InputRegistry.definition(named: type(of: settings).typeName))
            let endpoint = InputEndpoint(
                name: "plant",
                settings: settings,
                pipeline: try PipelineHarness().pipeline,
                state: InputStateBox()
            )
            return try definition.makeAdapter([endpoint], .forTests(directory))
        }
        #expect(try make(MQTTInputSettings(clientID: "box", subscribe: ["a/{device}"])) is MQTTInput)
        let address = try #require(HostAndPort("127.0.0.1:0", defaultPort: nil))
        #expect(try make(UDPInputSettings(listen: address)) is UDPInput)
        #expect(try make(SerialInputSettings(port: "/dev/ttyUSB0")) is SerialInputs)
        let error = #expect(throws: InputDefinitionError.self) {
            try make(MQTTInputSettings(clientID: "box", subscribe: ["a/#/b"]))
        }
        #expect(error?.description.hasPrefix("input \"plant\": topic pattern \"a/#/b\":") == true)
    }
}
