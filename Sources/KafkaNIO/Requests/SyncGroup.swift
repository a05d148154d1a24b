// SyncGroup: the leader brings the assignment, the others wait for it.
internal import KafkaProtocol
internal import NIOCore

extension SyncGroupRequest: ServedRequest {
    func start(_ call: Call) {
        guard call.connection.access.allows(.read, group: groupID) else {
            return call.answer(SyncGroupResponse(errorCode: .groupAuthorizationFailed, assignment: ByteBuffer()))
        }
        let sync = GroupSync(
            membership: GroupMembership(
                groupID: groupID,
                generation: generationID,
                memberID: memberID,
                groupInstanceID: groupInstanceID
            ),
            protocolType: protocolType,
            protocolName: protocolName,
            assignments: Dictionary(
                assignments.map { ($0.memberID, Array($0.assignment.readableBytesView)) },
                uniquingKeysWith: { $1 }
            )
        )
        call.answer(
            { $0.sync(sync, waiter: $1, at: $2) },
            { answer -> SyncGroupResponse? in
                guard case .sync(let sync) = answer else { return nil }
                return SyncGroupResponse(
                    errorCode: ErrorCode(sync.code),
                    protocolType: sync.protocolType,
                    protocolName: sync.protocolName,
                    assignment: ByteBuffer(bytes: sync.assignment)
                )
            }
        )
    }
}
