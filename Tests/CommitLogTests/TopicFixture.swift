// What the tests of topics share: a topic that nobody configured, changes with their answers, what a crash left.
import CommitLog
import Platform
import Synchronization
import Testing

/// What a change came to.
final class ChangeAnswer: Sendable {
    enum Outcome: Equatable, Sendable {
        case waiting
        case done
        case failed(LogError.Code)
    }

    private let state = Condition(Outcome.waiting)

    var outcome: Outcome { state.withLock { $0 } }

    func set(_ result: Result<Void, LogError>) {
        state.withLock { outcome in
            precondition(outcome == .waiting, "a change is answered once")
            switch result {
            case .success: outcome = .done
            case .failure(let error): outcome = .failed(error.code)
            }
        }
        state.wakeAll()
    }

    /// Waits for half a minute at most.
    func wait() -> Outcome {
        state.wait(upTo: .seconds(30)) { $0 == .waiting ? nil : $0 } ?? .waiting
    }
}

extension CommitLog {
    func ask(_ change: TopicChange) -> ChangeAnswer {
        let answer = ChangeAnswer()
        self.change(change) { answer.set($0) }
        return answer
    }
}

extension TopicChange {
    /// Another configuration, whatever is in force by then.
    static func alter(_ topic: TopicName, to configuration: TopicConfiguration) -> TopicChange {
        .alter(topic, by: { $0 = configuration })
    }
}

extension TopicName {
    static let orders = TopicName("orders") ?? .readings
}

extension TopicPartition {
    static func orders(_ number: Int32) -> TopicPartition {
        TopicPartition(topic: .orders, partition: PartitionIndex(number))
    }
}

extension LogFixture {
    /// Asks, steps once, and says what came of it.
    @discardableResult
    func change(_ change: TopicChange) -> ChangeAnswer.Outcome {
        let answer = log.ask(change)
        _ = writer.step(waitUpTo: .zero)
        return answer.outcome
    }

    @discardableResult
    func create(
        _ topic: TopicName = .orders,
        _ configuration: TopicConfiguration = .init(),
        id: UniqueIdentifier = .random()
    ) -> ChangeAnswer.Outcome {
        change(.create(topic, configuration, id: id))
    }

    func topic(_ name: TopicName = .orders) -> TopicDescription? { log.topics.first { $0.name == name } }

    /// Steps until upkeep has nothing to do.
    func settle() {
        for _ in 0..<200 { _ = writer.step(waitUpTo: .zero) }
    }
}

/// Names below `log/` of a data directory.
func logNames(_ directory: TemporaryDirectory) throws -> [String] {
    try PosixDisk().list(directory.path + "/log").sorted()
}
