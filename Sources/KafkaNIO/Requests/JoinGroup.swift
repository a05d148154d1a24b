// JoinGroup: a member comes into a group, or says that it is still there.
internal import KafkaProtocol
internal import NIOCore

extension JoinGroupRequest: ServedRequest {
    func start(_ call: Call) {
        guard call.connection.access.allows(.read, group: groupID) else {
            return call.answer(JoinGroupResponse(errorCode: .groupAuthorizationFailed, leader: "", memberID: memberID))
        }
        let join = GroupJoin(
            groupID: groupID,
            memberID: memberID,
            groupInstanceID: groupInstanceID,
            requiresKnownMemberID: call.version >= 4,
            supportsSkippingAssignment: call.version >= 9,
            clientID: call.header.clientID ?? "",
            clientHost: "/" + call.connection.peer,
            sessionTimeout: .milliseconds(Int64(sessionTimeoutMilliseconds)),
            rebalanceTimeout: .milliseconds(Int64(rebalanceTimeoutMilliseconds)),
            protocolType: protocolType,
            protocols: protocols.map { GroupProtocol(name: $0.name, metadata: Array($0.metadata.readableBytesView)) }
        )
        call.answer(
            { $0.join(join, waiter: $1, at: $2) },
            { answer -> JoinGroupResponse? in
                guard case .join(let join) = answer else { return nil }
                return JoinGroupResponse(join)
            }
        )
    }
}

extension JoinGroupResponse {
    fileprivate init(_ answer: JoinAnswer) {
        self.init(
            errorCode: ErrorCode(answer.code),
            generationID: answer.generation,
            protocolType: answer.protocolType,
            protocolName: answer.protocolName,
            leader: answer.leaderID,
            skipAssignment: answer.skipsAssignment,
            memberID: answer.memberID,
            members: answer.members.map {
                Member(
                    memberID: $0.memberID,
                    groupInstanceID: $0.groupInstanceID,
                    metadata: ByteBuffer(bytes: $0.metadata)
                )
            }
        )
    }
}
