// Numbers that requests and responses about configurations share.

/// What a configuration is of. Requests hold the bare number: a client may name what is not here.
package enum ConfigResourceType: Int8, CaseIterable, Sendable {
    case topic = 2
    /// The broker itself; its name is its id as text, or empty for the default of all brokers.
    case broker = 4
}

/// Where a value comes from.
package enum ConfigSource: Int8, CaseIterable, Sendable {
    case unknown = 0
    /// Set for this topic.
    case topic = 1
    case dynamicBroker = 2
    case dynamicDefaultBroker = 3
    /// The broker's configuration file.
    case staticBroker = 4
    /// Built in.
    case `default` = 5
}

/// How a value reads.
package enum ConfigType: Int8, CaseIterable, Sendable {
    case unknown = 0
    case boolean = 1
    case string = 2
    case int = 3
    case short = 4
    case long = 5
    case double = 6
    case list = 7
    case `class` = 8
    case password = 9
}

/// What `IncrementalAlterConfigs` does with a key.
package enum ConfigOperation: Int8, CaseIterable, Sendable {
    case set = 0
    case delete = 1
    /// To a list.
    case append = 2
    /// From a list.
    case subtract = 3
}
