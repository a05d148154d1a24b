// What people read of the listener is what the table says.
import Foundation
import KafkaProtocol
import Testing

@Suite("docs/kafka-compatibility.md")
struct DocumentationTests {
    @Test("holds the table of APIs as the code has it")
    func table() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = root.appendingPathComponent("docs/kafka-compatibility.md")
        #expect(try String(contentsOf: page, encoding: .utf8).contains(APITable.markdown))
    }
}
