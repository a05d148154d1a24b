// Heartbeat: a member lives, and hears of a rebalance.
internal import KafkaProtocol

extension HeartbeatRequest: ServedRequest {
    func start(_ call: Call) {
        guard call.connection.access.allows(.read, group: groupID) else {
            return call.answer(HeartbeatResponse(errorCode: .groupAuthorizationFailed))
        }
        let membership = GroupMembership(
            groupID: groupID,
            generation: generationID,
            memberID: memberID,
            groupInstanceID: groupInstanceID
        )
        call.answer { groups, now in
            (HeartbeatResponse(errorCode: ErrorCode(groups.heartbeat(membership, at: now))), [])
        }
    }
}
