// DescribeConfigs (key 32): the configuration of topics and of the broker.

/// Asks for configurations.
package struct DescribeConfigsRequest: Equatable {
    package var resources: [Resource]
    package var includeSynonyms: Bool
    /// False before version 3.
    package var includeDocumentation: Bool

    /// Whose configuration is asked for.
    package struct Resource: Equatable {
        /// See `ConfigResourceType`.
        package var resourceType: Int8
        /// A topic's name, or the broker's id as text.
        package var resourceName: String
        /// Nil for all keys.
        package var configurationKeys: [String]?
    }
}

extension DescribeConfigsRequest: KafkaRequest {
    package static let key = APIKey.describeConfigs

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        resources = try reader.array(version: version)
        includeSynonyms = try reader.boolean()
        includeDocumentation = try version >= 3 ? reader.boolean() : false
        try reader.skipTaggedFields()
    }
}

extension DescribeConfigsRequest.Resource: WireReadable {
    package static let byteCountMin = 4

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        resourceType = try reader.int8()
        resourceName = try reader.string()
        configurationKeys = try reader.nullableArray(version: version)
        try reader.skipTaggedFields()
    }
}

/// The configurations.
package struct DescribeConfigsResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var resources: [Resource]

    package init(throttleTimeMilliseconds: Int32 = 0, resources: [Resource]) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.resources = resources
    }

    /// One configuration.
    package struct Resource: Equatable {
        package var errorCode: ErrorCode
        package var errorMessage: String?
        /// See `ConfigResourceType`.
        package var resourceType: Int8
        /// A topic's name, or the broker's id as text.
        package var resourceName: String
        package var configs: [Config]

        package init(
            errorCode: ErrorCode = .none,
            errorMessage: String? = nil,
            resourceType: Int8,
            resourceName: String,
            configs: [Config]
        ) {
            self.errorCode = errorCode
            self.errorMessage = errorMessage
            self.resourceType = resourceType
            self.resourceName = resourceName
            self.configs = configs
        }
    }

    /// One key.
    package struct Config: Equatable {
        package var name: String
        /// Nil for what is sensitive.
        package var value: String?
        package var readOnly: Bool
        /// See `ConfigSource`.
        package var configSource: Int8
        package var isSensitive: Bool
        package var synonyms: [Synonym]
        /// See `ConfigType`. From version 3 on.
        package var configType: Int8
        /// From version 3 on.
        package var documentation: String?

        package init(
            name: String,
            value: String? = nil,
            readOnly: Bool,
            configSource: Int8 = -1,
            isSensitive: Bool,
            synonyms: [Synonym],
            configType: Int8 = 0,
            documentation: String? = nil
        ) {
            self.name = name
            self.value = value
            self.readOnly = readOnly
            self.configSource = configSource
            self.isSensitive = isSensitive
            self.synonyms = synonyms
            self.configType = configType
            self.documentation = documentation
        }
    }

    /// Where else the key's value may come from; the first is in force.
    package struct Synonym: Equatable {
        package var name: String
        /// Nil for what is sensitive.
        package var value: String?
        /// See `ConfigSource`.
        package var source: Int8

        package init(name: String, value: String? = nil, source: Int8) {
            self.name = name
            self.value = value
            self.source = source
        }
    }
}

extension DescribeConfigsResponse: KafkaResponse {
    package static let key = APIKey.describeConfigs

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(throttleTimeMilliseconds)
        writer.array(resources, version: version)
        writer.emptyTaggedFields()
    }
}

extension DescribeConfigsResponse.Resource: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.errorCode(errorCode)
        writer.nullableString(errorMessage)
        writer.int8(resourceType)
        writer.string(resourceName)
        writer.array(configs, version: version)
        writer.emptyTaggedFields()
    }
}

extension DescribeConfigsResponse.Config: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(name)
        writer.nullableString(value)
        writer.boolean(readOnly)
        writer.int8(configSource)
        writer.boolean(isSensitive)
        writer.array(synonyms, version: version)
        if version >= 3 { writer.int8(configType) }
        if version >= 3 { writer.nullableString(documentation) }
        writer.emptyTaggedFields()
    }
}

extension DescribeConfigsResponse.Synonym: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(name)
        writer.nullableString(value)
        writer.int8(source)
        writer.emptyTaggedFields()
    }
}
