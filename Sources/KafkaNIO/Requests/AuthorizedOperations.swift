// What a user may do, as the set of bits that clients ask for.
internal import CommitLog

extension Access {
    /// Bit numbers are Kafka's codes of operations.
    private enum Bit: Int32 {
        case read = 3
        case write = 4
        case create = 5
        case delete = 6
        case alter = 7
        case describe = 8
        case describeConfigs = 10
        case alterConfigs = 11
        case idempotentWrite = 12
    }

    /// Of a topic that the user knows. Nobody may change what the configuration file has.
    func operations(on topic: TopicDescription) -> Int32 {
        var bits: [Bit] = [.describe, .describeConfigs]
        let name = topic.name.text
        if allows(.read, topic: name) { bits.append(.read) }
        if allows(.write, topic: name) { bits.append(.write) }
        if allows(.create, topic: name) { bits.append(.create) }
        if !topic.isConfigured, allows(.delete, topic: name) { bits.append(.delete) }
        if !topic.isConfigured, allows(.alter, topic: name) { bits += [.alter, .alterConfigs] }
        return Access.set(bits)
    }

    /// Of a group that the user may know of, whether there is one or not.
    func operations(onGroup id: String) -> Int32 {
        var bits: [Bit] = [.describe]
        if allows(.read, group: id) { bits.append(.read) }
        if allows(.delete, group: id) { bits.append(.delete) }
        return Access.set(bits)
    }

    /// Of the cluster, whose own settings nobody may change. Producer ids are for everybody.
    var operationsOnCluster: Int32 {
        var bits: [Bit] = [.describe, .describeConfigs, .idempotentWrite]
        if mayCreateAnyTopic { bits.append(.create) }
        return Access.set(bits)
    }

    private static func set(_ bits: [Bit]) -> Int32 { bits.reduce(0) { $0 | 1 << $1.rawValue } }
}
