// What a structure of Kafka's protocol must say of itself, so that arrays of it can be read and written.

/// A structure, or a plain value, that a request holds.
package protocol WireReadable: Sendable {
    /// The fewest bytes that it takes on the wire, in any version. An array whose count asks for more than the frame has
    /// left is refused before anything is allocated for it.
    static var byteCountMin: Int { get }

    init(from reader: inout WireReader, version: Int16) throws(WireError)
}

/// A structure, or a plain value, that a response holds.
package protocol WireWritable: Sendable {
    /// Appends the form of `version`; what that version has no field for is left out.
    func write(to writer: inout WireWriter, version: Int16)
}

extension Int32: WireReadable, WireWritable {
    package static let byteCountMin = 4

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        self = try reader.int32()
    }

    /// The same four bytes in every version.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(self)
    }
}

extension String: WireReadable, WireWritable {
    package static let byteCountMin = 1

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        self = try reader.string()
    }

    /// The compact form where the writer is flexible.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(self)
    }
}
