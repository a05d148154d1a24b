// Requests about topics as a client sends them, in versions without tagged fields, and what is answered.
import KafkaNIO
import KafkaProtocol
import NIOCore
import Testing

/// A setting as DescribeConfigs has it.
struct DescribedSetting: Equatable {
    var value: String?
    var source: ConfigSource?
}

/// A topic with the code it is answered with.
struct TopicAnswer: Equatable {
    var name: String
    var code: ErrorCode

    init(_ name: String, _ code: ErrorCode) {
        self.name = name
        self.code = code
    }
}

extension FrameClient {
    // MARK: Sending

    func sendCreate(
        _ names: [String],
        _ settings: [(String, String?)] = [],
        partitions: Int32 = 1,
        validateOnly: Bool = false
    ) {
        send(.createTopics, 4) { writer in
            writer.arrayLength(names.count)
            for name in names {
                writer.string(name)
                writer.int32(partitions)
                writer.int16(1)
                writer.arrayLength(0)
                writer.settings(settings)
            }
            writer.int32(10_000)
            writer.boolean(validateOnly)
        }
    }

    func sendGrow(_ names: [String], to count: Int32, validateOnly: Bool = false) {
        send(.createPartitions, 1) { writer in
            writer.arrayLength(names.count)
            for name in names {
                writer.string(name)
                writer.int32(count)
                writer.arrayLength(-1)
            }
            writer.int32(10_000)
            writer.boolean(validateOnly)
        }
    }

    func sendAlter(_ names: [String], _ settings: [(String, String?)], validateOnly: Bool = false) {
        send(.alterConfigs, 1) { writer in
            writer.arrayLength(names.count)
            for name in names {
                writer.int8(ConfigResourceType.topic.rawValue)
                writer.string(name)
                writer.settings(settings)
            }
            writer.boolean(validateOnly)
        }
    }

    func sendIncremental(
        _ names: [String],
        _ settings: [(ConfigOperation, String, String?)],
        validateOnly: Bool = false
    ) {
        send(.incrementalAlterConfigs, 0) { writer in
            writer.arrayLength(names.count)
            for name in names {
                writer.int8(ConfigResourceType.topic.rawValue)
                writer.string(name)
                writer.arrayLength(settings.count)
                for (operation, name, value) in settings {
                    writer.string(name)
                    writer.int8(operation.rawValue)
                    writer.nullableString(value)
                }
            }
            writer.boolean(validateOnly)
        }
    }

    // MARK: Answers

    /// Of CreateTopics and CreatePartitions.
    func answers() async throws -> [TopicAnswer] {
        var reader = try #require(try await response())
        _ = try reader.int32()
        return try (0..<Int(reader.int32())).map { _ in
            let answer = TopicAnswer(try reader.string(), try reader.error())
            _ = try reader.nullableString()
            return answer
        }
    }

    /// Of AlterConfigs and IncrementalAlterConfigs.
    func alterations() async throws -> [TopicAnswer] {
        var reader = try #require(try await response())
        _ = try reader.int32()
        return try (0..<Int(reader.int32())).map { _ in
            let code = try reader.error()
            _ = (try reader.nullableString(), try reader.int8())
            return TopicAnswer(try reader.string(), code)
        }
    }

    // MARK: One topic

    func create(
        _ name: String,
        _ settings: [(String, String?)] = [],
        partitions: Int32 = 1,
        validateOnly: Bool = false
    ) async throws -> ErrorCode? {
        sendCreate([name], settings, partitions: partitions, validateOnly: validateOnly)
        return try await answers().first?.code
    }

    func grow(_ name: String, to count: Int32, validateOnly: Bool = false) async throws -> ErrorCode? {
        sendGrow([name], to: count, validateOnly: validateOnly)
        return try await answers().first?.code
    }

    func alter(
        _ name: String,
        _ settings: [(String, String?)],
        validateOnly: Bool = false
    ) async throws -> ErrorCode? {
        sendAlter([name], settings, validateOnly: validateOnly)
        return try await alterations().first?.code
    }

    func alter(_ name: String, _ settings: [(ConfigOperation, String, String?)]) async throws -> ErrorCode? {
        sendIncremental([name], settings)
        return try await alterations().first?.code
    }

    /// DescribeConfigs of topics, each as often as it is named; `keys` nil for all settings.
    func describe(
        _ names: [String],
        keys: [String]? = nil
    ) async throws -> [(TopicAnswer, [String: DescribedSetting])] {
        send(.describeConfigs, 1) { writer in
            writer.arrayLength(names.count)
            for name in names {
                writer.int8(ConfigResourceType.topic.rawValue)
                writer.string(name)
                writer.arrayLength(keys?.count ?? -1)
                for key in keys ?? [] { writer.string(key) }
            }
            writer.boolean(false)
        }
        var reader = try #require(try await response())
        _ = try reader.int32()
        return try (0..<Int(reader.int32())).map { _ in
            let code = try reader.error()
            _ = (try reader.nullableString(), try reader.int8())
            let answer = TopicAnswer(try reader.string(), code)
            var settings: [String: DescribedSetting] = [:]
            for _ in 0..<(try reader.int32()) {
                let name = try reader.string()
                let value = try reader.nullableString()
                _ = try reader.boolean()
                settings[name] = DescribedSetting(value: value, source: ConfigSource(rawValue: try reader.int8()))
                _ = (try reader.boolean(), try reader.int32())
            }
            return (answer, settings)
        }
    }

    /// The settings of one topic.
    func settings(_ name: String) async throws -> [String: DescribedSetting] {
        try #require(try await describe([name]).first).1
    }
}

extension WireWriter {
    fileprivate mutating func settings(_ settings: [(String, String?)]) {
        arrayLength(settings.count)
        for (name, value) in settings {
            string(name)
            nullableString(value)
        }
    }
}
