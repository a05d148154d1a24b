// A bit that changes at rest: in a batch that something valid follows, so that its loss can be told from a torn tail.
import CommitLog

enum BitFlip {
    /// Flips one bit while the power is off.
    static func strike(_ simulation: Simulation) {
        let disk = simulation.disk
        let directory = "\(BoxSettings.directory)/log"
        var targets: [(topic: TopicName, contents: SimulatedContents, batch: ScannedBatch)] = []
        for topic in [TopicName.readings, .rejected, .system, .alerts] {
            for (path, contents) in disk.files(below: "\(directory)/\(topic)-0") where path.hasSuffix(".log") {
                for batch in BatchScan.batches(in: contents.device).dropLast(2) {
                    targets.append((topic, contents, batch))
                }
            }
        }
        guard !targets.isEmpty else { return }
        let target = targets[simulation.dice.below(targets.count)]
        let at = target.batch.position + simulation.dice.below(target.batch.byteCount)
        target.contents.flip(bit: simulation.dice.below(8), at: at)
        simulation.witness.noteHit(target.topic, batch: target.batch.base)
        simulation.trace.note("flip", target.batch.base.asInt, at)
        disk.note(.bitFlip)
    }
}
