// `manifest.json`: what a backup holds, with the digest of every member.
internal import Crypto
internal import Foundation

/// The last member but one; the last one, `manifest.sha256`, is its own digest as `sha256sum` writes it.
struct BackupManifest: Hashable, Codable {
    struct Member: Hashable, Codable {
        var name: String
        /// Bytes.
        var size: Int64
        /// Of the content, 64 hexadecimal digits.
        var sha256: String
    }

    /// Where a partition of the backup begins and ends; the keys are those of `log verify`.
    struct Partition: Hashable, Codable {
        var topic: String
        var partition: Int
        var logStartOffset: Int64
        var logEndOffset: Int64
    }

    /// Of the archive; 1.
    var format: Int
    /// Of the program that wrote it.
    var version: String
    /// When, RFC 3339.
    var created: String
    /// All members before this one, in their order.
    var members: [Member]
    var partitions: [Partition]
    /// Segments whose bytes are not those that were sealed, or of which the box did not know what was sealed: damage in
    /// them was there before the backup.
    var unproven: [String]

    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [0x0A]
    }

    /// What `manifest.sha256` holds.
    static func digestLine(_ manifest: [UInt8]) -> String {
        "\(SHA256.hash(data: manifest).hexadecimal)  \(BackupMember.manifest)\n"
    }
}

extension Sequence<UInt8> {
    /// Two lower-case digits a byte.
    var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
