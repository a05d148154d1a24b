// DescribeCluster: the one broker.
internal import KafkaProtocol

extension DescribeClusterRequest: ServedRequest {
    func start(_ call: Call) {
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
