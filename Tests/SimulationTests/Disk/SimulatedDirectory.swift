// A directory's names twice over: as the process sees them, and as a power cut leaves them.

final class SimulatedDirectory {
    enum Node {
        case file(SimulatedContents)
        case directory(SimulatedDirectory)
    }

    private(set) var names: [String: Node] = [:]
    private var durable: [String: Node] = [:]
    /// Changes that wait for `sync`, each one atomic: a rename takes one name away and sets another.
    private var pending: [[(name: String, node: Node?)]] = []

    func change(_ names: [(name: String, node: Node?)]) {
        for (name, node) in names { self.names[name] = node }
        pending.append(names)
    }

    func sync() {
        durable = names
        pending.removeAll()
    }

    /// Decides which of the pending changes arrived, and the same for everything below.
    func losePower(_ dice: inout Dice, _ counts: inout FaultCounts) {
        if !pending.isEmpty { settle(&dice, &counts) }
        pending.removeAll()
        names = durable
        for name in names.keys.sorted() {
            switch names[name] {
            case .file(let contents):
                if let effect = contents.losePower(&dice) { counts.note(effect) }
            case .directory(let directory): directory.losePower(&dice, &counts)
            case nil: break
            }
        }
    }

    private func settle(_ dice: inout Dice, _ counts: inout FaultCounts) {
        let isInOrder = dice.chance(2, in: 3)
        var arrived = 0
        for change in pending {
            guard dice.chance(1, in: 2) else {
                if isInOrder { break }
                continue
            }
            arrived += 1
            for (name, node) in change { durable[name] = node }
        }
        if arrived < pending.count { counts.note(isInOrder || arrived == 0 ? .namesLost : .namesReordered) }
    }
}
