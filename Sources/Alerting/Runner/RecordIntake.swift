// What a record of `readings` passes through on the rules thread: the engine, and the event that it is shown.
internal import CommitLog
internal import EventModel
internal import Rules

/// One value, entered once per read: as properties of a class each part of it would pay an exclusivity check per record.
struct RecordIntake: ~Copyable {
    var engine: RuleEngine
    /// Events that the engine has seen since its snapshot was saved.
    var eventsSinceSave = 0
    private var event = StoredEvent()
    private let observer: RulesRunner.EventObserver?

    init(engine: consuming RuleEngine, observer: RulesRunner.EventObserver?) {
        self.engine = engine
        self.observer = observer
    }

    /// Takes in what `PartitionFollower.read` finds, with its arguments and its answer.
    mutating func read(
        _ follower: PartitionFollower,
        upTo limit: Offset,
        visible: Offset,
        countMax: Int
    ) throws(LogError) -> Int {
        let partition = follower.partition.topicPartition.partition.value
        return try follower.read(upTo: limit, visible: visible, countMax: countMax) { record in
            take(record, partition: partition)
        }
    }

    private mutating func take(_ record: Record, partition: Int32) {
        guard let value = record.value else { return }
        let bytes = RawSpan(_unsafeBytes: value)
        guard event.decode(bytes) else { return }
        eventsSinceSave += 1
        let position = RecordPosition(source: .readings, partition: partition, offset: record.offset.value)
        engine.observe(event, bytes, at: position)
        observer?(event, bytes, position)
    }
}
