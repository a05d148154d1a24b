// `forebay explain` for the transports' own rules.
import Appliance
import Testing

@Suite("Explained payloads")
struct ExplanationTests {
    private static let text = """
        data: /nonexistent
        inputs:
          lan: { type: udp, listen: "127.0.0.1:8094", format: json, payload_bytes_max: 1KiB }
          probes: { type: serial, port: /dev/ttyS0, device: probe, format: key_value }
        """

    private func reject(_ input: String, _ payload: String) throws -> String? {
        let configuration = try configuration(ExplanationTests.text)
        let found = try PayloadExplanation(configuration, input: input, payload: Array(payload.utf8), topic: nil)
        return found.rejects.first.map { "\($0.reason) at \($0.position)" }
    }

    @Test("a payload over the input's limit is refused")
    func tooLarge() throws {
        let payload = #"{"device":"a","t":1}"#
        #expect(try reject("lan", payload) == nil)
        #expect(try reject("lan", payload + String(repeating: " ", count: 1024)) == "too_large at 1024")
    }

    @Test("a NUL on a serial line is a damaged byte, and none elsewhere")
    func damagedLine() throws {
        #expect(try reject("probes", "t=1") == nil)
        #expect(try reject("probes", "t=1\0") == "framing at 3")
        #expect(try reject("lan", "{\0") != "framing at 1")
    }
}
