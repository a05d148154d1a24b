// The faults of a run: planned by the seed, armed by the scheduler, counted where they happen.

/// What is done to the line. A run that injected fewer of a kind than it planned has proved less than it says.
enum Fault: Int, CaseIterable {
    /// Everything that was not synced is at the mercy of the crash.
    case powerCut
    /// The process dies; what it wrote stays in the page cache.
    case kill
    /// A write ends in the middle with EIO.
    case writeError
    /// A sync fails, the pages are clean and readable until the crash, the device does not have them.
    case syncErrorClean
    /// A sync fails and the file reads as the device has it.
    case syncErrorReverted
    /// The disk has no room for a while: writes end short with ENOSPC.
    case diskFull
    /// One bit of a file at rest changes.
    case bitFlip
    /// The wall clock jumps.
    case clockStep
    /// Nobody vouches for the wall clock for a while.
    case clockUnsynced
}

/// What a power cut did to a file or a directory that had something to lose.
enum CrashEffect: Int, CaseIterable {
    case lost, kept, torn, reordered, sizeWithoutData, namesLost, namesReordered
}

struct FaultCounts {
    private(set) var planned = [Int](repeating: 0, count: Fault.allCases.count)
    private(set) var injected = [Int](repeating: 0, count: Fault.allCases.count)
    private(set) var effects = [Int](repeating: 0, count: CrashEffect.allCases.count)

    mutating func plan(_ fault: Fault) { planned[fault.rawValue] += 1 }
    mutating func inject(_ fault: Fault) { injected[fault.rawValue] += 1 }
    mutating func note(_ effect: CrashEffect) { effects[effect.rawValue] += 1 }

    mutating func add(_ other: FaultCounts) {
        for index in planned.indices {
            planned[index] += other.planned[index]
            injected[index] += other.injected[index]
        }
        for index in effects.indices { effects[index] += other.effects[index] }
    }

    /// Kinds of which fewer were injected than planned.
    var missed: [Fault] { Fault.allCases.filter { injected[$0.rawValue] < planned[$0.rawValue] } }
    var total: Int { injected.reduce(0, +) }
}

/// Faults of the disk that wait for their call.
struct ArmedFaults {
    enum Call { case write, sync, other }

    private var waiting: [(fault: Fault, calls: Int)] = []

    var isEmpty: Bool { waiting.isEmpty }

    /// `calls`: how many calls that it could strike pass before it does.
    mutating func arm(_ fault: Fault, after calls: Int) {
        waiting.append((fault, calls))
    }

    /// The fault that strikes this call of the disk.
    mutating func strike(_ call: Call) -> Fault? {
        guard !waiting.isEmpty else { return nil }
        for index in waiting.indices where strikes(waiting[index].fault, call) {
            waiting[index].calls -= 1
            if waiting[index].calls < 0 { return waiting.remove(at: index).fault }
        }
        return nil
    }

    private func strikes(_ fault: Fault, _ call: Call) -> Bool {
        switch fault {
        case .powerCut: true
        case .writeError: call == .write
        case .syncErrorClean, .syncErrorReverted: call == .sync
        default: false
        }
    }
}
