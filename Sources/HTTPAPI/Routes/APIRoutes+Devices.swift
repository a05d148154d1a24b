// The registry over HTTP.
internal import EventModel
internal import Hummingbird

extension APIRoutes {
    func addDevices(to router: Router) {
        router.get("/api/v1/devices") { [providers] request, _ in
            let query = try QueryReader(request, known: ["state", "match", "after", "max"])
            var filter = DeviceFilter()
            filter.pattern = try query.text("match")
            filter.after = try query.text("after")
            if let state = try query.text("state") {
                guard let known = DeviceState(rawValue: state) else {
                    let states = DeviceState.allCases.map(\.rawValue).joined(separator: ", ")
                    throw APIFailure(.badRequest, "`state` is one of \(states)")
                }
                filter.state = known
            }
            if let count = try query.integer("max", in: 1...DeviceFilter.countMax) { filter.count = count }
            return try Response.json(try await providers.devices.devices(filter))
        }
        router.get("/api/v1/devices/{id}") { [providers] _, context in
            try Response.json(try await providers.devices.device(context.pathPart("id")))
        }
        guard surface == .control else { return }
        router.patch("/api/v1/devices/{id}") { [providers] request, context in
            let id = try context.pathPart("id")
            let changes = try await request.document(DeviceChange.self)
            return try Response.json(try await providers.devices.change(id, changes))
        }
    }
}
