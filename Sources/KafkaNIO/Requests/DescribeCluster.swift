// DescribeCluster: the one broker.
internal import KafkaProtocol

extension DescribeClusterRequest: ServedRequest {
    private static let brokers: Int8 = 1
    private static let controllers: Int8 = 2

    func start(_ call: Call) {
        guard endpointType == Self.brokers else {
            let isKnown = endpointType == Self.controllers
            let code = isKnown ? ErrorCode.mismatchedEndpointType : .unsupportedEndpointType
            return call.answer(DescribeClusterResponse(errorCode: code, clusterID: "", brokers: []))
        }
        let access = call.connection.access
        call.answer(
            DescribeClusterResponse(
                clusterID: call.broker.clusterID,
                controllerID: Broker.nodeID,
                brokers: [
                    DescribeClusterResponse.Broker(
                        brokerID: Broker.nodeID,
                        host: call.connection.address.host,
                        port: call.connection.address.port
                    )
                ],
                clusterAuthorizedOperations: includeClusterAuthorizedOperations ? access.operationsOnCluster : .min
            )
        )
    }
}
