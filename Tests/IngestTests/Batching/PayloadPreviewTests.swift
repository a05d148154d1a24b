// `forebay explain` says of a payload what its input makes of it: the two are fed the same, and compared.
import EventModel
import Ingest
import Platform
import Testing

@Suite("Preview of payloads")
struct PayloadPreviewTests {
    /// An input and the preview of it, that have seen the same.
    private struct Pair {
        let bench: PipelineBench
        let preview: PayloadPreview

        init(_ format: String, payloadBytesMax: Int = InputLimits.payloadBytesMax) throws {
            bench = try PipelineBench {
                $0.format = format
                $0.payloadBytesMax = payloadBytesMax
            }
            var settings = PipelineSettings(input: bench.settings.input, format: format)
            settings.payloadBytesMax = payloadBytesMax
            settings.normaliser = bench.settings.normaliser
            preview = PayloadPreview(
                settings: settings,
                decoder: try #require(DecoderRegistry.definition(named: format)).make(bench.settings.decoder),
                directory: DeviceDirectory(),
                partitionCount: 1,
                clock: bench.clock.quality()
            )
        }

        /// The events, and the reason and position of the reject, by the input and by the preview.
        func outcomes(_ payload: [UInt8], from: String = PayloadWay.datagram.from) throws -> (Outcome, Outcome) {
            let taken = try bench.take(payload, PayloadWay(from: from))
            let rejects = taken.rejects.map {
                "\($0.headers["reason"] ?? "none") at \($0.headers["position"] ?? "none")"
            }
            let parts = payload.withUnsafeBytes { payload in
                Array(from.utf8).withUnsafeBytes { from in
                    preview.parts(of: payload, Arrival(receivedAt: bench.clock.now(), from: from))
                }
            }
            var previewed = Outcome(events: [], reject: nil)
            for part in parts {
                switch part {
                case .event(_, let value, _, _): previewed.events.append(value)
                case .rejected(let reason, let position):
                    // Of several the first is the payload's.
                    previewed.reject = previewed.reject ?? "\(reason.name) at \(position)"
                }
            }
            return (Outcome(events: taken.events.map(\.text), reject: rejects.first), previewed)
        }
    }

    private struct Outcome: Equatable {
        var events: [String]
        var reject: String?
    }

    @Test("of every sample of the corpus is what becomes of it", arguments: DecoderRegistry.all.map(\.name))
    func corpus(format: String) throws {
        let pair = try Pair(format)
        var events = 0
        var rejects = 0
        for sample in try CorpusSamples(format: format).all {
            let (stored, previewed) = try pair.outcomes(sample)
            #expect(previewed == stored, "\(String(decoding: sample, as: UTF8.self))")
            events += stored.events.count
            rejects += stored.reject == nil ? 0 : 1
        }
        print("\(format): \(events) events and \(rejects) rejects agree")
        #expect(events + rejects > 0)
    }

    @Test("refuses a payload that is too long, or comes from too far, as its input does")
    func bounds() throws {
        let pair = try Pair("json", payloadBytesMax: 64)
        let long = Array((#"{"device":"a","t":1}"# + String(repeating: " ", count: 45)).utf8)
        #expect(long.count == 65)
        for (payload, expected) in [(Array(long.dropLast()), nil), (long, "too_large at 64"), ([], "empty at 0")] {
            let (stored, previewed) = try pair.outcomes(payload)
            #expect(previewed == stored)
            #expect(previewed.reject == expected)
        }
        let topic = String(repeating: "a", count: InputLimits.topicBytesMax + 1)
        let (stored, previewed) = try pair.outcomes(Array(#"{"device":"a","t":1}"#.utf8), from: topic)
        #expect(previewed == stored)
        #expect(previewed.reject == "too_complex at 0")
    }

    @Test("stops where a payload becomes too many records, as its input does")
    func manyRecords() throws {
        let pair = try Pair("json")
        let line = #"{"dev":"a","t":1}"# + "\n"
        let payload = Array(String(repeating: line, count: InputLimits.payloadBytesMax / line.utf8.count).utf8)
        let from = String(repeating: "a", count: InputLimits.topicBytesMax)
        let (stored, previewed) = try pair.outcomes(payload, from: from)
        #expect(previewed == stored)
        #expect(previewed.events.count > 10_000)
        #expect(previewed.reject == "too_complex at \(previewed.events.count * line.utf8.count)")
    }
}
