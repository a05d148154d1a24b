// The files that declare something `public`: what is called per reading or per record across a module boundary.

enum PublicFiles {
    /// `package` declarations are not inlined or specialised across modules (a batch `put`: 1.56 ns as `package`, 0.35 ns as
    /// `public`), so the hot path has an exception. A new file here needs a measurement.
    static let listed: Set = [
        "Sources/CommitLog/RecordBatch/BatchBuilder.swift",
        "Sources/CommitLog/RecordBatch/RecordBatchView.swift",
        "Sources/CommitLog/RecordBatch/RecordCursor.swift",
        "Sources/CommitLog/RecordBatch/RecordHeader.swift",
        "Sources/CommitLog/Vocabulary/Offset.swift",
        "Sources/EventModel/Codec/ByteBuilder.swift",
        "Sources/EventModel/Codec/EventEncoder.swift",
        "Sources/EventModel/Codec/StoredEvent.swift",
        "Sources/EventModel/RejectReason.swift",
        "Sources/EventModel/Text/DecimalText.swift",
        "Sources/EventModel/Text/Interner.swift",
        "Sources/EventModel/Text/JSONScanner+Unescape.swift",
        "Sources/EventModel/Text/JSONScanner.swift",
        "Sources/EventModel/Text/RawSpan+Compare.swift",
        "Sources/EventModel/Text/TimestampFormatter.swift",
        "Sources/EventModel/Text/TimestampText.swift",
        "Sources/EventModel/Text/UTF8Text.swift",
        "Sources/Platform/Time/Clock.swift",
        "Sources/Platform/Time/Timestamp.swift",
    ]
}
