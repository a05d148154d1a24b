// The header of one member of a POSIX tar (IEEE 1003.1, pax interchange format): 512 bytes before the member's content.
//
// | At  | Bytes | Field    | Holds here                                                        |
// |----:|------:|----------|-------------------------------------------------------------------|
// |   0 |   100 | name     | UTF-8, the part of the path after `prefix/`; zeros behind it        |
// | 100 |     8 | mode     | `0000640`, NUL                                                    |
// | 108 |    16 | uid, gid | `0000000`, NUL each                                               |
// | 124 |    12 | size     | bytes of content, 11 octal digits, NUL                            |
// | 136 |    12 | mtime    | seconds since 1970, 11 octal digits, NUL                          |
// | 148 |     8 | chksum   | sum of all bytes, these as spaces: 6 octal digits, NUL, space      |
// | 156 |     1 | typeflag | `0`; `x` where the content is a pax header for the next member      |
// | 257 |     8 | magic    | `ustar`, NUL, `00`                                                |
// | 345 |   155 | prefix   | the part of the path before the name; zeros where there is none     |
//
// Everything else is zero. Content is followed by zeros up to a multiple of 512; two blocks of zeros end the archive. A
// path that does not fit gets a pax header in front, with the one record `path`. There is one way to write a header, and
// the reader takes no other, so that no byte of an archive can be changed without being found.

/// A member as its header describes it.
struct TarHeader: Hashable {
    static let blockBytes = 512
    /// 11 octal digits.
    static let sizeMax: Int64 = (1 << 33) - 1
    private static let nameBytes = 100
    private static let prefixBytes = 155
    private static let paxName = "pax-header"
    /// A pax header of ours holds one path: a few components of at most 255 bytes.
    static let paxBytesMax = 2048

    var path: String
    /// Bytes of content.
    var size: Int64
    /// Seconds since 1970.
    var time: Int64

    /// Zeros after `size` bytes of content.
    static func padding(after size: Int64) -> Int {
        Int((Int64(blockBytes) - size % Int64(blockBytes)) % Int64(blockBytes))
    }

    /// All blocks before the content.
    func encoded() -> [UInt8] {
        if let (prefix, name) = TarHeader.split(path) {
            return TarHeader.block(name: name, prefix: prefix, size: size, time: time, type: UInt8(ascii: "0"))
        }
        let record = TarHeader.record(path)
        let cut = Array(path.utf8.prefix(TarHeader.nameBytes))
        return TarHeader.block(
            name: Array(TarHeader.paxName.utf8),
            prefix: [],
            size: Int64(record.count),
            time: time,
            type: UInt8(ascii: "x")
        ) + record + [UInt8](repeating: 0, count: TarHeader.padding(after: Int64(record.count)))
            + TarHeader.block(name: cut, prefix: [], size: size, time: time, type: UInt8(ascii: "0"))
    }

    /// What a single block says: size and time of a member, the path unless a pax header before it has it. nil where it is
    /// no block of ours; that all of it is as we write it is for the caller to compare with `encoded`.
    init?(block: [UInt8], paxPath: String?) {
        guard block.count == TarHeader.blockBytes, let size = TarHeader.octal(block[124..<135]),
            let time = TarHeader.octal(block[136..<147])
        else { return nil }
        let name = block[0..<100].prefix { $0 != 0 }
        let prefix = block[345..<500].prefix { $0 != 0 }
        guard let text = String(validating: prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name, as: UTF8.self)
        else {
            guard let paxPath else { return nil }
            self.init(path: paxPath, size: size, time: time)
            return
        }
        self.init(path: paxPath ?? text, size: size, time: time)
    }

    init(path: String, size: Int64, time: Int64) {
        self.path = path
        self.size = size
        self.time = min(max(0, time), TarHeader.sizeMax)
    }

    static func isPax(_ block: [UInt8]) -> Bool { block.count == blockBytes && block[156] == UInt8(ascii: "x") }

    /// The path in the content of a pax header of ours; nil for anything else.
    static func path(inPax content: [UInt8]) -> String? {
        guard let start = content.firstIndex(of: UInt8(ascii: "=")), content.last == 0x0A,
            let path = String(validating: content[(start + 1)..<(content.count - 1)], as: UTF8.self),
            record(path) == content
        else { return nil }
        return path
    }

    /// `LENGTH path=PATH` and a line feed, where LENGTH counts all of that, itself included.
    private static func record(_ path: String) -> [UInt8] {
        let rest = " path=\(path)\n".utf8.count
        var length = rest + 1
        while String(length).utf8.count + rest != length { length += 1 }
        return Array("\(length) path=\(path)\n".utf8)
    }

    /// The path as prefix and name, split at a slash as late as the name allows; nil where it does not fit.
    private static func split(_ path: String) -> (prefix: [UInt8], name: [UInt8])? {
        let bytes = Array(path.utf8)
        if bytes.count <= nameBytes { return ([], bytes) }
        let slash = bytes.indices.first { bytes[$0] == UInt8(ascii: "/") && bytes.count - $0 - 1 <= nameBytes }
        guard let slash, slash <= prefixBytes, slash > 0, slash < bytes.count - 1 else { return nil }
        return (Array(bytes[..<slash]), Array(bytes[(slash + 1)...]))
    }

    private static func block(name: [UInt8], prefix: [UInt8], size: Int64, time: Int64, type: UInt8) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: blockBytes)
        func put(_ bytes: some Collection<UInt8>, at position: Int) {
            for (index, byte) in bytes.enumerated() { block[position + index] = byte }
        }
        func octal(_ value: Int64, digits: Int) -> [UInt8] {
            let text = String(value, radix: 8)
            return Array((String(repeating: "0", count: max(0, digits - text.utf8.count)) + text).utf8)
        }
        put(name, at: 0)
        put("0000640".utf8, at: 100)
        put("0000000".utf8, at: 108)
        put("0000000".utf8, at: 116)
        put(octal(size, digits: 11), at: 124)
        put(octal(time, digits: 11), at: 136)
        put("        ".utf8, at: 148)
        block[156] = type
        put("ustar\0".utf8, at: 257)
        put("00".utf8, at: 263)
        put(prefix, at: 345)
        put(octal(block.reduce(0) { $0 + Int64($1) }, digits: 6) + [0, UInt8(ascii: " ")], at: 148)
        return block
    }

    private static func octal(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 << 3 | Int64($1 - UInt8(ascii: "0")) }
    }
}
