// The one error of the codec: what was wrong with the bytes, and where.

/// Bytes that are not what Kafka's protocol allows. The connection they came from cannot go on: there is no knowing what
/// its next bytes mean.
package struct WireError: Error, Hashable, CustomStringConvertible {
    /// Open: callers compare with the constants and must expect others.
    package struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String {
            case truncated, negativeLength, unexpectedNull, tooLong, notUTF8, varintTooLong, tooManyTaggedFields,
                trailingBytes, malformedText
        }

        private let value: Value

        /// A field ends beyond the end of its frame, or an array says that it has more elements than could follow.
        package static let truncated = Code(value: .truncated)
        /// A length below -1, which is null.
        package static let negativeLength = Code(value: .negativeLength)
        /// Null where the version knows none.
        package static let unexpectedNull = Code(value: .unexpectedNull)
        /// Longer than `Limits` allows.
        package static let tooLong = Code(value: .tooLong)
        package static let notUTF8 = Code(value: .notUTF8)
        /// An unsigned varint of more than five bytes or 32 bits.
        package static let varintTooLong = Code(value: .varintTooLong)
        package static let tooManyTaggedFields = Code(value: .tooManyTaggedFields)
        /// A message that is over before its frame is.
        package static let trailingBytes = Code(value: .trailingBytes)
        /// A SASL message that its RFC's grammar does not allow, or one that asks for what we do not do.
        package static let malformedText = Code(value: .malformedText)

        package var description: String { value.rawValue }
    }

    package var code: Code
    /// In bytes from the first byte behind the length of the frame; within a tagged field from that field's first byte.
    package var position: Int

    package init(_ code: Code, at position: Int) {
        self.code = code
        self.position = position
    }

    package var description: String { "\(code) at byte \(position)" }
}
