// LeaveGroup: members go.
internal import KafkaProtocol

extension LeaveGroupRequest: ServedRequest {
    func start(_ call: Call) {
        guard call.connection.access.allows(.read, group: groupID) else {
            return call.answer(LeaveGroupResponse(errorCode: .groupAuthorizationFailed, members: []))
        }
        let leave = GroupLeave(
            groupID: groupID,
            members: members.map { GroupLeave.Member(memberID: $0.memberID, groupInstanceID: $0.groupInstanceID) }
        )
        call.answer(
            { $0.leave(leave, waiter: $1, at: $2) },
            { answer -> LeaveGroupResponse? in
                guard case .leave(let leave) = answer else { return nil }
                return LeaveGroupResponse(
                    errorCode: ErrorCode(leave.code),
                    members: leave.members.map {
                        LeaveGroupResponse.Member(
                            memberID: $0.memberID,
                            groupInstanceID: $0.groupInstanceID,
                            errorCode: ErrorCode($0.code)
                        )
                    }
                )
            }
        )
    }
}
