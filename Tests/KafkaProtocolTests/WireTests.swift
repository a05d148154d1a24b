// Reader and writer of the primitive types, at their limits.
import KafkaProtocol
import NIOCore
import Testing

private func reader(_ bytes: [UInt8], flexible: Bool = false) -> WireReader {
    WireReader(ByteBuffer(bytes: bytes), isFlexible: flexible)
}

private func written(flexible: Bool = false, _ write: (inout WireWriter) -> Void) -> [UInt8] {
    var writer = WireWriter(isFlexible: flexible)
    write(&writer)
    return Array(writer.buffer.readableBytesView)
}

/// The code of what `read` throws; nil if it does not.
private func code(_ read: () throws(WireError) -> Void) -> WireError.Code? {
    do throws(WireError) {
        try read()
        return nil
    } catch {
        return error.code
    }
}

@Suite("Wire: numbers")
struct WireNumberTests {
    @Test(
        "an unsigned varint comes back from the bytes that it became",
        arguments: [
            (0, [0x00]), (1, [0x01]), (0x7f, [0x7f]), (0x80, [0x80, 0x01]), (0x3fff, [0xff, 0x7f]),
            (0x4000, [0x80, 0x80, 0x01]), (0x1f_ffff, [0xff, 0xff, 0x7f]), (0x20_0000, [0x80, 0x80, 0x80, 0x01]),
            (0xfff_ffff, [0xff, 0xff, 0xff, 0x7f]), (0x1000_0000, [0x80, 0x80, 0x80, 0x80, 0x01]),
            (0x7fff_ffff, [0xff, 0xff, 0xff, 0xff, 0x07]), (UInt32.max, [0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] as [(UInt32, [UInt8])]
    )
    func varint(value: UInt32, bytes: [UInt8]) throws {
        #expect(written { $0.unsignedVarint(value) } == bytes)
        var reader = reader(bytes)
        #expect(try reader.unsignedVarint() == value)
        try reader.expectEnd()
    }

    @Test(
        "an unsigned varint of more than 32 bits or five bytes is refused",
        arguments: [
            [0xff, 0xff, 0xff, 0xff, 0x10], [0xff, 0xff, 0xff, 0xff, 0x7f], [0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] as [[UInt8]]
    )
    func longVarint(bytes: [UInt8]) {
        var reader = reader(bytes)
        #expect(code { () throws(WireError) in _ = try reader.unsignedVarint() } == .varintTooLong)
    }

    @Test("an unsigned varint that does not end is cut short", arguments: 0..<5)
    func shortVarint(count: Int) {
        var reader = reader(Array(repeating: 0x80, count: count))
        #expect(code { () throws(WireError) in _ = try reader.unsignedVarint() } == .truncated)
    }

    @Test("numbers are big-endian, and come back")
    func numbers() throws {
        let bytes = written { writer in
            writer.int8(-2)
            writer.int16(-3)
            writer.int32(.min)
            writer.int64(.max)
            writer.uint32(.max)
            writer.boolean(true)
            writer.boolean(false)
            writer.errorCode(.unknownServerError)
            writer.uuid(golden1)
        }
        #expect(
            bytes == [
                0xfe, 0xff, 0xfd, 0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                1, 0,
                0xff, 0xff, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee,
                0xff,
            ]
        )
        var reader = reader(bytes)
        #expect(try reader.int8() == -2)
        #expect(try reader.int16() == -3)
        #expect(try reader.int32() == .min)
        #expect(try reader.int64() == .max)
        #expect(try reader.uint32() == .max)
        #expect(try reader.boolean())
        #expect(try !reader.boolean())
        #expect(try reader.int16() == -1)
        #expect(try reader.uuid() == golden1)
        try reader.expectEnd()
        #expect(reader.position == bytes.count)
    }

    @Test("a number that is cut short is an error at its first byte")
    func truncated() {
        var reader = reader([0, 1, 2, 3, 4, 5])
        #expect(throws: WireError(.truncated, at: 2)) {
            _ = try reader.int16()
            _ = try reader.int64()
        }
        #expect(throws: WireError(.truncated, at: 2)) { _ = try reader.uuid() }
    }

    @Test("what is not read is trailing")
    func trailing() {
        #expect(throws: WireError(.trailingBytes, at: 0)) { try reader([0]).expectEnd() }
    }
}

@Suite("Wire: strings and bytes")
struct WireStringTests {
    @Test("strings come back in both forms", arguments: [false, true])
    func strings(flexible: Bool) throws {
        let texts = ["", "readings", "Ω≈ç√", String(repeating: "a", count: 126), String(repeating: "b", count: 32_767)]
        let bytes = written(flexible: flexible) { writer in
            for text in texts { writer.string(text) }
            writer.nullableString(nil)
            writer.bytes(buffer([1, 2, 3]))
            writer.nullableBytes(nil)
        }
        var reader = reader(bytes, flexible: flexible)
        for text in texts { #expect(try reader.string() == text) }
        #expect(try reader.nullableString() == nil)
        #expect(try reader.bytes() == buffer([1, 2, 3]))
        #expect(try reader.nullableBytes() == nil)
        try reader.expectEnd()
    }

    @Test("the forms are those of the protocol")
    func forms() {
        #expect(written { $0.string("ab") } == [0, 2, 0x61, 0x62])
        #expect(written { $0.nullableString(nil) } == [0xff, 0xff])
        #expect(written { $0.bytes(buffer([7])) } == [0, 0, 0, 1, 7])
        #expect(written { $0.nullableBytes(nil) } == [0xff, 0xff, 0xff, 0xff])
        #expect(written(flexible: true) { $0.string("ab") } == [3, 0x61, 0x62])
        #expect(written(flexible: true) { $0.nullableString(nil) } == [0])
        #expect(written(flexible: true) { $0.bytes(buffer([7])) } == [2, 7])
        #expect(written(flexible: true) { $0.nullableBytes(nil) } == [0])
    }

    @Test("a length below null is refused")
    func negative() {
        var text = reader([0xff, 0xfe, 0, 0])
        #expect(code { () throws(WireError) in _ = try text.nullableString() } == .negativeLength)
        var bytes = reader([0x80, 0, 0, 0, 0])
        #expect(code { () throws(WireError) in _ = try bytes.nullableBytes() } == .negativeLength)
        var array = reader([0xff, 0xff, 0xff, 0xfe])
        #expect(
            code { () throws(WireError) in _ = try array.nullableArray(of: Int32.self, version: 0) } == .negativeLength
        )
    }

    @Test("null is refused where there must be something", arguments: [[0xff, 0xff, 0xff, 0xff], [0]] as [[UInt8]])
    func unexpectedNull(bytes: [UInt8]) {
        let reader = reader(bytes, flexible: bytes.count == 1)
        var copy = reader
        #expect(code { () throws(WireError) in _ = try copy.string() } == .unexpectedNull)
        copy = reader
        #expect(code { () throws(WireError) in _ = try copy.bytes() } == .unexpectedNull)
        copy = reader
        #expect(code { () throws(WireError) in _ = try copy.array(of: String.self, version: 0) } == .unexpectedNull)
    }

    @Test("a length beyond the end is refused", arguments: [false, true])
    func tooShort(flexible: Bool) {
        let reader = reader(flexible ? [4, 0x61, 0x62] : [0, 3, 0x61, 0x62], flexible: flexible)
        var copy = reader
        #expect(code { () throws(WireError) in _ = try copy.string() } == .truncated)
    }

    @Test(
        "bytes that are no UTF-8 are no string",
        arguments: [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]] as [[UInt8]]
    )
    func notUTF8(bytes: [UInt8]) {
        var reader = reader([UInt8(bytes.count + 1)] + bytes, flexible: true)
        #expect(code { () throws(WireError) in _ = try reader.string() } == .notUTF8)
    }

    @Test("a compact string has the same limit as the old form")
    func longString() throws {
        let fitting = written(flexible: true) { $0.unsignedVarint(32_768) } + Array(repeating: 0x61, count: 32_767)
        var good = reader(fitting, flexible: true)
        #expect(try good.string().utf8.count == Limits.stringBytesMax)
        let long = written(flexible: true) { $0.unsignedVarint(32_769) } + Array(repeating: 0x61, count: 32_768)
        var bad = reader(long, flexible: true)
        #expect(code { () throws(WireError) in _ = try bad.string() } == .tooLong)
    }

    @Test("a string that is too long is cut between two characters when it is written", arguments: [false, true])
    func cut(flexible: Bool) throws {
        let bytes = written(flexible: flexible) { $0.string(String(repeating: "≈", count: 20_000)) }
        var reader = reader(bytes, flexible: flexible)
        #expect(try reader.string() == String(repeating: "≈", count: 10_922))
        try reader.expectEnd()
    }

    @Test("bytes are a slice of the frame, not a copy")
    func slices() throws {
        var frame = ByteBuffer(bytes: [0, 0, 0, 2, 8, 9])
        var reader = WireReader(frame)
        let slice = try reader.bytes()
        let frameAddress = frame.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        let sliceAddress = slice.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        #expect(sliceAddress == frameAddress + 4)
        frame.clear()
        #expect(slice == buffer([8, 9]))
    }
}

@Suite("Wire: arrays and tagged fields")
struct WireArrayTests {
    @Test("arrays come back in both forms", arguments: [false, true])
    func arrays(flexible: Bool) throws {
        let bytes = written(flexible: flexible) { writer in
            writer.array([1, -2, 3] as [Int32], version: 0)
            writer.array([] as [String], version: 0)
            writer.nullableArray(["a", "b"], version: 0)
            writer.nullableArray(nil as [String]?, version: 0)
        }
        var reader = reader(bytes, flexible: flexible)
        #expect(try reader.array(version: 0) == [1, -2, 3] as [Int32])
        #expect(try reader.array(version: 0) == [] as [String])
        #expect(try reader.nullableArray(version: 0) == ["a", "b"])
        #expect(try reader.nullableArray(of: String.self, version: 0) == nil)
        try reader.expectEnd()
    }

    @Test(
        "a count that could not follow is refused before anything is allocated",
        arguments: [[0x7f, 0xff, 0xff, 0xff, 0, 0], [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]] as [[UInt8]]
    )
    func hugeCount(bytes: [UInt8]) {
        let reader = reader(bytes, flexible: bytes[0] == 0xff)
        var copy = reader
        #expect(code { () throws(WireError) in _ = try copy.array(of: Int32.self, version: 0) } == .truncated)
        // At the count's end: no element was read.
        #expect(copy.byteCountRemaining == 2)
        copy = reader
        #expect(code { () throws(WireError) in _ = try copy.array(of: Greedy.self, version: 0) } == .truncated)
    }

    /// An element that nobody may come to read.
    private struct Greedy: WireReadable {
        static let byteCountMin = 1

        init(from reader: inout WireReader, version: Int16) throws(WireError) {
            Issue.record("an element was read of an array that is too long")
        }
    }

    @Test("a count is held against the smallest size of its elements")
    func minimalSize() throws {
        var two = reader([0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2])
        #expect(try two.array(of: Int32.self, version: 0) == [1, 2])
        var three = reader([0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2])
        #expect(code { () throws(WireError) in _ = try three.array(of: Int32.self, version: 0) } == .truncated)
        #expect(three.byteCountRemaining == 8)
    }

    @Test("unknown tagged fields are skipped, known ones are handed over")
    func taggedFields() throws {
        let fields = [
            TaggedField(tag: 0) { $0.string("zero") }, TaggedField(tag: 200) { $0.int64(1) },
            TaggedField(tag: .max) { _ in },
        ]
        let bytes = written(flexible: true) { writer in
            writer.taggedFields(fields)
            writer.int8(7)
        }
        var skipping = reader(bytes, flexible: true)
        try skipping.skipTaggedFields()
        #expect(try skipping.int8() == 7)
        var reading = reader(bytes, flexible: true)
        var tags: [UInt32] = []
        var text = ""
        try reading.taggedFields { (tag, field) throws(WireError) in
            tags.append(tag)
            if tag == 0 { text = try field.string() }
        }
        #expect(tags == [0, 200, .max])
        #expect(text == "zero")
        #expect(try reading.int8() == 7)
    }

    @Test("a tagged field ends where its length says")
    func taggedFieldBorder() {
        // One field of two bytes that says it holds a string of three; behind it there would be a third.
        var reader = reader([1, 0, 2, 4, 0x61, 0x62, 0x63], flexible: true)
        let result = code { () throws(WireError) in
            try reader.taggedFields { (_, field) throws(WireError) in _ = try field.string() }
        }
        #expect(result == .truncated)
    }

    @Test("too many tagged fields, or fields beyond the end, are refused")
    func manyTaggedFields() {
        let count = UInt32(Limits.taggedFieldsMax)
        let fitting = written(flexible: true) { $0.unsignedVarint(count) } + Array(repeating: 0, count: 2 * Int(count))
        var good = reader(fitting, flexible: true)
        #expect(code { () throws(WireError) in try good.skipTaggedFields() } == nil)
        let long =
            written(flexible: true) { $0.unsignedVarint(count + 1) } + Array(repeating: 0, count: 2 * Int(count) + 2)
        var bad = reader(long, flexible: true)
        #expect(code { () throws(WireError) in try bad.skipTaggedFields() } == .tooManyTaggedFields)
        var beyond = reader([1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f, 0], flexible: true)
        #expect(code { () throws(WireError) in try beyond.skipTaggedFields() } == .truncated)
    }

    @Test("a version that is not flexible has no tagged fields")
    func none() throws {
        var reader = reader([9])
        try reader.skipTaggedFields()
        #expect(reader.byteCountRemaining == 1)
        #expect(written { $0.emptyTaggedFields() }.isEmpty)
        #expect(written { $0.taggedFields([TaggedField(tag: 1) { $0.int8(1) }]) }.isEmpty)
        #expect(written(flexible: true) { $0.emptyTaggedFields() } == [0])
    }
}
