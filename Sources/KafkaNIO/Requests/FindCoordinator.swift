// FindCoordinator: this broker, for every group.
internal import KafkaProtocol

extension FindCoordinatorRequest: ServedRequest {
    private static let groupKeys: Int8 = 0

    func start(_ call: Call) {
        let address = call.connection.address
        let access = call.connection.access
        call.answer(
            FindCoordinatorResponse(
                coordinators: coordinatorKeys.map { key in
                    guard keyType == Self.groupKeys else {
                        // Transactions are not served, so that no broker coordinates them.
                        return .init(
                            key: key,
                            nodeID: -1,
                            host: "",
                            port: -1,
                            errorCode: .coordinatorNotAvailable,
                            errorMessage: "transactions are not served"
                        )
                    }
                    guard access.knows(group: key) else {
                        let denied = ErrorCode.groupAuthorizationFailed
                        return .init(key: key, nodeID: -1, host: "", port: -1, errorCode: denied)
                    }
                    return .init(key: key, nodeID: Broker.nodeID, host: address.host, port: address.port)
                }
            )
        )
    }
}
