// DescribeCluster (key 60): the brokers, without topics.

/// Asks for the cluster.
package struct DescribeClusterRequest: Equatable {
    package var includeClusterAuthorizedOperations: Bool
    /// 1 for brokers, 2 for controllers. 1 before version 1.
    package var endpointType: Int8
}

extension DescribeClusterRequest: KafkaRequest {
    package static let key = APIKey.describeCluster

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        includeClusterAuthorizedOperations = try reader.boolean()
        endpointType = try version >= 1 ? reader.int8() : 1
        try reader.skipTaggedFields()
    }
}

/// The cluster.
package struct DescribeClusterResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var errorCode: ErrorCode
    package var errorMessage: String?
    /// As asked for. From version 1 on.
    package var endpointType: Int8
    package var clusterID: String
    package var controllerID: Int32
    package var brokers: [Broker]
    /// A set of bits; the default says that nobody asked.
    package var clusterAuthorizedOperations: Int32

    package init(
        throttleTimeMilliseconds: Int32 = 0,
        errorCode: ErrorCode = .none,
        errorMessage: String? = nil,
        endpointType: Int8 = 1,
        clusterID: String,
        controllerID: Int32 = -1,
        brokers: [Broker],
        clusterAuthorizedOperations: Int32 = .min
    ) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.errorCode = errorCode
        self.errorMessage = errorMessage
        self.endpointType = endpointType
        self.clusterID = clusterID
        self.controllerID = controllerID
        self.brokers = brokers
        self.clusterAuthorizedOperations = clusterAuthorizedOperations
    }

    /// Where clients reach a broker.
    package struct Broker: Equatable {
        package var brokerID: Int32
        /// The address as clients reach it, not the one the socket is bound to.
        package var host: String
        package var port: Int32
        package var rack: String?

        package init(brokerID: Int32, host: String, port: Int32, rack: String? = nil) {
            self.brokerID = brokerID
            self.host = host
            self.port = port
            self.rack = rack
        }
    }
}

extension DescribeClusterResponse: KafkaResponse {
    package static let key = APIKey.describeCluster

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(throttleTimeMilliseconds)
        writer.errorCode(errorCode)
        writer.nullableString(errorMessage)
        if version >= 1 { writer.int8(endpointType) }
        writer.string(clusterID)
        writer.int32(controllerID)
        writer.array(brokers, version: version)
        writer.int32(clusterAuthorizedOperations)
        writer.emptyTaggedFields()
    }
}

extension DescribeClusterResponse.Broker: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(brokerID)
        writer.string(host)
        writer.int32(port)
        writer.nullableString(rack)
        writer.emptyTaggedFields()
    }
}
