// What requests name: each is answered once, so that no answer is larger than what there is to say.
internal import CommitLog
internal import KafkaProtocol
internal import Platform

extension Sequence {
    /// The first element of each name, in their order, and the names that stand there more than once.
    func distinct<Name: Hashable>(by name: (Element) -> Name) -> (elements: [Element], repeated: Set<Name>) {
        var (elements, seen, repeated): ([Element], Set<Name>, Set<Name>) = ([], [], [])
        for element in self {
            let name = name(element)
            if seen.insert(name).inserted { elements.append(element) } else { repeated.insert(name) }
        }
        return (elements, repeated)
    }
}

/// Whose settings a request is about.
struct ConfigResource: Hashable, Sendable {
    /// See `ConfigResourceType`.
    var type: Int8
    var name: String
}

/// A topic in a request that takes names and ids.
struct TopicReference: Hashable, Sendable {
    var name: String?
    var id: KafkaUUID

    /// Nil where there is none, or the user may not know.
    func find(_ broker: Broker, _ access: Access) -> TopicDescription? {
        let id = UniqueIdentifier(high: id.high, low: id.low)
        let found = name.map { broker.topic($0) } ?? broker.log.topic(id)
        return found.flatMap { access.knows(topic: $0.name.text) ? $0 : nil }
    }
}
