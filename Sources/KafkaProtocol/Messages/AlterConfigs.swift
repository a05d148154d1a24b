// AlterConfigs (key 33): replaces configurations.

/// Whole configurations: a key that is not named goes back to its default.
package struct AlterConfigsRequest: Equatable {
    package var resources: [Resource]
    /// Whether to say only what would happen.
    package var validateOnly: Bool

    /// One configuration.
    package struct Resource: Equatable {
        /// See `ConfigResourceType`.
        package var resourceType: Int8
        /// A topic's name, or the broker's id as text.
        package var resourceName: String
        package var configs: [Config]
    }

    /// One key.
    package struct Config: Equatable {
        package var name: String
        /// Nil for the default.
        package var value: String?
    }
}

extension AlterConfigsRequest: KafkaRequest {
    package static let key = APIKey.alterConfigs

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        resources = try reader.array(version: version)
        validateOnly = try reader.boolean()
        try reader.skipTaggedFields()
    }
}

extension AlterConfigsRequest.Resource: WireReadable {
    package static let byteCountMin = 4

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        resourceType = try reader.int8()
        resourceName = try reader.string()
        configs = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

extension AlterConfigsRequest.Config: WireReadable {
    package static let byteCountMin = 3

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.string()
        value = try reader.nullableString()
        try reader.skipTaggedFields()
    }
}

/// Which configurations were replaced.
package struct AlterConfigsResponse: Equatable {
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

extension AlterConfigsResponse: KafkaResponse {
    package static let key = APIKey.alterConfigs

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(throttleTimeMilliseconds)
        writer.array(resources, version: version)
        writer.emptyTaggedFields()
    }
}

extension AlterConfigsResponse.Resource: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.errorCode(errorCode)
        writer.nullableString(errorMessage)
        writer.int8(resourceType)
        writer.string(resourceName)
        writer.emptyTaggedFields()
    }
}
