// IncrementalAlterConfigs (key 44): changes single keys of configurations.

/// Changes of configurations.
package struct IncrementalAlterConfigsRequest: Equatable {
    package var resources: [Resource]
    /// Whether to say only what would happen.
    package var validateOnly: Bool

    /// The changes of one configuration.
    package struct Resource: Equatable {
        /// See `ConfigResourceType`.
        package var resourceType: Int8
        /// A topic's name, or the broker's id as text.
        package var resourceName: String
        package var configs: [Config]
    }

    /// The change of one key.
    package struct Config: Equatable {
        package var name: String
        /// See `ConfigOperation`.
        package var configOperation: Int8
        /// Nil for a deletion.
        package var value: String?
    }
}

extension IncrementalAlterConfigsRequest: KafkaRequest {
    package static let key = APIKey.incrementalAlterConfigs

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        resources = try reader.array(version: version)
        validateOnly = try reader.boolean()
        try reader.skipTaggedFields()
    }
}

extension IncrementalAlterConfigsRequest.Resource: WireReadable {
    package static let byteCountMin = 4

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        resourceType = try reader.int8()
        resourceName = try reader.string()
        configs = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

extension IncrementalAlterConfigsRequest.Config: WireReadable {
    package static let byteCountMin = 4

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.string()
        configOperation = try reader.int8()
        value = try reader.nullableString()
        try reader.skipTaggedFields()
    }
}

/// Which configurations were changed.
package struct IncrementalAlterConfigsResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var resources: [Resource]

    package init(throttleTimeMilliseconds: Int32 = 0, resources: [Resource]) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.resources = resources
    }

    /// What became of one configuration.
    package struct Resource: Equatable {
        package var errorCode: ErrorCode
        package var errorMessage: String?
        /// See `ConfigResourceType`.
        package var resourceType: Int8
        /// A topic's name, or the broker's id as text.
        package var resourceName: String

        package init(
            errorCode: ErrorCode = .none,
            errorMessage: String? = nil,
            resourceType: Int8,
            resourceName: String
        ) {
            self.errorCode = errorCode
            self.errorMessage = errorMessage
            self.resourceType = resourceType
            self.resourceName = resourceName
        }
    }
}

extension IncrementalAlterConfigsResponse: KafkaResponse {
    package static let key = APIKey.incrementalAlterConfigs

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(throttleTimeMilliseconds)
        writer.array(resources, version: version)
        writer.emptyTaggedFields()
    }
}

extension IncrementalAlterConfigsResponse.Resource: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.errorCode(errorCode)
        writer.nullableString(errorMessage)
        writer.int8(resourceType)
        writer.string(resourceName)
        writer.emptyTaggedFields()
    }
}
