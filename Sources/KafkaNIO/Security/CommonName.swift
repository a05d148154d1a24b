// The common name in the subject of a certificate (X.509, RFC 5280), read from its DER.
//
//  Certificate      sequence { TBSCertificate, ... }
//  TBSCertificate   sequence { [0] version where it is not 1, serial number, algorithm, issuer, validity, subject, ... }
//  subject          sequence of sets of sequences { type, value }; the common name's type is 2.5.4.3

/// Of clients that are known by their certificate.
package enum CommonName {
    private static let attributeType: [UInt8] = [0x55, 0x04, 0x03]

    /// Nil where there is none, where there are several, and where it is no name: control characters, no UTF-8, too long.
    package static func of(certificate: [UInt8]) -> String? {
        var file = DERReader(certificate[...])
        guard var signed = file.reader(of: .sequence), var body = signed.reader(of: .sequence) else { return nil }
        _ = body.reader(of: .version)
        guard body.content(of: .integer) != nil, body.content(of: .sequence) != nil, body.content(of: .sequence) != nil,
            body.content(of: .sequence) != nil, var subject = body.reader(of: .sequence)
        else { return nil }
        var names: [String?] = []
        while !subject.isAtEnd {
            guard var set = subject.reader(of: .set) else { return nil }
            while !set.isAtEnd {
                guard var attribute = set.reader(of: .sequence), let type = attribute.content(of: .objectIdentifier),
                    let value = attribute.next()
                else { return nil }
                if type.elementsEqual(attributeType) { names.append(text(value)) }
            }
        }
        guard names.count == 1, let name = names[0] else { return nil }
        return name
    }

    private static func text(_ value: (tag: UInt8, content: ArraySlice<UInt8>)) -> String? {
        let tags: [DERReader.Tag] = [.utf8String, .printableString, .ia5String]
        guard tags.contains(where: { $0.rawValue == value.tag }),
            (1...Limits.userNameBytesMax).contains(value.content.count),
            let text = String(validating: value.content, as: UTF8.self),
            !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { return nil }
        return text
    }
}

/// Reads one value of DER after the other; lengths of up to three bytes are enough for any certificate.
private struct DERReader {
    enum Tag: UInt8 {
        case integer = 0x02
        case objectIdentifier = 0x06
        case utf8String = 0x0c
        case printableString = 0x13
        case ia5String = 0x16
        case sequence = 0x30
        case set = 0x31
        case version = 0xa0
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    var isAtEnd: Bool { rest.isEmpty }

    /// Nil, and nothing read, where no whole value follows.
    mutating func next() -> (tag: UInt8, content: ArraySlice<UInt8>)? {
        var bytes = rest
        guard let tag = bytes.popFirst(), let first = bytes.popFirst() else { return nil }
        var length = Int(first)
        if first >= 0x80 {
            let count = Int(first & 0x7f)
            guard (1...3).contains(count), bytes.count >= count else { return nil }
            length = bytes.prefix(count).reduce(0) { $0 << 8 | Int($1) }
            bytes = bytes.dropFirst(count)
        }
        guard length <= bytes.count else { return nil }
        rest = bytes.dropFirst(length)
        return (tag, bytes.prefix(length))
    }

    /// Nil, and nothing read, where the next value is another one.
    mutating func content(of tag: Tag) -> ArraySlice<UInt8>? {
        guard rest.first == tag.rawValue else { return nil }
        return next()?.content
    }

    mutating func reader(of tag: Tag) -> DERReader? {
        content(of: tag).map(DERReader.init)
    }
}
