// Consumer groups over HTTP.
internal import Hummingbird

extension APIRoutes {
    func addGroups(to router: Router) {
        router.get("/api/v1/groups") { [providers] _, _ in
            try Response.json(GroupsDocument(groups: try await providers.groups.groups()))
        }
        router.get("/api/v1/groups/{group}") { [providers] _, context in
            try Response.json(try await providers.groups.group(context.pathPart("group")))
        }
        guard surface == .control else { return }
        router.post("/api/v1/groups/{group}/reset") { [providers] request, context in
            let group = try context.pathPart("group")
            let body = try await request.document(GroupResetRequest.self)
            return try Response.json(try await providers.groups.resetGroup(group, body))
        }
        router.delete("/api/v1/groups/{group}") { [providers] _, context in
            try Response.json(try await providers.groups.deleteGroup(context.pathPart("group")))
        }
    }
}
