// FindCoordinator: this broker, for every group.
internal import KafkaProtocol

extension FindCoordinatorRequest: ServedRequest {
    private static let groupKeys: Int8 = 0
    private static let transactionKeys: Int8 = 1

    func start(_ call: Call) {
        let (address, access) = (call.connection.address, call.connection.access)
        call.answer(
            FindCoordinatorResponse(
                coordinators: coordinatorKeys.distinct(by: \.self).elements.map { key in
                    if let (code, message) = refusal(of: key, access) {
                        return .init(key: key, nodeID: -1, host: "", port: -1, errorCode: code, errorMessage: message)
                    }
                    return .init(key: key, nodeID: Broker.nodeID, host: address.host, port: address.port)
                }
            )
        )
    }

    /// nil for a group that the user may know of.
    private func refusal(of key: String, _ access: Access) -> (ErrorCode, String?)? {
        switch keyType {
        case Self.groupKeys:
            return access.knows(group: key) ? nil : (.groupAuthorizationFailed, nil)
        case Self.transactionKeys:
            // Clients would try again and again at any other code.
            return (.transactionalIDAuthorizationFailed, "transactions are not served")
        default:
            return (.invalidRequest, "only groups have coordinators here")
        }
    }
}
