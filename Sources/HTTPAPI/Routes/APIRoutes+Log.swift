// Topics and records over HTTP.
internal import EventModel
internal import Hummingbird

extension APIRoutes {
    /// More records than anybody reads in one answer; a script goes on with `from`.
    private static let recordsMax = 10_000_000

    func addLog(to router: Router) {
        router.get("/api/v1/topics") { [providers] _, _ in
            try Response.json(TopicsDocument(topics: try await providers.log.topics()))
        }
        router.get("/api/v1/topics/{topic}") { [providers] _, context in
            try Response.json(try await providers.log.topic(context.pathPart("topic")))
        }
        router.get("/api/v1/topics/{topic}/records") { [providers] request, context in
            let query = try Self.recordQuery(request, topic: context.pathPart("topic"))
            let lines = try await providers.log.records(query)
            return Response.lines(lines, to: request, endless: query.follow)
        }
        router.get("/api/v1/log/verify") { [providers, surface] _, _ in
            guard surface == .control else {
                throw APIFailure(
                    .forbidden,
                    "this reads every byte of the log and is not for the network",
                    hint: "forebay log verify"
                )
            }
            return try Response.json(try await providers.log.verify())
        }
        if surface == .control { addTopicChanges(to: router) }
    }

    private func addTopicChanges(to router: Router) {
        router.post("/api/v1/topics/{topic}") { [providers] request, context in
            let topic = try context.pathPart("topic")
            let settings = try await request.document(TopicSettings.self)
            return try Response.json(try await providers.topics.createTopic(topic, settings))
        }
        router.patch("/api/v1/topics/{topic}") { [providers] request, context in
            let topic = try context.pathPart("topic")
            let settings = try await request.document(TopicSettings.self)
            return try Response.json(try await providers.topics.alterTopic(topic, settings))
        }
        router.delete("/api/v1/topics/{topic}") { [providers] _, context in
            try Response.json(try await providers.topics.deleteTopic(context.pathPart("topic")))
        }
    }

    private static func recordQuery(_ request: Request, topic: String) throws(APIFailure) -> RecordQuery {
        let known = ["from", "to", "partition", "device", "metric", "max", "follow"]
        let query = try QueryReader(request, known: known)
        return RecordQuery(
            topic: topic,
            from: try query.position("from"),
            to: try query.position("to"),
            partition: try query.integer("partition", in: 0...Int(Int32.max)),
            device: try query.text("device"),
            metric: try query.text("metric"),
            count: try query.integer("max", in: 1...recordsMax),
            follow: try query.flag("follow")
        )
    }
}
