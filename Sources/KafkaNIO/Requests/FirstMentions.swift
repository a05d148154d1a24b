// What a request names several times: clients never do that, and answers must not grow by it.

extension Sequence {
    /// The elements without those whose key another one had before, in order.
    func firstMentions<Key: Hashable>(by key: (Element) -> Key) -> [Element] {
        var seen: Set<Key> = []
        return filter { seen.insert(key($0)).inserted }
    }
}
