// Topics that can be published to (MQTT 5, section 4.7).

package enum MQTTTopic {
    /// Text as one level of a topic: wildcards, separators and what no topic may hold become `_`.
    package static func level(_ text: String) -> String {
        var level = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            level.append("+#/".unicodeScalars.contains(scalar) || !isAllowed(scalar) ? "_" : scalar)
        }
        return level.isEmpty ? "_" : String(level)
    }

    /// Whether topics may begin with these levels: none is empty, and none is the broker's own (`$SYS`).
    package static func isPrefix(_ text: String) -> Bool {
        !text.hasPrefix("$")
            && text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
                !$0.isEmpty && level(String($0)) == $0
            }
    }

    /// Section 1.5.4: control characters and non-characters have a broker close the connection.
    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0xFDD0...0xFDEF: false
        default: scalar.value & 0xFFFE != 0xFFFE
        }
    }
}
