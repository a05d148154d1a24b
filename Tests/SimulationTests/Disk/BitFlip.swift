// A bit that changes at rest, in any file below the data directory but `FORMAT`.
import CommitLog

enum BitFlip {
    /// Flips one bit while the power is off: mostly in a batch, else in a journal, an index, a cursor or a snapshot.
    static func strike(_ simulation: Simulation) {
        let isDone = simulation.dice.chance(3, in: 5) ? strikeBatch(simulation) : strikeOther(simulation)
        if isDone || strikeBatch(simulation) { simulation.disk.note(.bitFlip) }
    }

    /// In a batch that something valid follows, so that its loss can be told from a torn tail.
    private static func strikeBatch(_ simulation: Simulation) -> Bool {
        var targets: [(topic: TopicName, contents: SimulatedContents, batch: ScannedBatch)] = []
        for topic in [TopicName.readings, .rejected, .system, .alerts] {
            let directory = "\(BoxSettings.directory)/log/\(topic)-0"
            for (path, contents) in simulation.disk.files(below: directory) where path.hasSuffix(".log") {
                for batch in BatchScan.batches(in: contents.device).dropLast(2) {
                    targets.append((topic, contents, batch))
                }
            }
        }
        guard !targets.isEmpty else { return false }
        let target = targets[simulation.dice.below(targets.count)]
        let at = target.batch.position + simulation.dice.below(target.batch.byteCount)
        target.contents.flip(bit: simulation.dice.below(8), at: at)
        simulation.witness.noteHit(target.topic, batch: target.batch.base)
        simulation.trace.note("flip in batch", Int(target.batch.base), at)
        return true
    }

    /// In what the log can do without: nothing may be lost by it.
    private static func strikeOther(_ simulation: Simulation) -> Bool {
        let targets = simulation.disk.files(below: BoxSettings.directory).filter { path, contents in
            !path.hasSuffix(".log") && !path.hasSuffix("/FORMAT") && !contents.device.isEmpty
        }
        guard !targets.isEmpty else { return false }
        let target = targets[simulation.dice.below(targets.count)]
        let at = simulation.dice.below(target.contents.device.count)
        target.contents.flip(bit: simulation.dice.below(8), at: at)
        simulation.trace.note("flip beside the log", target.path.utf8.count, at)
        return true
    }
}
