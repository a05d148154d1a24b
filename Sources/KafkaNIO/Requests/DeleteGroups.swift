// DeleteGroups: groups without members, with their offsets.
internal import KafkaProtocol

extension DeleteGroupsRequest: ServedRequest {
    func start(_ call: Call) {
        let access = call.connection.access
        let named = groupsNames.distinct(by: \.self).elements
        let ids = named.filter { access.allows(.delete, group: $0) }
        let denied = named.filter { !access.allows(.delete, group: $0) }
        call.answer(
            { $0.deleteGroups(ids, waiter: $1, at: $2) },
            { answer -> DeleteGroupsResponse? in
                guard case .deleteGroups(let deletions) = answer else { return nil }
                return DeleteGroupsResponse(
                    results: deletions.map {
                        DeleteGroupsResponse.Result(groupID: $0.groupID, errorCode: ErrorCode($0.code))
                    } + denied.map { DeleteGroupsResponse.Result(groupID: $0, errorCode: .groupAuthorizationFailed) }
                )
            }
        )
    }
}
